//! The SQL of operators, their sessions and their wrong passwords.

use std::time::Duration;

use super::Operator;
use super::throttle::{MEMORY, Subject};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{OperatorId, Timestamp};

pub(super) async fn any(on: impl Into<On<'_>>) -> Result<bool, DbError> {
    Ok(query("select id from operators limit 1").optional(on).await?.is_some())
}

/// Whether the row was written; `false` when the e-mail is taken.
pub(super) async fn insert(
    tx: &mut Tx,
    id: &OperatorId,
    email: &str,
    hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let written = query(
        "insert into operators (id, email, password_hash, created_at, password_set_at)
         values ($1, $2, $3, $4, $4) on conflict (email) do nothing",
    )
    .bind(id)
    .bind(email)
    .bind(hash)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(written == 1)
}

pub(super) async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<(Operator, String)>, DbError> {
    let row = query("select id, email, password_hash from operators where email = $1").bind(email).optional(tx).await?;
    row.map(|row| Ok((operator(&row)?, row.get("password_hash")?))).transpose()
}

/// `None` also when the id is no operator's.
pub(super) async fn email(on: impl Into<On<'_>>, id: &str) -> Result<Option<String>, DbError> {
    let row = query("select email from operators where id = $1").bind(id).optional(on).await?;
    row.map(|row| row.get("email")).transpose()
}

fn operator(row: &Row) -> Result<Operator, DbError> {
    Ok(Operator { id: row.get("id")?, email: row.get("email")? })
}

pub(super) async fn set_password(tx: &mut Tx, id: &OperatorId, hash: &str, now: Timestamp) -> Result<(), DbError> {
    let sql = "update operators set password_hash = $1, password_set_at = $2 where id = $3";
    query(sql).bind(hash).bind(now).bind(id).execute(tx).await.map(drop)
}

/// Begins a session, and clears away those that are long over.
pub(super) async fn begin_session(
    tx: &mut Tx,
    session: &str,
    operator: &OperatorId,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), DbError> {
    query("delete from operator_sessions where expires_at < $1").bind(now).execute(tx).await?;
    query("insert into operator_sessions (id, operator_id, created_at, expires_at) values ($1, $2, $3, $4)")
        .bind(session)
        .bind(operator)
        .bind(now)
        .bind(until)
        .execute(tx)
        .await?;
    let sql = "update operators set signed_in_at = $1 where id = $2";
    query(sql).bind(now).bind(operator).execute(tx).await.map(drop)
}

pub(super) async fn session(on: impl Into<On<'_>>, session: &str, now: Timestamp) -> Result<Option<Operator>, DbError> {
    let row = query(
        "select o.id, o.email from operator_sessions s join operators o on o.id = s.operator_id
         where s.id = $1 and s.ended_at is null and s.expires_at > $2",
    )
    .bind(session)
    .bind(now)
    .optional(on)
    .await?;
    row.as_ref().map(operator).transpose()
}

pub(super) async fn end_session(tx: &mut Tx, session: &str, now: Timestamp) -> Result<(), DbError> {
    let sql = "update operator_sessions set ended_at = $1 where id = $2 and ended_at is null";
    query(sql).bind(now).bind(session).execute(tx).await.map(drop)
}

pub(super) async fn end_sessions(tx: &mut Tx, operator: &OperatorId, now: Timestamp) -> Result<(), DbError> {
    let sql = "update operator_sessions set ended_at = $1 where operator_id = $2 and ended_at is null";
    query(sql).bind(now).bind(operator).execute(tx).await.map(drop)
}

/// Counts a try for each subject, unless one of them has to wait: then for how long.
pub(super) async fn count_try(tx: &mut Tx, subjects: &[Subject], now: Timestamp) -> Result<Option<Duration>, DbError> {
    let forgotten = now.minus(MEMORY);
    query("delete from sign_in_failures where last_at < $1").bind(forgotten).execute(tx).await?;
    let mut wait: Option<Duration> = None;
    for subject in subjects {
        // Writing the row back as it is locks it until the end of the transaction, on either database.
        let row = query(
            "insert into sign_in_failures (subject, failures, last_at) values ($1, 0, $2)
             on conflict (subject) do update set subject = excluded.subject returning failures, last_at",
        )
        .bind(subject.key.as_str())
        .bind(now)
        .one(&mut *tx)
        .await?;
        wait = wait.max(subject.wait(row.get("failures")?, row.get("last_at")?, now));
    }
    if wait.is_none() {
        for subject in subjects {
            let sql = "update sign_in_failures set failures = failures + 1, last_at = $1 where subject = $2";
            query(sql).bind(now).bind(subject.key.as_str()).execute(tx).await?;
        }
    }
    Ok(wait)
}

/// The counted try was no failure: the e-mail starts anew, the address gets its one try back.
pub(super) async fn try_was_right(tx: &mut Tx, subjects: &[Subject; 2]) -> Result<(), DbError> {
    let [address, operator] = subjects;
    let sql = "update sign_in_failures set failures = failures - 1 where subject = $1 and failures > 0";
    query(sql).bind(address.key.as_str()).execute(tx).await?;
    forget_failures(tx, &operator.key).await
}

pub(super) async fn forget_failures(tx: &mut Tx, subject: &str) -> Result<(), DbError> {
    query("delete from sign_in_failures where subject = $1").bind(subject).execute(tx).await.map(drop)
}

//! The SQL of payments, attempts, captures and refunds.

use sqlx::{Executor, Sqlite, query, query_as};

use super::record::{Attempt, Capture, Card, Payment, Refund};
use crate::simulator::store::Tx;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub async fn insert_payment(tx: &mut Tx, payment: &Payment) -> Result<()> {
    query(
        "insert into payments (id, client_token, register_key, reference, order_ids, amount, currency, capture,
             parent_origin, return_url, status, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
    )
    .bind(&payment.id)
    .bind(&payment.client_token)
    .bind(&payment.register_key)
    .bind(&payment.reference)
    .bind(&payment.order_ids)
    .bind(payment.amount)
    .bind(&payment.currency)
    .bind(&payment.capture)
    .bind(&payment.parent_origin)
    .bind(&payment.return_url)
    .bind(&payment.status)
    .bind(payment.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn update_payment(tx: &mut Tx, payment: &Payment) -> Result<()> {
    query(
        "update payments set status = $2, captured_amount = $3, refunded_amount = $4, disputed_amount = $5,
             updated_at = $6 where id = $1",
    )
    .bind(&payment.id)
    .bind(&payment.status)
    .bind(payment.captured_amount)
    .bind(payment.refunded_amount)
    .bind(payment.disputed_amount)
    .bind(payment.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn payment<'e>(on: impl Executor<'e, Database = Sqlite>, id: &str) -> Result<Option<Payment>> {
    query_as("select * from payments where id = $1").bind(id).fetch_optional(on).await
}

pub async fn payment_by_client_token<'e>(
    on: impl Executor<'e, Database = Sqlite>,
    client_token: &str,
) -> Result<Option<Payment>> {
    query_as("select * from payments where client_token = $1").bind(client_token).fetch_optional(on).await
}

/// The newest hundred payments with this reference of the caller, oldest first.
pub async fn payments_by_reference<'e>(
    on: impl Executor<'e, Database = Sqlite>,
    reference: &str,
) -> Result<Vec<Payment>> {
    let mut found: Vec<Payment> = query_as("select * from payments where reference = $1 order by seq desc limit 100")
        .bind(reference)
        .fetch_all(on)
        .await?;
    found.reverse();
    Ok(found)
}

pub async fn insert_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    query(
        "insert into attempts (id, payment_id, key, status, decline_code, card, brand, last4, challenge_token, due_at,
             created_at, updated_at, saved_card)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)",
    )
    .bind(&attempt.id)
    .bind(&attempt.payment_id)
    .bind(&attempt.key)
    .bind(&attempt.status)
    .bind(&attempt.decline_code)
    .bind(&attempt.card)
    .bind(&attempt.brand)
    .bind(&attempt.last4)
    .bind(&attempt.challenge_token)
    .bind(attempt.due_at)
    .bind(attempt.created_at)
    .bind(&attempt.saved_card)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn update_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    query("update attempts set status = $2, decline_code = $3, due_at = $4, updated_at = $5 where id = $1")
        .bind(&attempt.id)
        .bind(&attempt.status)
        .bind(&attempt.decline_code)
        .bind(attempt.due_at)
        .bind(attempt.updated_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The last attempt of a payment.
pub async fn latest_attempt<'e>(on: impl Executor<'e, Database = Sqlite>, payment_id: &str) -> Result<Option<Attempt>> {
    query_as("select * from attempts where payment_id = $1 order by seq desc limit 1")
        .bind(payment_id)
        .fetch_optional(on)
        .await
}

pub async fn attempt_by_key<'e>(on: impl Executor<'e, Database = Sqlite>, key: &str) -> Result<Option<Attempt>> {
    query_as("select * from attempts where key = $1").bind(key).fetch_optional(on).await
}

pub async fn attempt_by_challenge<'e>(
    on: impl Executor<'e, Database = Sqlite>,
    challenge_token: &str,
) -> Result<Option<Attempt>> {
    query_as("select * from attempts where challenge_token = $1").bind(challenge_token).fetch_optional(on).await
}

/// Attempts whose time has come.
pub async fn attempts_due<'e>(on: impl Executor<'e, Database = Sqlite>, now: i64) -> Result<Vec<Attempt>> {
    query_as("select * from attempts where due_at <= $1 order by due_at limit 50").bind(now).fetch_all(on).await
}

pub async fn insert_capture(
    tx: &mut Tx,
    id: &str,
    payment: &Payment,
    key: &str,
    amount: i64,
    fee: i64,
    now: i64,
) -> Result<()> {
    query("insert into captures (id, payment_id, key, amount, fee, created_at) values ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(&payment.id)
        .bind(key)
        .bind(amount)
        .bind(fee)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What was taken of a payment: one capture or none.
pub async fn captures<'e>(on: impl Executor<'e, Database = Sqlite>, payment_id: &str) -> Result<Vec<Capture>> {
    query_as("select id, key, amount, created_at from captures where payment_id = $1 order by seq")
        .bind(payment_id)
        .fetch_all(on)
        .await
}

pub async fn insert_refund(tx: &mut Tx, refund: &Refund) -> Result<()> {
    query(
        "insert into refunds (id, payment_id, key, amount, reference, created_at, returns_at, charge)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&refund.id)
    .bind(&refund.payment_id)
    .bind(&refund.key)
    .bind(refund.amount)
    .bind(&refund.reference)
    .bind(refund.created_at)
    .bind(refund.returns_at)
    .bind(&refund.charge)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The refund with this id, or made under this key.
pub async fn refund<'e>(on: impl Executor<'e, Database = Sqlite>, name: &str) -> Result<Option<Refund>> {
    query_as("select * from refunds where id = $1 or key = $1").bind(name).fetch_optional(on).await
}

/// Refunds whose time to come back is there.
pub async fn refunds_returning<'e>(on: impl Executor<'e, Database = Sqlite>, now: i64) -> Result<Vec<Refund>> {
    query_as("select * from refunds where returns_at <= $1 order by returns_at limit 50").bind(now).fetch_all(on).await
}

/// Writes how a refund stands.
pub async fn update_refund(tx: &mut Tx, refund: &Refund) -> Result<()> {
    query("update refunds set failed_at = $2, failure_code = $3, returns_at = $4 where id = $1")
        .bind(&refund.id)
        .bind(refund.failed_at)
        .bind(&refund.failure_code)
        .bind(refund.returns_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What of the charge of an attempt was given back by its name.
pub async fn returned_of_charge(tx: &mut Tx, attempt: &str) -> Result<i64> {
    query_as("select coalesce(sum(amount), 0) from refunds where charge = $1 and failed_at is null")
        .bind(attempt)
        .fetch_one(&mut **tx)
        .await
        .map(|(sum,): (i64,)| sum)
}

/// The attempt with this id.
pub async fn attempt<'e>(on: impl Executor<'e, Database = Sqlite>, id: &str) -> Result<Option<Attempt>> {
    query_as("select * from attempts where id = $1").bind(id).fetch_optional(on).await
}

/// A payment's refunds, oldest first.
pub async fn refunds<'e>(on: impl Executor<'e, Database = Sqlite>, payment_id: &str) -> Result<Vec<Refund>> {
    query_as("select * from refunds where payment_id = $1 order by seq limit 1000").bind(payment_id).fetch_all(on).await
}

pub async fn insert_card_token(tx: &mut Tx, token: &str, payment_id: &str, card: &Card, now: i64) -> Result<()> {
    query(
        "insert into card_tokens (token, payment_id, card, brand, last4, created_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(token)
    .bind(payment_id)
    .bind(&card.magic)
    .bind(&card.brand)
    .bind(&card.last4)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The card behind a token, if the token was made for this payment.
pub async fn card_of_token(tx: &mut Tx, token: &str, payment_id: &str) -> Result<Option<Card>> {
    query_as("select card, brand, last4 from card_tokens where token = $1 and payment_id = $2")
        .bind(token)
        .bind(payment_id)
        .fetch_optional(&mut **tx)
        .await
}

/// The card behind the token of a kept one.
pub async fn saved_card(tx: &mut Tx, token: &str) -> Result<Option<Card>> {
    query_as("select card, brand, last4 from attempts where saved_card = $1 and status in ('authorized', 'succeeded')")
        .bind(token)
        .fetch_optional(&mut **tx)
        .await
}

/// A row of the idempotency table.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyRow {
    pub operation: String,
    pub fingerprint: String,
    pub payment_id: Option<String>,
    pub status: Option<i64>,
    pub answer: Option<String>,
}

pub async fn key<'e>(on: impl Executor<'e, Database = Sqlite>, key: &str) -> Result<Option<KeyRow>> {
    query_as("select operation, fingerprint, payment_id, status, answer from idempotency_keys where key = $1")
        .bind(key)
        .fetch_optional(on)
        .await
}

pub async fn count_call(tx: &mut Tx, key: &str) -> Result<()> {
    query("update idempotency_keys set calls = calls + 1 where key = $1").bind(key).execute(&mut **tx).await?;
    Ok(())
}

pub async fn insert_key(tx: &mut Tx, key: &str, row: &KeyRow, now: i64) -> Result<()> {
    query(
        "insert into idempotency_keys (key, operation, fingerprint, payment_id, status, answer, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(key)
    .bind(&row.operation)
    .bind(&row.fingerprint)
    .bind(&row.payment_id)
    .bind(row.status)
    .bind(&row.answer)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the answer of a call that was still being executed. Changes nothing when there is one already.
pub async fn answer_key(tx: &mut Tx, key: &str, status: i64, answer: &str) -> Result<()> {
    query("update idempotency_keys set status = $2, answer = $3 where key = $1 and answer is null")
        .bind(key)
        .bind(status)
        .bind(answer)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

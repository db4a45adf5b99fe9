//! The SQL of the books. Rows are only ever added.

use super::posting::{Posting, Transfer};
use super::read::{Journal, Line};
use crate::db::{DbError, On, Row, Tx, Value, insert_many, query};
use crate::words::{Currency, JournalId, Money, Page, PaymentId, Tenant};
use std::collections::HashSet;

/// Adds journals whose facts are new, and says which those were.
pub(super) async fn insert_journals(
    tx: &mut Tx,
    journals: &[(JournalId, &Posting)],
) -> Result<HashSet<JournalId>, DbError> {
    let rows = journals
        .iter()
        .map(|(id, posting)| {
            vec![
                Value::from(&posting.tenant.merchant),
                posting.tenant.mode.into(),
                id.into(),
                posting.kind.into(),
                (&posting.source_id).into(),
                (&posting.payment).into(),
                count(posting.transfers.len()).into(),
                posting.control_total().into(),
                posting.now.into(),
            ]
        })
        .collect();
    insert_many(
        "insert into journals (merchant_id, livemode, id, kind, source_id, payment_id, transfer_count, control_total, created_at)",
        rows,
        "on conflict (merchant_id, livemode, kind, source_id) do nothing returning id",
    )
    .all(tx)
    .await?
    .iter()
    .map(|row| row.get("id"))
    .collect()
}

/// Adds the transfers of journals that were just added.
pub(super) async fn insert_transfers(tx: &mut Tx, journals: &[(JournalId, &Posting)]) -> Result<(), DbError> {
    let rows = journals
        .iter()
        .flat_map(|(id, posting)| {
            posting.transfers.iter().zip(0_i64..).map(move |(transfer, line)| (id, posting, transfer, line))
        })
        .map(|(id, posting, transfer, line)| {
            vec![
                Value::from(&posting.tenant.merchant),
                posting.tenant.mode.into(),
                id.into(),
                line.into(),
                transfer.debit.to_string().into(),
                transfer.credit.to_string().into(),
                transfer.amount.minor().into(),
                transfer.amount.currency().into(),
                posting.now.into(),
            ]
        })
        .collect();
    insert_many(
        "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at)",
        rows,
        "",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Lets journals that were just added wait for the sealer. A row of its own for each: no payment waits here for another.
pub(super) async fn insert_unsealed(tx: &mut Tx, journals: &[(JournalId, &Posting)]) -> Result<(), DbError> {
    let rows = journals
        .iter()
        .map(|(id, posting)| vec![Value::from(id), (&posting.tenant.merchant).into(), posting.tenant.mode.into()])
        .collect();
    insert_many("insert into unsealed_journals (journal_id, merchant_id, livemode)", rows, "").execute(tx).await?;
    Ok(())
}

/// What is in the books about a fact already.
pub(super) async fn posted(
    tx: &mut Tx,
    tenant: &Tenant,
    kind: &str,
    source_id: &str,
) -> Result<(JournalId, Option<PaymentId>, Vec<Transfer>), DbError> {
    let journal = query(
        "select id, payment_id from journals where merchant_id = $1 and livemode = $2 and kind = $3 and source_id = $4",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(kind)
    .bind(source_id)
    .one(&mut *tx)
    .await?;
    let id: JournalId = journal.get("id")?;
    let transfers = query(
        "select debit_account, credit_account, amount, currency from transfers \
         where merchant_id = $1 and livemode = $2 and journal_id = $3 order by line",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(&id)
    .all(tx)
    .await?
    .iter()
    .map(transfer)
    .collect::<Result<_, _>>()?;
    Ok((id, journal.get("payment_id")?, transfers))
}

/// A page of journals with their lines, in the order in which the page is read.
pub(super) async fn journals(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    payment: Option<&PaymentId>,
    page: &Page,
) -> Result<Vec<Journal>, DbError> {
    let sql = match (payment, page.is_backwards()) {
        (None, false) => {
            "select j.id, j.kind, j.source_id, j.payment_id, j.created_at, t.debit_account, t.credit_account, t.amount, \
             t.currency from (select * from journals where merchant_id = $1 and livemode = $2 and id < $3 \
             order by id desc limit $4) j join transfers t on t.merchant_id = j.merchant_id \
             and t.livemode = j.livemode and t.journal_id = j.id order by j.id desc, t.line"
        }
        (None, true) => {
            "select j.id, j.kind, j.source_id, j.payment_id, j.created_at, t.debit_account, t.credit_account, t.amount, \
             t.currency from (select * from journals where merchant_id = $1 and livemode = $2 and id > $3 \
             order by id limit $4) j join transfers t on t.merchant_id = j.merchant_id \
             and t.livemode = j.livemode and t.journal_id = j.id order by j.id, t.line"
        }
        (Some(_), false) => {
            "select j.id, j.kind, j.source_id, j.payment_id, j.created_at, t.debit_account, t.credit_account, t.amount, \
             t.currency from (select * from journals where merchant_id = $1 and livemode = $2 and id < $3 \
             and payment_id = $5 order by id desc limit $4) j join transfers t on t.merchant_id = j.merchant_id \
             and t.livemode = j.livemode and t.journal_id = j.id order by j.id desc, t.line"
        }
        (Some(_), true) => {
            "select j.id, j.kind, j.source_id, j.payment_id, j.created_at, t.debit_account, t.credit_account, t.amount, \
             t.currency from (select * from journals where merchant_id = $1 and livemode = $2 and id > $3 \
             and payment_id = $5 order by id limit $4) j join transfers t on t.merchant_id = j.merchant_id \
             and t.livemode = j.livemode and t.journal_id = j.id order by j.id, t.line"
        }
    };
    let mut query = query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch());
    if let Some(payment) = payment {
        query = query.bind(payment);
    }
    let mut journals: Vec<Journal> = Vec::new();
    for row in query.all(on).await? {
        let id: JournalId = row.get("id")?;
        if journals.last().is_none_or(|journal| journal.id != id) {
            journals.push(Journal {
                id,
                kind: row.get("kind")?,
                source_id: row.get("source_id")?,
                payment: row.get("payment_id")?,
                created_at: row.get("created_at")?,
                lines: Vec::new(),
            });
        }
        if let Some(journal) = journals.last_mut() {
            journal.lines.extend(lines(&row)?);
        }
    }
    Ok(journals)
}

/// Whether there is such a journal.
pub(super) async fn is_posted(on: impl Into<On<'_>>, tenant: &Tenant, id: &JournalId) -> Result<bool, DbError> {
    let journal = query("select id from journals where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(on)
        .await?;
    Ok(journal.is_some())
}

/// The payment of a journal, if it has one; `None` when there is no such journal.
pub(super) async fn payment_of(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    id: &JournalId,
) -> Result<Option<Option<PaymentId>>, DbError> {
    let journal = query("select payment_id from journals where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(on)
        .await?;
    journal.map(|row| row.get("payment_id")).transpose()
}

fn lines(row: &Row) -> Result<[Line; 2], DbError> {
    let amount: i64 = row.get("amount")?;
    let currency: Currency = row.get("currency")?;
    let credited = amount.checked_neg().ok_or_else(|| corrupt("amount", &"too small"))?;
    Ok([
        Line { account: row.get("debit_account")?, amount, currency },
        Line { account: row.get("credit_account")?, amount: credited, currency },
    ])
}

fn transfer(row: &Row) -> Result<Transfer, DbError> {
    let account = |column: &str| -> Result<_, DbError> {
        row.get::<String>(column)?.parse().map_err(|error: super::UnknownAccount| corrupt(column, &error))
    };
    let amount =
        Money::of(row.get("amount")?, row.get("currency")?).ok_or_else(|| corrupt("amount", &"not an amount"))?;
    Ok(Transfer { debit: account("debit_account")?, credit: account("credit_account")?, amount })
}

fn corrupt(column: &str, reason: &dyn std::fmt::Display) -> DbError {
    DbError::Corrupt { column: column.to_owned(), reason: reason.to_string() }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

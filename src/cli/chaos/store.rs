//! The SQL of the second and third witness: our tables and our ledger, as they are when it is quiet again.

use std::collections::{BTreeMap, HashSet};

use crate::db::{Db, DbError, Row, query, retrying};

/// A payment as we have it. Amounts in minor units.
#[derive(Debug, Clone)]
pub struct OurPayment {
    /// `pay_...`
    pub id: String,
    /// `cs_...`
    pub session: String,
    /// As it stands in the table.
    pub status: String,
    /// Whether the money is first held and taken later.
    pub manual: bool,
    /// Whether a card held its money some time.
    pub authorized: bool,
    /// What it is for.
    pub amount: i64,
    /// What we say we took.
    pub captured: i64,
    /// What we hold or gave back.
    pub refunded: i64,
    /// How many of its attempts were declined.
    pub declines: i64,
}

/// A refund as we have it.
#[derive(Debug, Clone)]
pub struct OurRefund {
    /// `re_...`, which is also its key at the PSP.
    pub id: String,
    /// Of which payment.
    pub payment: String,
    /// In minor units.
    pub amount: i64,
    /// As it stands in the table.
    pub status: String,
}

/// The orders that were delivered, `po_...`.
pub async fn delivered(db: &Db) -> Result<Vec<String>, DbError> {
    let rows = query("select payment_order_id from payment_orders where fulfilled_at is not null").all(db).await?;
    rows.iter().map(|row| row.get("payment_order_id")).collect()
}

/// A payout as we have it.
#[derive(Debug, Clone)]
pub struct OurPayout {
    /// `out_...`, which is also its key at the provider.
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// As it stands in the table.
    pub status: String,
}

/// Every payout.
pub async fn payouts(db: &Db) -> Result<Vec<OurPayout>, DbError> {
    let rows = query("select id, amount, status from payouts order by id").all(db).await?;
    rows.iter()
        .map(|row| Ok(OurPayout { id: row.get("id")?, amount: row.get("amount")?, status: row.get("status")? }))
        .collect()
}

/// A dispute as we have it.
#[derive(Debug, Clone)]
pub struct OurDispute {
    /// `dp_...`
    pub id: String,
    /// The PSP's name for it.
    pub reference: String,
    /// Of which payment.
    pub payment: String,
    /// In minor units.
    pub amount: i64,
    /// In minor units.
    pub fee: i64,
    /// As it stands in the table.
    pub status: String,
    /// The merchant's word, which is also its key at the PSP, once the PSP has taken it.
    pub word: Option<String>,
    /// Whether that word is evidence, not that the merchant gives in.
    pub defended: bool,
}

/// Every dispute.
pub async fn disputes(db: &Db) -> Result<Vec<OurDispute>, DbError> {
    let rows = query(
        "select d.id, d.psp_reference, d.payment_id, d.amount, d.fee, d.status, e.id as word,
             coalesce(not e.gives_in, false) as defended
         from disputes d left join dispute_evidence e on e.dispute_id = d.id and e.status = 'taken' order by d.id",
    )
    .all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OurDispute {
                id: row.get("id")?,
                reference: row.get("psp_reference")?,
                payment: row.get("payment_id")?,
                amount: row.get("amount")?,
                fee: row.get("fee")?,
                status: row.get("status")?,
                word: row.get("word")?,
                defended: row.get("defended")?,
            })
        })
        .collect()
}

/// The cards that were saved, `pm_...`.
pub async fn saved_cards(db: &Db) -> Result<Vec<String>, DbError> {
    let rows = query("select id from payment_methods order by id").all(db).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Lets the time of an open session be over: the shortest that a merchant may set is longer than a run.
pub async fn let_time_run_out(db: &Db, session: &str) -> Result<(), DbError> {
    retrying(async || {
        let mut tx = db.begin().await?;
        query("update checkout_sessions set expires_at = created_at + 1 where id = $1 and status = 'open'")
            .bind(session)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    })
    .await
}

/// Whether nothing was ever paid in this database.
pub async fn is_unused(db: &Db) -> Result<bool, DbError> {
    Ok(count(db, "select count(*) as n from payments").await? == 0)
}

/// Every payment.
pub async fn payments(db: &Db) -> Result<Vec<OurPayment>, DbError> {
    let rows = query(
        "select p.id, p.checkout_id, p.status, p.capture, p.authorized_at, p.amount, p.captured, p.refunded, coalesce(d.declines, 0) as declines
         from payments p left join (
             select payment_id, count(*) as declines from attempts where state = 'declined' group by payment_id
         ) d on d.payment_id = p.id order by p.id",
    )
    .all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OurPayment {
                id: row.get("id")?,
                session: row.get::<Option<String>>("checkout_id")?.unwrap_or_default(),
                status: row.get("status")?,
                manual: row.get::<String>("capture")? == "manual",
                authorized: row.get::<Option<i64>>("authorized_at")?.is_some(),
                amount: row.get("amount")?,
                captured: row.get("captured")?,
                refunded: row.get("refunded")?,
                declines: row.get("declines")?,
            })
        })
        .collect()
}

/// The keys under which the PSP was asked for money.
pub async fn keys(db: &Db) -> Result<HashSet<String>, DbError> {
    query("select psp_key from attempts union all select psp_key from captures")
        .all(db)
        .await?
        .iter()
        .map(|row| row.get("psp_key"))
        .collect()
}

/// Every refund.
pub async fn refunds(db: &Db) -> Result<Vec<OurRefund>, DbError> {
    let rows = query("select id, payment_id, amount, status from refunds order by id").all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(OurRefund {
                id: row.get("id")?,
                payment: row.get("payment_id")?,
                amount: row.get("amount")?,
                status: row.get("status")?,
            })
        })
        .collect()
}

/// What the ledger says that the PSP owes us for each payment, in minor units.
pub async fn psp_balances(db: &Db) -> Result<BTreeMap<String, i64>, DbError> {
    let rows = query(
        "select coalesce(j.payment_id, '') as about, cast(sum(case when t.debit_account like 'psp:%' then t.amount else 0 end)
             - sum(case when t.credit_account like 'psp:%' then t.amount else 0 end) as bigint) as n
         from transfers t join journals j on j.id = t.journal_id
         where t.debit_account like 'psp:%' or t.credit_account like 'psp:%' group by j.payment_id",
    );
    balances(&rows.all(db).await?)
}

/// What the ledger says that came to the bank, or left it, for each payout, in minor units.
pub async fn bank_balances(db: &Db) -> Result<BTreeMap<String, i64>, DbError> {
    let rows = query(
        "select j.source_id as about, cast(sum(case when t.debit_account = 'bank' then t.amount else -t.amount end) as bigint) as n
         from transfers t join journals j on j.id = t.journal_id
         where t.debit_account = 'bank' or t.credit_account = 'bank' group by j.source_id",
    );
    balances(&rows.all(db).await?)
}

fn balances(rows: &[Row]) -> Result<BTreeMap<String, i64>, DbError> {
    rows.iter().map(|row| Ok((row.get("about")?, row.get("n")?))).collect()
}

/// What is not finished, by name; nothing else is waited for.
pub async fn unfinished(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    let questions = [
        (
            "attempts without an outcome",
            "select count(*) as n from attempts where state not in ('approved', 'declined')",
        ),
        ("captures without an outcome", "select count(*) as n from captures where status = 'pending'"),
        (
            "payouts without an outcome",
            "select count(*) as n from payouts where status in ('needs_approval', 'pending', 'processing')",
        ),
        (
            "sessions past their time",
            "select count(*) as n from checkout_sessions where status = 'open' and expires_at = created_at + 1",
        ),
        (
            "words in a dispute without an outcome",
            "select count(*) as n from dispute_evidence where status = 'sending'",
        ),
        ("refunds without an outcome", "select count(*) as n from refunds where status = 'pending'"),
        ("jobs waiting or running", "select count(*) as n from jobs where status <> 'dead'"),
        ("events without a place", "select count(*) as n from events where position is null"),
        (
            "events not fanned out",
            "select count(*) as n from events where position > (select min(position) from event_consumers)",
        ),
        ("webhooks to deliver", "select count(*) as n from webhook_deliveries where status = 'pending'"),
    ];
    let mut left = Vec::new();
    for (name, sql) in questions {
        let found = count(db, sql).await?;
        if found > 0 {
            left.push((name.to_owned(), found));
        }
    }
    Ok(left)
}

/// The addresses of 3-D Secure challenges that nobody has answered.
pub async fn open_challenges(db: &Db) -> Result<Vec<String>, DbError> {
    let rows = query("select action_url from attempts where state = 'action_required'").all(db).await?;
    rows.iter().map(|row| row.get("action_url")).collect()
}

/// Jobs that were given up, with what they said.
pub async fn dead_jobs(db: &Db) -> Result<Vec<String>, DbError> {
    let rows =
        query("select kind, key, coalesce(last_error, '') as error from jobs where status = 'dead'").all(db).await?;
    rows.iter()
        .map(|row| {
            let (kind, key, error) =
                (row.get::<String>("kind")?, row.get::<String>("key")?, row.get::<String>("error")?);
            Ok(format!("{kind} {key}: {error}"))
        })
        .collect()
}

async fn count(db: &Db, sql: &'static str) -> Result<i64, DbError> {
    query(sql).one(db).await?.get("n")
}

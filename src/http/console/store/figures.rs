//! The SQL of the first page.

use crate::db::{Db, DbError, query};
use crate::words::{Currency, Mode, Timestamp};

/// What waits for somebody.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Per currency and mode, since the day began.
    pub today: Vec<Day>,
    /// Attempts whose outcome is not known.
    pub unknown: i64,
    /// Refunds that should have been done by now and are not known to be.
    pub unknown_refunds: i64,
    /// When the oldest of both was sent.
    pub unknown_since: Option<Timestamp>,
    /// Deliveries that failed at least once and are tried again.
    pub retrying: i64,
    /// Deliveries that were given up in the last day.
    pub given_up: i64,
    /// Jobs that were given up.
    pub dead: i64,
    /// What waits for a second person.
    pub approvals: Approvals,
}

/// What one person has asked for and another has not decided yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approvals {
    /// Payouts above the limit.
    pub payouts: i64,
    /// Corrections of the books.
    pub corrections: i64,
    /// Ends of differences that reconciliation found.
    pub breaks: i64,
    /// Other limits for payouts.
    pub limits: i64,
}

/// One currency's payments in one mode.
#[derive(Debug, Clone)]
pub struct Day {
    pub currency: Currency,
    pub mode: Mode,
    pub opened: i64,
    pub paid: i64,
    pub failed: i64,
    /// Minor units.
    pub taken: i128,
}

/// The figures since `midnight`; attempts and refunds not heard of since `silent_since` count as unknown.
pub async fn figures(
    db: &Db,
    midnight: Timestamp,
    yesterday: Timestamp,
    silent_since: Timestamp,
) -> Result<Figures, DbError> {
    let unknown = query(
        "select count(*) as waiting, min(sent_at) as since from attempts
         where state in ('sent', 'action_required', 'pending', 'unknown')
           and (state = 'unknown' or (state in ('sent', 'pending') and sent_at < $1))",
    )
    .bind(silent_since)
    .one(db)
    .await?;
    let refunds =
        query("select count(*) as waiting, min(created_at) as since from refunds where status = 'pending' and created_at < $1")
            .bind(silent_since)
            .one(db)
            .await?;
    let since = [unknown.get::<Option<Timestamp>>("since")?, refunds.get("since")?];
    let retrying =
        query("select count(*) as n from webhook_deliveries where status = 'pending' and attempts > 0").one(db).await?;
    let given_up = query("select count(*) as n from webhook_deliveries where status = 'failed' and finished_at >= $1")
        .bind(yesterday)
        .one(db)
        .await?;
    let dead = query("select count(*) as n from jobs where status = 'dead' and resolved_at is null").one(db).await?;
    Ok(Figures {
        today: today(db, midnight).await?,
        unknown: unknown.get("waiting")?,
        unknown_refunds: refunds.get("waiting")?,
        unknown_since: since.into_iter().flatten().min(),
        retrying: retrying.get("n")?,
        given_up: given_up.get("n")?,
        dead: dead.get("n")?,
        approvals: approvals(db).await?,
    })
}

/// Each count names its index's own condition, so that it reads what is open and nothing else.
async fn approvals(db: &Db) -> Result<Approvals, DbError> {
    let row = query(
        "select
             (select count(*) from payouts
              where status in ('needs_approval', 'pending', 'processing') and status = 'needs_approval') as payouts,
             (select count(*) from corrections where status = 'asked') as corrections,
             (select count(*) from breaks where status <> 'resolved' and status = 'proposed') as breaks,
             (select count(*) from limit_proposals where status = 'asked') as limits",
    )
    .one(db)
    .await?;
    Ok(Approvals {
        payouts: row.get("payouts")?,
        corrections: row.get("corrections")?,
        breaks: row.get("breaks")?,
        limits: row.get("limits")?,
    })
}

async fn today(db: &Db, midnight: Timestamp) -> Result<Vec<Day>, DbError> {
    let rows = query(
        "select currency, livemode, count(*) as opened,
             count(case when status = 'succeeded' then 1 end) as paid,
             count(case when status = 'failed' then 1 end) as failed,
             cast(coalesce(sum(captured >> 40), 0) as bigint) as taken_high,
             cast(coalesce(sum(captured & 1099511627775), 0) as bigint) as taken_low
         from payments where created_at >= $1
         group by currency, livemode order by livemode desc, currency",
    )
    .bind(midnight)
    .all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Day {
                currency: row.get("currency")?,
                mode: row.get("livemode")?,
                opened: row.get("opened")?,
                paid: row.get("paid")?,
                failed: row.get("failed")?,
                taken: row.wide("taken")?,
            })
        })
        .collect()
}

//! The SQL of payouts.

use std::time::Duration;

use super::sweep::LOOK_EVERY;
use super::{Payout, PayoutStatus};
use crate::db::{DbError, List, On, Row, Tx, query};
use crate::ledger::Account;
use crate::merchants::sellers::Seller;
use crate::words::{Currency, Money, OperatorId, Page, PayoutId, SellerId, Slice, Tenant, Timestamp};

/// Writes a new payout.
pub(super) async fn insert(tx: &mut Tx, payout: &Payout) -> Result<(), DbError> {
    query(
        "insert into payouts (id, merchant_id, livemode, seller_id, currency, amount, status, provider, provider_key,
             destination, bank_name, last4, period, metadata, asked_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $1, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(&payout.id)
    .bind(&payout.tenant.merchant)
    .bind(payout.tenant.mode)
    .bind(&payout.seller)
    .bind(payout.amount.currency())
    .bind(payout.amount.minor())
    .bind(payout.status.as_str())
    .bind(&payout.provider)
    .bind(&payout.destination)
    .bind(&payout.bank_name)
    .bind(&payout.last4)
    .bind(&payout.period)
    .bind(payout.metadata.to_string())
    .bind(&payout.asked_by)
    .bind(payout.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes that a pending payout is being ordered; says whether it still was pending.
pub(super) async fn begin(tx: &mut Tx, id: &PayoutId, now: Timestamp) -> Result<bool, DbError> {
    let begun = query("update payouts set status = 'processing', sent_at = $2 where id = $1 and status = 'pending'")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(begun == 1)
}

/// Writes that the provider has it.
pub(super) async fn seen(tx: &mut Tx, id: &PayoutId, reference: Option<&str>, now: Timestamp) -> Result<(), DbError> {
    query(
        "update payouts set seen_at = $2, provider_reference = coalesce($3, provider_reference)
         where id = $1 and status = 'processing'",
    )
    .bind(id)
    .bind(now)
    .bind(reference.map(str::to_owned))
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what a payout has become that was `before`; says whether it still was that.
pub(super) async fn settle(tx: &mut Tx, before: PayoutStatus, after: &Payout) -> Result<bool, DbError> {
    let look_at = after.settled_at.filter(|_| after.status == PayoutStatus::Paid).map(|at| at.plus(LOOK_EVERY));
    let settled = query(
        "update payouts set status = $3, provider_reference = $4, failure_code = $5, seen_at = $6, settled_at = $7,
             returned_at = $8, look_at = $9
         where id = $1 and status = $2",
    )
    .bind(&after.id)
    .bind(before.as_str())
    .bind(after.status.as_str())
    .bind(&after.provider_reference)
    .bind(&after.failure_code)
    .bind(after.seen_at)
    .bind(after.settled_at)
    .bind(after.returned_at)
    .bind(look_at)
    .execute(tx)
    .await?;
    Ok(settled == 1)
}

/// Writes that a payout failed before it was ordered; says whether it still was not.
pub(super) async fn fail_unsent(tx: &mut Tx, id: &PayoutId, code: &str, now: Timestamp) -> Result<bool, DbError> {
    let failed = query(
        "update payouts set status = 'failed', failure_code = $2, settled_at = $3 where id = $1 and status = 'pending'",
    )
    .bind(id)
    .bind(code)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(failed == 1)
}

/// Writes that somebody let it go; says whether it still waited for that, and for somebody else.
pub(super) async fn approve(tx: &mut Tx, id: &PayoutId, by: &OperatorId, now: Timestamp) -> Result<bool, DbError> {
    let approved = query(
        "update payouts set status = 'pending', decided_by = $2, decided_at = $3
         where id = $1 and status = 'needs_approval' and asked_by <> $2",
    )
    .bind(id)
    .bind(by)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(approved == 1)
}

/// Writes that it was taken back; says whether it was not ordered yet.
pub(super) async fn cancel(tx: &mut Tx, canceled: &Payout) -> Result<bool, DbError> {
    let taken = query(
        "update payouts set status = 'canceled', failure_code = $2, decided_by = $3, decided_at = $4, settled_at = $5
         where id = $1 and status in ('needs_approval', 'pending')",
    )
    .bind(&canceled.id)
    .bind(&canceled.failure_code)
    .bind(&canceled.decided_by)
    .bind(canceled.decided_at)
    .bind(canceled.settled_at)
    .execute(tx)
    .await?;
    Ok(taken == 1)
}

/// Whether a claim of looks would find anything: a read, so that an idle sweep writes nothing.
/// None is put off beyond `furthest`.
pub(super) async fn any_to_look_at(
    on: impl Into<On<'_>>,
    now: Timestamp,
    furthest: Timestamp,
) -> Result<bool, DbError> {
    let any = query("select id from payouts where look_at <= $1 or look_at > $2 limit 1").bind(now).bind(furthest);
    Ok(any.optional(on).await?.is_some())
}

/// Takes the paid payouts that are to be looked at, and says when next: every `every`, until they are `until` old.
pub(super) async fn claim_looks(
    tx: &mut Tx,
    now: Timestamp,
    every: Duration,
    until: Duration,
) -> Result<Vec<(PayoutId, Tenant)>, DbError> {
    let rows = query(
        "update payouts set look_at = case when settled_at > $3 then cast($2 as bigint) end
         where id in (select id from payouts where look_at <= $1 or look_at > $4 order by look_at limit 200)
             and (look_at <= $1 or look_at > $4)
         returning id, merchant_id, livemode",
    )
    .bind(now)
    .bind(now.plus(every))
    .bind(now.minus(until).plus(every))
    .bind(now.furthest(every))
    .all(tx)
    .await?;
    rows.iter().map(|row| Ok((row.get("id")?, tenant(row)?))).collect()
}

/// The payout, if it is this tenant's.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &PayoutId) -> Result<Option<Payout>, DbError> {
    Ok(find(on, id).await?.filter(|payout| payout.tenant == *tenant))
}

/// The payout, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &PayoutId) -> Result<Option<Payout>, DbError> {
    query("select * from payouts where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// What a list of payouts is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this seller's.
    pub seller: Option<SellerId>,
    /// Only those that stand so.
    pub status: Option<PayoutStatus>,
}

/// The payouts of a tenant, newest first.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Payout>, DbError> {
    let rows = List::of("payouts", tenant)
        .of_one("seller_id", &filter.seller)
        .only("status", filter.status.map(PayoutStatus::as_str))
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

pub(crate) fn read(row: &Row) -> Result<Payout, DbError> {
    let (status, metadata): (String, String) = (row.get("status")?, row.get("metadata")?);
    let currency: Currency = row.get("currency")?;
    Ok(Payout {
        id: row.get("id")?,
        tenant: tenant(row)?,
        seller: row.get("seller_id")?,
        amount: Money::of(row.get("amount")?, currency).ok_or_else(|| DbError::corrupt("amount", "no amount"))?,
        status: PayoutStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        provider: row.get("provider")?,
        destination: row.get("destination")?,
        bank_name: row.get("bank_name")?,
        last4: row.get("last4")?,
        provider_reference: row.get("provider_reference")?,
        failure_code: row.get("failure_code")?,
        period: row.get("period")?,
        metadata: serde_json::from_str(&metadata).map_err(|_| DbError::corrupt("metadata", "not JSON"))?,
        asked_by: row.get("asked_by")?,
        decided_by: row.get("decided_by")?,
        decided_at: row.get("decided_at")?,
        created_at: row.get("created_at")?,
        sent_at: row.get("sent_at")?,
        seen_at: row.get("seen_at")?,
        settled_at: row.get("settled_at")?,
        returned_at: row.get("returned_at")?,
    })
}

fn tenant(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant::new(row.get("merchant_id")?, row.get("livemode")?))
}

/// One currency of one turn of a schedule, and what came of it.
pub(super) struct Batch<'a> {
    pub seller: &'a Seller,
    pub currency: Currency,
    pub period: &'a str,
    /// Minor units.
    pub available: i64,
    /// Minor units.
    pub payable: i64,
    pub payout: Option<PayoutId>,
    pub outcome: &'static str,
}

/// Takes a turn; says whether nobody has taken it before. A second taker waits here until the first one's transaction ends.
pub(super) async fn begin_batch(tx: &mut Tx, batch: &Batch<'_>, now: Timestamp) -> Result<bool, DbError> {
    let begun = query(
        "insert into payout_batches (merchant_id, livemode, seller_id, currency, period, available, payable, outcome, created_at)
         values ($1, $2, $3, $4, $5, 0, 0, $6, $7)
         on conflict (merchant_id, livemode, seller_id, currency, period) do nothing",
    )
    .bind(&batch.seller.tenant.merchant)
    .bind(batch.seller.tenant.mode)
    .bind(&batch.seller.id)
    .bind(batch.currency)
    .bind(batch.period)
    .bind(batch.outcome)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(begun == 1)
}

/// Writes what came of a turn that this transaction took.
pub(super) async fn finish_batch(tx: &mut Tx, batch: &Batch<'_>) -> Result<(), DbError> {
    query(
        "update payout_batches set available = $6, payable = $7, payout_id = $8, outcome = $9
         where merchant_id = $1 and livemode = $2 and seller_id = $3 and currency = $4 and period = $5",
    )
    .bind(&batch.seller.tenant.merchant)
    .bind(batch.seller.tenant.mode)
    .bind(&batch.seller.id)
    .bind(batch.currency)
    .bind(batch.period)
    .bind(batch.available)
    .bind(batch.payable)
    .bind(&batch.payout)
    .bind(batch.outcome)
    .execute(tx)
    .await?;
    Ok(())
}

/// What was credited to a seller's available money after `since`, in minor units. What only came back is old money: payouts,
/// refunds that failed and disputes that were won.
pub(super) async fn became_available(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    seller: &SellerId,
    currency: Currency,
    since: Timestamp,
) -> Result<i64, DbError> {
    // What the index on sellers' accounts is made for has to be said in its own words.
    let row = query(
        "select cast(coalesce(sum(t.amount), 0) as bigint) as n
         from transfers t join journals j on j.merchant_id = t.merchant_id and j.livemode = t.livemode and j.id = t.journal_id
         where t.merchant_id = $1 and t.livemode = $2 and t.credit_account = $3
             and t.credit_account >= 'seller:' and t.credit_account < 'seller;'
             and t.currency = $4 and t.created_at > $5 and j.kind not in ('payout_failed', 'payout_returned', 'refund_failed', 'dispute_won')",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(Account::Available(seller.clone()).to_string())
    .bind(currency)
    .bind(since)
    .one(on)
    .await?;
    row.get("n")
}

//! The SQL of disputes, their parts and their evidence.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Dispute, Evidence, EvidenceStatus, Part, TEXTS, Texts};
use crate::db::{DbError, List, On, Row, Tx, insert_many, query};
use crate::payments::store as payments;
use crate::psp::{DisputeReason, DisputeStatus};
use crate::words::{Currency, DisputeId, EvidenceId, Money, Page, PaymentId, Slice, Tenant, Timestamp};

/// Waits until nobody else changes the payment, and keeps it: whoever hears of the same dispute at this moment comes after.
pub(super) async fn lock_payment(tx: &mut Tx, payment: &PaymentId) -> Result<(), DbError> {
    query("update payments set disputed = disputed where id = $1").bind(payment).execute(tx).await?;
    Ok(())
}

/// Holds `amount` of a payment against refunds, if so much was captured; says whether it was.
///
/// The condition is the lock: refunds and disputes of a payment pass one at a time.
pub(super) async fn contest(tx: &mut Tx, payment: &PaymentId, amount: Money) -> Result<bool, DbError> {
    let contested = query("update payments set disputed = disputed + $2 where id = $1 and captured - disputed >= $2")
        .bind(payment)
        .bind(amount.minor())
        .execute(tx)
        .await?;
    Ok(contested == 1)
}

/// Gives back what [`contest`] held: it was won.
async fn release(tx: &mut Tx, payment: &PaymentId, amount: Money) -> Result<(), DbError> {
    query("update payments set disputed = disputed - $2 where id = $1")
        .bind(payment)
        .bind(amount.minor())
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes from what is pending of the orders what a dispute takes from there.
pub(super) async fn take_pending(tx: &mut Tx, dispute: &Dispute) -> Result<(), DbError> {
    for part in dispute.parts.iter().filter(|part| !part.from_pending.is_zero()) {
        payments::take_pending(tx, &part.order, part.from_pending).await?;
    }
    Ok(())
}

/// Gives back to the orders of a dispute that was won; of each part, how much is pending again. What has been delivered
/// since is not: that is available.
pub(super) async fn give_back(tx: &mut Tx, dispute: &Dispute) -> Result<Vec<Money>, DbError> {
    release(tx, &dispute.payment, dispute.amount).await?;
    let orders = payments::orders(&mut *tx, &dispute.payment).await?;
    let mut to_pending = Vec::with_capacity(dispute.parts.len());
    for part in &dispute.parts {
        let waits = orders.iter().any(|order| order.id == part.order && order.fulfilled_at.is_none());
        let pending = if waits { part.from_pending } else { Money::zero(part.amount.currency()) };
        if !pending.is_zero() {
            payments::give_pending(tx, &part.order, pending).await?;
        }
        to_pending.push(pending);
    }
    Ok(to_pending)
}

/// Writes a new dispute with its parts, unless the PSP's name is known; says whether it was written.
pub(super) async fn insert(tx: &mut Tx, dispute: &Dispute, next_look_at: Timestamp) -> Result<bool, DbError> {
    let inserted = query(
        "insert into disputes (id, payment_id, merchant_id, livemode, psp, psp_reference, currency, amount, fee, reason,
             status, evidence_due_by, opened_at, created_at, next_look_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (psp, psp_reference) do nothing",
    )
    .bind(&dispute.id)
    .bind(&dispute.payment)
    .bind(&dispute.tenant.merchant)
    .bind(dispute.tenant.mode)
    .bind(&dispute.psp)
    .bind(&dispute.psp_reference)
    .bind(dispute.amount.currency())
    .bind(dispute.amount.minor())
    .bind(dispute.fee.minor())
    .bind(dispute.reason.as_str())
    .bind(dispute.status.as_str())
    .bind(dispute.evidence_due_by)
    .bind(dispute.opened_at)
    .bind(dispute.created_at)
    .bind(next_look_at)
    .execute(&mut *tx)
    .await?;
    if inserted == 0 {
        return Ok(false);
    }
    let rows = dispute.parts.iter().map(|part| {
        let (amount, from_pending) = (part.amount.minor(), part.from_pending.minor());
        vec![(&dispute.id).into(), (&part.order).into(), (&part.seller).into(), amount.into(), from_pending.into()]
    });
    insert_many(
        "insert into dispute_parts (dispute_id, payment_order_id, seller_account, amount, from_pending)",
        rows.collect(),
        "",
    )
    .execute(tx)
    .await?;
    Ok(true)
}

/// Moves a dispute from `was` to where it stands now; says whether it was there.
pub(super) async fn advance(tx: &mut Tx, dispute: &Dispute, was: DisputeStatus) -> Result<bool, DbError> {
    let moved = query(
        "update disputes set status = $3, closed_at = $4,
             next_look_at = case when $3 in ('won', 'lost') then null else next_look_at end
         where id = $1 and status = $2",
    )
    .bind(&dispute.id)
    .bind(was.as_str())
    .bind(dispute.status.as_str())
    .bind(dispute.closed_at)
    .execute(tx)
    .await?;
    Ok(moved == 1)
}

/// Writes what the PSP charges for a dispute, if nothing was known of a charge; says whether that is so.
pub(super) async fn charge(tx: &mut Tx, id: &DisputeId, fee: Money) -> Result<bool, DbError> {
    let charged =
        query("update disputes set fee = $2 where id = $1 and fee = 0").bind(id).bind(fee.minor()).execute(tx).await?;
    Ok(charged == 1)
}

/// Holds the dispute's row: what follows in this transaction happens to it alone.
pub(super) async fn lock(tx: &mut Tx, id: &DisputeId) -> Result<(), DbError> {
    query("update disputes set status = status where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// What the PSP calls `reference`.
pub(super) async fn at_psp(on: impl Into<On<'_>>, psp: &str, reference: &str) -> Result<Option<Dispute>, DbError> {
    let rows = query(
        "select d.*, p.payment_order_id, p.seller_account, p.amount as part, p.from_pending from disputes d
         join dispute_parts p on p.dispute_id = d.id where d.psp = $1 and d.psp_reference = $2
         order by p.payment_order_id",
    )
    .bind(psp)
    .bind(reference)
    .all(on)
    .await?;
    Ok(read(&rows)?.pop())
}

/// The dispute, if it is this tenant's.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &DisputeId) -> Result<Option<Dispute>, DbError> {
    Ok(find(on, id).await?.filter(|dispute| dispute.tenant == *tenant))
}

/// The dispute, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &DisputeId) -> Result<Option<Dispute>, DbError> {
    let rows = query(
        "select d.*, p.payment_order_id, p.seller_account, p.amount as part, p.from_pending from disputes d
         join dispute_parts p on p.dispute_id = d.id where d.id = $1 order by p.payment_order_id",
    )
    .bind(id)
    .all(on)
    .await?;
    Ok(read(&rows)?.pop())
}

/// The disputes of a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Dispute>, DbError> {
    let rows = query(
        "select d.*, p.payment_order_id, p.seller_account, p.amount as part, p.from_pending from disputes d
         join dispute_parts p on p.dispute_id = d.id where d.payment_id = $1 order by d.id, p.payment_order_id",
    )
    .bind(payment)
    .all(on)
    .await?;
    read(&rows)
}

/// What a list of disputes is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this payment.
    pub payment: Option<PaymentId>,
    /// Only this status.
    pub status: Option<DisputeStatus>,
}

/// Disputes of a tenant, newest first; of everybody when none is named.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: Option<&Tenant>,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Dispute>, DbError> {
    let rows = List::of("disputes", tenant)
        .belonging("payment_id", "payments", &filter.payment)
        .only("status", filter.status.map(DisputeStatus::as_str))
        .page_with(
            "p.payment_order_id, p.seller_account, p.amount as part, p.from_pending",
            "dispute_parts p on p.dispute_id = page.id",
            "p.payment_order_id",
            page,
        )
        .all(on)
        .await?;
    Ok(page.cut(read(&rows)?))
}

/// Open disputes whose PSP is to be asked again, and their payments. None is put off beyond `furthest`.
pub(super) async fn to_look_at(
    on: impl Into<On<'_>>,
    now: Timestamp,
    furthest: Timestamp,
    limit: i64,
) -> Result<Vec<(DisputeId, PaymentId, Tenant)>, DbError> {
    let rows = query(
        "select id, payment_id, merchant_id, livemode from disputes where next_look_at <= $1 \
         union all select id, payment_id, merchant_id, livemode from disputes where next_look_at > $2 limit $3",
    )
    .bind(now)
    .bind(furthest)
    .bind(limit)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            let tenant = Tenant::new(row.get("merchant_id")?, row.get("livemode")?);
            Ok((row.get("id")?, row.get("payment_id")?, tenant))
        })
        .collect()
}

/// Puts off the next look; says whether it was still due.
pub(super) async fn put_off(tx: &mut Tx, id: &DisputeId, now: Timestamp, every: Duration) -> Result<bool, DbError> {
    let due = "update disputes set next_look_at = $3 where id = $1 and (next_look_at <= $2 or next_look_at > $4)";
    let moved = query(due).bind(id).bind(now).bind(now.plus(every)).bind(now.furthest(every)).execute(tx).await?;
    Ok(moved == 1)
}

/// Disputes whose time for evidence ends by `until` and whose merchants were not told.
pub(super) async fn unwarned(
    on: impl Into<On<'_>>,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<DisputeId>, DbError> {
    let rows = query(
        "select d.id from disputes d where d.status = 'needs_response' and not d.warned
             and d.evidence_due_by > $1 and d.evidence_due_by <= $2
             and not exists (select 1 from dispute_evidence e where e.dispute_id = d.id and e.status <> 'refused')
         order by d.evidence_due_by limit $3",
    )
    .bind(now)
    .bind(until)
    .bind(limit)
    .all(on)
    .await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Writes that the merchant is told; says whether nobody did before.
pub(super) async fn warn(tx: &mut Tx, id: &DisputeId) -> Result<bool, DbError> {
    let warned = query("update disputes set warned = $2 where id = $1 and not warned and status = 'needs_response'")
        .bind(id)
        .bind(true)
        .execute(tx)
        .await?;
    Ok(warned == 1)
}

/// Since when a PSP is to be asked for disputes, if it is time; the next time is written at once.
pub(super) async fn claim_watch(tx: &mut Tx, psp: &str, now: Timestamp, every: Duration) -> Result<bool, DbError> {
    query("insert into dispute_watch (psp, looked_until, next_at) values ($1, $2, $3) on conflict (psp) do nothing")
        .bind(psp)
        .bind(now)
        .bind(now.plus(every))
        .execute(&mut *tx)
        .await?;
    let claimed = query("update dispute_watch set next_at = $3 where psp = $1 and (next_at <= $2 or next_at > $4)")
        .bind(psp)
        .bind(now)
        .bind(now.plus(every))
        .bind(now.furthest(every))
        .execute(tx)
        .await?;
    Ok(claimed == 1)
}

/// How far a PSP was asked, and when it is asked again.
pub(super) async fn watched(on: impl Into<On<'_>>, psp: &str) -> Result<Option<(Timestamp, Timestamp)>, DbError> {
    let row = query("select looked_until, next_at from dispute_watch where psp = $1").bind(psp).optional(on).await?;
    row.map(|row| Ok((row.get("looked_until")?, row.get("next_at")?))).transpose()
}

/// Writes how far a PSP was asked; back only from where nobody can have looked yet.
pub(super) async fn looked_until(tx: &mut Tx, psp: &str, until: Timestamp, now: Timestamp) -> Result<(), DbError> {
    query("update dispute_watch set looked_until = $2 where psp = $1 and (looked_until < $2 or looked_until > $3)")
        .bind(psp)
        .bind(until)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes evidence that is about to be handed in.
pub(super) async fn insert_evidence(tx: &mut Tx, evidence: &Evidence) -> Result<(), DbError> {
    let texts: BTreeMap<&str, &str> = evidence.texts.0.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let texts = serde_json::to_string(&texts).map_err(|error| DbError::corrupt("texts", &error.to_string()))?;
    query(
        "insert into dispute_evidence (id, dispute_id, texts, status, created_at, deadline_at, gives_in)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&evidence.id)
    .bind(&evidence.dispute)
    .bind(texts)
    .bind(evidence.status.as_str())
    .bind(evidence.created_at)
    .bind(evidence.deadline_at)
    .bind(evidence.gives_in)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what became of evidence; says whether that was not known.
pub(super) async fn settle_evidence(tx: &mut Tx, evidence: &Evidence) -> Result<bool, DbError> {
    let settled = query(
        "update dispute_evidence set status = $2, failure_code = $3, settled_at = $4 where id = $1 and status = 'sending'",
    )
    .bind(&evidence.id)
    .bind(evidence.status.as_str())
    .bind(&evidence.failure_code)
    .bind(evidence.settled_at)
    .execute(tx)
    .await?;
    Ok(settled == 1)
}

/// The evidence that was handed in last.
pub async fn evidence_of(on: impl Into<On<'_>>, dispute: &DisputeId) -> Result<Option<Evidence>, DbError> {
    let row = query("select * from dispute_evidence where dispute_id = $1 order by id desc limit 1")
        .bind(dispute)
        .optional(on)
        .await?;
    row.as_ref().map(read_evidence).transpose()
}

fn read_evidence(row: &Row) -> Result<Evidence, DbError> {
    let (status, texts): (String, String) = (row.get("status")?, row.get("texts")?);
    let mut known: BTreeMap<String, String> =
        serde_json::from_str(&texts).map_err(|_| DbError::corrupt("texts", "not a JSON object of texts"))?;
    Ok(Evidence {
        id: row.get::<EvidenceId>("id")?,
        dispute: row.get("dispute_id")?,
        texts: Texts(TEXTS.iter().filter_map(|name| Some((*name, known.remove(*name)?))).collect()),
        gives_in: row.get("gives_in")?,
        status: EvidenceStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        failure_code: row.get("failure_code")?,
        created_at: row.get("created_at")?,
        deadline_at: row.get("deadline_at")?,
        settled_at: row.get("settled_at")?,
    })
}

/// One row per part; those of one dispute stand together.
fn read(rows: &[Row]) -> Result<Vec<Dispute>, DbError> {
    let mut disputes: Vec<Dispute> = Vec::new();
    for row in rows {
        let (id, currency) = (row.get::<DisputeId>("id")?, row.get::<Currency>("currency")?);
        let part = Part {
            order: row.get("payment_order_id")?,
            seller: row.get("seller_account")?,
            amount: money(row, "part", currency)?,
            from_pending: money(row, "from_pending", currency)?,
        };
        match disputes.last_mut() {
            Some(dispute) if dispute.id == id => dispute.parts.push(part),
            _ => disputes.push(read_dispute(row, id, currency, part)?),
        }
    }
    Ok(disputes)
}

fn read_dispute(row: &Row, id: DisputeId, currency: Currency, first: Part) -> Result<Dispute, DbError> {
    let (status, reason): (String, String) = (row.get("status")?, row.get("reason")?);
    Ok(Dispute {
        id,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: row.get("payment_id")?,
        psp: row.get("psp")?,
        psp_reference: row.get("psp_reference")?,
        amount: money(row, "amount", currency)?,
        fee: money(row, "fee", currency)?,
        reason: DisputeReason::parse(&reason).ok_or_else(|| DbError::corrupt("reason", &reason))?,
        status: DisputeStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        evidence_due_by: row.get("evidence_due_by")?,
        opened_at: row.get("opened_at")?,
        created_at: row.get("created_at")?,
        closed_at: row.get("closed_at")?,
        parts: vec![first],
    })
}

fn money(row: &Row, column: &str, currency: Currency) -> Result<Money, DbError> {
    Money::of(row.get(column)?, currency).ok_or_else(|| DbError::corrupt(column, "no amount"))
}

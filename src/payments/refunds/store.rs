//! The SQL of refunds.

use super::share::Before;
use super::{Part, Refund, RefundStatus};
use crate::db::{DbError, List, On, Row, Tx, insert_many, query};
use crate::payments::attempts::Attempt;
use crate::payments::store as payments;
use crate::words::{Currency, Money, Page, PaymentId, RefundId, Slice, Tenant};

/// Holds `amount` of a payment for a refund, if so much of what was captured is left; says whether it was.
///
/// The condition is the lock: of two refunds that together are too much, one finds it broken.
pub(super) async fn hold(tx: &mut Tx, payment: &PaymentId, amount: Money) -> Result<bool, DbError> {
    let held = query(
        "update payments set refunded = refunded + $2
         where id = $1 and status = 'succeeded' and captured - refunded - disputed >= $2",
    )
    .bind(payment)
    .bind(amount.minor())
    .execute(tx)
    .await?;
    Ok(held == 1)
}

/// Gives back what a refund held of its payment and of its orders; of each part, how much is pending again. What has been
/// delivered since is not: that is available.
pub(super) async fn give_back(tx: &mut Tx, refund: &Refund) -> Result<Vec<Money>, DbError> {
    if refund.attempt.is_some() {
        return Ok(Vec::new());
    }
    release(tx, &refund.payment, refund.amount).await?;
    let orders = payments::orders(&mut *tx, &refund.payment).await?;
    let mut to_pending = Vec::with_capacity(refund.parts.len());
    for part in &refund.parts {
        let waits = orders.iter().any(|order| order.id == part.order && order.fulfilled_at.is_none());
        let pending = if waits { part.from_pending } else { Money::zero(part.amount.currency()) };
        if !pending.is_zero() {
            payments::give_pending(tx, &part.order, pending).await?;
        }
        to_pending.push(pending);
    }
    Ok(to_pending)
}

/// Gives back what [`hold`] held. It changes the payment's row, so nobody else is at its orders until the end.
async fn release(tx: &mut Tx, payment: &PaymentId, amount: Money) -> Result<(), DbError> {
    query("update payments set refunded = refunded - $2 where id = $1")
        .bind(payment)
        .bind(amount.minor())
        .execute(tx)
        .await?;
    Ok(())
}

/// What was refunded and what is contested of each order of a payment.
pub async fn before(on: impl Into<On<'_>>, payment: &PaymentId, currency: Currency) -> Result<Vec<Before>, DbError> {
    let rows = query(
        "select o.payment_order_id, coalesce(r.amount, 0) as amount, coalesce(r.fee, 0) as fee,
             coalesce(r.fee_kept, 0) as fee_kept, coalesce(d.amount, 0) as contested
         from payment_orders o
         left join (select p.payment_order_id, cast(sum(p.amount) as bigint) as amount, cast(sum(p.fee) as bigint) as fee,
                 cast(sum(p.fee_kept) as bigint) as fee_kept
             from refunds r join refund_parts p on p.refund_id = r.id
             where r.payment_id = $1 and r.status <> 'failed' group by p.payment_order_id) r
             on r.payment_order_id = o.payment_order_id
         left join (select p.payment_order_id, cast(sum(p.amount) as bigint) as amount
             from disputes d join dispute_parts p on p.dispute_id = d.id
             where d.payment_id = $1 and d.status <> 'won' group by p.payment_order_id) d
             on d.payment_order_id = o.payment_order_id
         where o.payment_id = $1",
    )
    .bind(payment)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Before {
                order: row.get("payment_order_id")?,
                amount: money(row, "amount", currency)?,
                fee: money(row, "fee", currency)?,
                fee_kept: money(row, "fee_kept", currency)?,
                contested: money(row, "contested", currency)?,
            })
        })
        .collect()
}

/// Writes a new refund with its parts.
pub(super) async fn insert(tx: &mut Tx, refund: &Refund) -> Result<(), DbError> {
    query(
        "insert into refunds (id, payment_id, merchant_id, livemode, currency, amount, reason, status, psp, psp_key,
             metadata, created_at, deadline_at, attempt_id, charge)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $1, $10, $11, $12, $13, $14)",
    )
    .bind(&refund.id)
    .bind(&refund.payment)
    .bind(&refund.tenant.merchant)
    .bind(refund.tenant.mode)
    .bind(refund.amount.currency())
    .bind(refund.amount.minor())
    .bind(&refund.reason)
    .bind(refund.status.as_str())
    .bind(&refund.psp)
    .bind(refund.metadata.to_string())
    .bind(refund.created_at)
    .bind(refund.deadline_at)
    .bind(&refund.attempt)
    .bind(&refund.charge)
    .execute(&mut *tx)
    .await?;
    if refund.parts.is_empty() {
        return Ok(());
    }
    let rows = refund.parts.iter().map(|part| {
        vec![
            (&refund.id).into(),
            (&part.order).into(),
            (&part.seller).into(),
            part.amount.minor().into(),
            part.fee.minor().into(),
            part.fee_kept.minor().into(),
            part.from_pending.minor().into(),
        ]
    });
    insert_many(
        "insert into refund_parts (refund_id, payment_order_id, seller_account, amount, fee, fee_kept, from_pending)",
        rows.collect(),
        "",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what a pending refund has become; says whether it was pending.
pub(super) async fn settle(tx: &mut Tx, refund: &Refund) -> Result<bool, DbError> {
    let settled = query(
        "update refunds set status = $2, psp_reference = $3, failure_code = $4, settled_at = $5, succeeded_at = $6
         where id = $1 and status = 'pending'",
    )
    .bind(&refund.id)
    .bind(refund.status.as_str())
    .bind(&refund.psp_reference)
    .bind(&refund.failure_code)
    .bind(refund.settled_at)
    .bind(refund.succeeded_at)
    .execute(tx)
    .await?;
    Ok(settled == 1)
}

/// Writes that a refund that had succeeded has come back; says whether it had.
pub(super) async fn fail_late(tx: &mut Tx, refund: &Refund) -> Result<bool, DbError> {
    let failed = query(
        "update refunds set status = 'failed', late_reference = psp_reference, psp_reference = null, failure_code = $2,
             settled_at = $3
         where id = $1 and status = 'succeeded'",
    )
    .bind(&refund.id)
    .bind(&refund.failure_code)
    .bind(refund.settled_at)
    .execute(tx)
    .await?;
    Ok(failed == 1)
}

/// The refund, if it is this tenant's.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &RefundId) -> Result<Option<Refund>, DbError> {
    Ok(find(on, id).await?.filter(|refund| refund.tenant == *tenant))
}

/// The refund, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &RefundId) -> Result<Option<Refund>, DbError> {
    let rows = query(
        "select r.*, p.payment_order_id, p.seller_account, p.amount as part, p.fee, p.fee_kept, p.from_pending from refunds r
         left join refund_parts p on p.refund_id = r.id where r.id = $1 order by p.payment_order_id",
    )
    .bind(id)
    .all(on)
    .await?;
    Ok(read(&rows)?.pop())
}

/// The refunds of a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Refund>, DbError> {
    let rows = query(
        "select r.*, p.payment_order_id, p.seller_account, p.amount as part, p.fee, p.fee_kept, p.from_pending from refunds r
         left join refund_parts p on p.refund_id = r.id where r.payment_id = $1 order by r.id, p.payment_order_id",
    )
    .bind(payment)
    .all(on)
    .await?;
    read(&rows)
}

/// The refunds of the second charge of `attempt`, first to last.
pub async fn of_charge(on: impl Into<On<'_>>, attempt: &Attempt) -> Result<Vec<Refund>, DbError> {
    let mut all = of_payment(on, &attempt.payment).await?;
    all.retain(|refund| refund.attempt.as_ref() == Some(&attempt.id));
    Ok(all)
}

/// The refunds of a tenant, newest first; only those of one payment when it is named.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    payment: Option<&PaymentId>,
    page: &Page,
) -> Result<Slice<Refund>, DbError> {
    let rows = List::of("refunds", tenant)
        .belonging("payment_id", "payments", payment)
        .page_with(
            "p.payment_order_id, p.seller_account, p.amount as part, p.fee, p.fee_kept, p.from_pending",
            "refund_parts p on p.refund_id = page.id",
            "p.payment_order_id",
            page,
        )
        .all(on)
        .await?;
    Ok(page.cut(read(&rows)?))
}

/// One row per part; those of one refund stand together.
fn read(rows: &[Row]) -> Result<Vec<Refund>, DbError> {
    let mut refunds: Vec<Refund> = Vec::new();
    for row in rows {
        let (id, currency) = (row.get::<RefundId>("id")?, row.get::<Currency>("currency")?);
        let part = read_part(row, currency)?;
        match refunds.last_mut() {
            Some(refund) if refund.id == id => refund.parts.extend(part),
            _ => refunds.push(read_refund(row, id, currency, part)?),
        }
    }
    Ok(refunds)
}

/// None where a refund bears on no order.
fn read_part(row: &Row, currency: Currency) -> Result<Option<Part>, DbError> {
    let Some(order) = row.get("payment_order_id")? else { return Ok(None) };
    Ok(Some(Part {
        order,
        seller: row.get("seller_account")?,
        amount: money(row, "part", currency)?,
        fee: money(row, "fee", currency)?,
        fee_kept: money(row, "fee_kept", currency)?,
        from_pending: money(row, "from_pending", currency)?,
    }))
}

fn read_refund(row: &Row, id: RefundId, currency: Currency, first: Option<Part>) -> Result<Refund, DbError> {
    let (status, metadata): (String, String) = (row.get("status")?, row.get("metadata")?);
    Ok(Refund {
        id,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: row.get("payment_id")?,
        attempt: row.get("attempt_id")?,
        charge: row.get("charge")?,
        amount: money(row, "amount", currency)?,
        reason: row.get("reason")?,
        status: RefundStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        psp: row.get("psp")?,
        psp_reference: row.get::<Option<String>>("psp_reference")?.or(row.get("late_reference")?),
        failure_code: row.get("failure_code")?,
        metadata: serde_json::from_str(&metadata).map_err(|_| DbError::corrupt("metadata", "not JSON"))?,
        created_at: row.get("created_at")?,
        deadline_at: row.get("deadline_at")?,
        succeeded_at: row.get("succeeded_at")?,
        settled_at: row.get("settled_at")?,
        parts: first.into_iter().collect(),
    })
}

fn money(row: &Row, column: &str, currency: Currency) -> Result<Money, DbError> {
    Money::of(row.get(column)?, currency).ok_or_else(|| DbError::corrupt(column, "no amount"))
}

//! The SQL of payments and their orders.

use super::captures::Operation;
use super::payment::{Order, Payment};
use super::status::{OrderStatus, PaymentStatus};
use crate::checkout::Capture;
use crate::db::{DbError, List, On, Row, Tx, Value, insert_many, query};
use crate::psp::Registered;
use crate::sabotage::Protection::CompareAndSet;
use crate::words::{Currency, Money, Page, PaymentId, PaymentOrderId, SellerId, SessionId, Slice, Tenant, Timestamp};

/// Writes a new payment with its orders.
pub async fn insert(tx: &mut Tx, payment: &Payment, orders: &[Order]) -> Result<(), DbError> {
    query(
        "insert into payments (id, merchant_id, livemode, checkout_id, status, currency, amount, capture, reference,
             description, customer_email, metadata, created_at, updated_at, psp, save_payment_method, payment_method_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16)",
    )
    .bind(&payment.id)
    .bind(&payment.tenant.merchant)
    .bind(payment.tenant.mode)
    .bind(&payment.checkout)
    .bind(payment.status.as_str())
    .bind(payment.amount.currency())
    .bind(payment.amount.minor())
    .bind(payment.capture.as_str())
    .bind(&payment.reference)
    .bind(&payment.description)
    .bind(&payment.customer_email)
    .bind(payment.metadata.to_string())
    .bind(payment.created_at)
    .bind(&payment.psp)
    .bind(payment.save_payment_method)
    .bind(&payment.payment_method)
    .execute(tx)
    .await?;
    let rows = orders.iter().map(|order| order_row(payment, order)).collect();
    insert_many(
        "insert into payment_orders (payment_order_id, payment_id, merchant_id, livemode, checkout_id, seller_account,
             amount, fee, currency, payment_order_status, created_at, updated_at)",
        rows,
        "",
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn order_row(payment: &Payment, order: &Order) -> Vec<Value> {
    vec![
        (&order.id).into(),
        (&payment.id).into(),
        (&payment.tenant.merchant).into(),
        payment.tenant.mode.into(),
        (&payment.checkout).into(),
        (&order.seller).into(),
        order.amount.to_string().into(),
        order.fee.to_string().into(),
        order.amount.currency().into(),
        order.status.as_str().into(),
        payment.created_at.into(),
        payment.created_at.into(),
    ]
}

/// The payment, if it is this tenant's.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &PaymentId) -> Result<Option<Payment>, DbError> {
    let row = query("select * from payments where id = $1 and merchant_id = $2 and livemode = $3")
        .bind(id)
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .optional(on)
        .await?;
    row.as_ref().map(read_payment).transpose()
}

/// The payment, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &PaymentId) -> Result<Option<Payment>, DbError> {
    query("select * from payments where id = $1").bind(id).optional(on).await?.as_ref().map(read_payment).transpose()
}

/// What a PSP calls `psp_payment`.
pub async fn find_at_psp(on: impl Into<On<'_>>, psp: &str, psp_payment: &str) -> Result<Option<PaymentId>, DbError> {
    let row = query("select id from payments where psp = $1 and psp_payment = $2")
        .bind(psp)
        .bind(psp_payment)
        .optional(on)
        .await?;
    row.map(|row| row.get("id")).transpose()
}

/// What a list of payments is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this status.
    pub status: Option<PaymentStatus>,
    /// Only this reference of the merchant's.
    pub reference: Option<String>,
    /// Only those opened at or after.
    pub created_from: Option<Timestamp>,
    /// Only those opened at or before.
    pub created_to: Option<Timestamp>,
}

/// Payments of a tenant, newest first.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Payment>, DbError> {
    let rows = List::of("payments", tenant)
        .only("status", filter.status.map(PaymentStatus::as_str))
        .of_one("reference", &filter.reference)
        .created(">=", filter.created_from)
        .created("<=", filter.created_to)
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read_payment).collect::<Result<_, _>>()?))
}

/// Open sessions whose time is over and that nobody is paying, of all merchants, oldest first.
pub async fn overdue_sessions(
    on: impl Into<On<'_>>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Tenant, SessionId)>, DbError> {
    let rows = query(
        "select s.merchant_id, s.livemode, s.id from checkout_sessions s join payments p on p.id = s.payment_id
         where s.status = 'open' and s.expires_at <= $1 and p.status = 'requires_payment'
         order by s.expires_at limit $2",
    )
    .bind(now)
    .bind(limit)
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((Tenant::new(row.get("merchant_id")?, row.get("livemode")?), row.get("id")?))).collect()
}

/// The orders of a payment, in the order in which the checkout named their sellers.
pub async fn orders(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Order>, DbError> {
    let rows = query("select * from payment_orders where payment_id = $1 order by payment_order_id")
        .bind(payment)
        .all(on)
        .await?;
    rows.iter().map(read_order).collect()
}

/// One order, if it is this tenant's.
pub async fn order(on: impl Into<On<'_>>, tenant: &Tenant, id: &PaymentOrderId) -> Result<Option<Order>, DbError> {
    query("select * from payment_orders where payment_order_id = $1 and merchant_id = $2 and livemode = $3")
        .bind(id)
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .optional(on)
        .await?
        .as_ref()
        .map(read_order)
        .transpose()
}

/// Keeps everybody else away from the money of a payment's orders until the transaction ends: refunds, disputes and
/// deliveries each begin by changing the payment's row.
pub async fn lock(tx: &mut Tx, id: &PaymentId, now: Timestamp) -> Result<(), DbError> {
    query("update payments set updated_at = $2 where id = $1").bind(id).bind(now).execute(tx).await?;
    Ok(())
}

/// Marks an order delivered: nothing of it is pending any more. Likewise.
pub async fn mark_fulfilled(tx: &mut Tx, order: &PaymentOrderId, now: Timestamp) -> Result<(), DbError> {
    query(
        "update payment_orders set fulfilled_at = $2, pending = 0, updated_at = $2
         where payment_order_id = $1 and fulfilled_at is null",
    )
    .bind(order)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Orders of a tenant that were paid at or before `until` and are not delivered, the oldest first.
pub async fn to_fulfill(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<PaymentOrderId>, DbError> {
    query(
        "select payment_order_id from payment_orders
         where merchant_id = $1 and livemode = $2 and fulfilled_at is null and paid_at <= $3 order by paid_at limit $4",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(until)
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(|row| row.get("payment_order_id"))
    .collect()
}

/// Takes `amount` from what is pending of an order, in a transaction that has changed its payment's row. More than there is
/// fails: the database refuses it.
pub async fn take_pending(tx: &mut Tx, order: &PaymentOrderId, amount: Money) -> Result<(), DbError> {
    query("update payment_orders set pending = pending - $2 where payment_order_id = $1")
        .bind(order)
        .bind(amount.minor())
        .execute(tx)
        .await?;
    Ok(())
}

/// Puts `amount` back to what is pending of an order that is not delivered; likewise.
pub async fn give_pending(tx: &mut Tx, order: &PaymentOrderId, amount: Money) -> Result<(), DbError> {
    query("update payment_orders set pending = pending + $2 where payment_order_id = $1 and fulfilled_at is null")
        .bind(order)
        .bind(amount.minor())
        .execute(tx)
        .await?;
    Ok(())
}

/// Changes what is pending of a seller's order by `change` minor units, if it is paid and not delivered and has so much;
/// says whether it was changed. In a transaction that has changed its payment's row.
pub async fn correct_pending(
    tx: &mut Tx,
    payment: &PaymentId,
    seller: &SellerId,
    currency: Currency,
    change: i64,
) -> Result<bool, DbError> {
    let changed = query(
        "update payment_orders set pending = pending + $4
         where payment_id = $1 and seller_account = $2 and currency = $3 and payment_order_status = 'SUCCESS'
             and fulfilled_at is null and pending + $4 >= 0",
    )
    .bind(payment)
    .bind(seller)
    .bind(currency)
    .bind(change)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Keeps what the PSP gave for a payment, unless it has something already; says whether it was kept.
pub async fn keep_registration(
    tx: &mut Tx,
    id: &PaymentId,
    psp: &str,
    registered: &Registered,
    now: Timestamp,
) -> Result<bool, DbError> {
    let kept = query(
        "update payments set psp = $2, psp_payment = $3, psp_token = $4, form_url = $5, updated_at = $6
         where id = $1 and psp_payment is null",
    )
    .bind(id)
    .bind(psp)
    .bind(&registered.psp_payment)
    .bind(&registered.token)
    .bind(registered.form_url.as_str())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(kept == 1)
}

/// Moves a payment from `was` to `to`, for anything but success; says whether it was there.
pub async fn move_to(
    tx: &mut Tx,
    id: &PaymentId,
    was: PaymentStatus,
    to: PaymentStatus,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = if CompareAndSet.is_absent() {
        "update payments set status = $3, updated_at = $4 where id = $1 and $2 <> ''"
    } else {
        "update payments set status = $3, updated_at = $4 where id = $1 and status = $2"
    };
    let moved = query(sql).bind(id).bind(was.as_str()).bind(to.as_str()).bind(now).execute(tx).await?;
    Ok(moved == 1)
}

/// Marks a payment paid in full, whatever it was short of that; says whether it was. Money that goes back at once has a
/// reason for it.
pub async fn succeed(tx: &mut Tx, id: &PaymentId, unwanted: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
    let paid = query(
        "update payments set status = 'succeeded', captured = amount, succeeded_at = $2, updated_at = $2,
             cancellation_reason = $3
         where id = $1 and status not in ('authorized', 'succeeded')",
    )
    .bind(id)
    .bind(now)
    .bind(unwanted)
    .execute(tx)
    .await?;
    Ok(paid == 1)
}

/// Marks that a card holds the money of a payment until `expires_at`; says whether it was neither held nor taken before.
pub async fn authorize(
    tx: &mut Tx,
    id: &PaymentId,
    expires_at: Timestamp,
    unwanted: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let held = query(
        "update payments set status = 'authorized', authorized_at = $2, authorization_expires_at = $3, updated_at = $2,
             cancellation_reason = $4
         where id = $1 and status not in ('authorized', 'succeeded')",
    )
    .bind(id)
    .bind(now)
    .bind(expires_at)
    .bind(unwanted)
    .execute(tx)
    .await?;
    Ok(held == 1)
}

/// Calls off a payment that nobody is paying; says whether it was one.
pub async fn call_off(tx: &mut Tx, id: &PaymentId, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    let canceled = query(
        "update payments set status = 'canceled', cancellation_reason = $2, updated_at = $3
         where id = $1 and status = 'requires_payment'",
    )
    .bind(id)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(canceled == 1)
}

/// Moves every order of a payment that has not succeeded to `to`, for anything but success.
pub async fn move_orders(tx: &mut Tx, payment: &PaymentId, to: OrderStatus, now: Timestamp) -> Result<(), DbError> {
    query(
        "update payment_orders set payment_order_status = $2, updated_at = $3
         where payment_id = $1 and payment_order_status <> 'SUCCESS'",
    )
    .bind(payment)
    .bind(to.as_str())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks every order of a payment paid, in ledger and wallet too, and gives them.
pub async fn succeed_orders(tx: &mut Tx, payment: &PaymentId, now: Timestamp) -> Result<Vec<Order>, DbError> {
    let rows = query(
        "update payment_orders
         set payment_order_status = 'SUCCESS', captured = amount, captured_fee = fee, wallet_updated = $2,
             ledger_updated = $2, updated_at = $3, paid_at = $3,
             pending = cast(replace(amount, '.', '') as bigint) - cast(replace(fee, '.', '') as bigint)
         where payment_id = $1 returning *",
    )
    .bind(payment)
    .bind(true)
    .bind(now)
    .all(tx)
    .await?;
    let mut orders: Vec<Order> = rows.iter().map(read_order).collect::<Result<_, _>>()?;
    orders.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(orders)
}

pub(super) fn read_payment(row: &Row) -> Result<Payment, DbError> {
    let currency: Currency = row.get("currency")?;
    let money = |column: &str| {
        let minor: i64 = row.get(column)?;
        Money::of(minor, currency).ok_or_else(|| DbError::corrupt(column, "no amount"))
    };
    let status: String = row.get("status")?;
    let capture: String = row.get("capture")?;
    let metadata: String = row.get("metadata")?;
    Ok(Payment {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        checkout: row.get("checkout_id")?,
        status: PaymentStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        amount: money("amount")?,
        captured: money("captured")?,
        refunded: money("refunded")?,
        disputed: money("disputed")?,
        capture: Capture::parse(&capture).ok_or_else(|| DbError::corrupt("capture", &capture))?,
        save_payment_method: row.get("save_payment_method")?,
        payment_method: row.get("payment_method_id")?,
        reference: row.get("reference")?,
        description: row.get("description")?,
        customer_email: row.get("customer_email")?,
        metadata: serde_json::from_str(&metadata).map_err(|_| DbError::corrupt("metadata", "not JSON"))?,
        psp: row.get("psp")?,
        registered: read_registered(row)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        succeeded_at: row.get("succeeded_at")?,
        authorized_at: row.get("authorized_at")?,
        authorization_expires_at: row.get("authorization_expires_at")?,
        pending_operation: row.get::<Option<String>>("pending_operation")?.as_deref().and_then(Operation::parse),
        cancellation_reason: row.get("cancellation_reason")?,
    })
}

fn read_registered(row: &Row) -> Result<Option<Registered>, DbError> {
    let Some(psp_payment) = row.get("psp_payment")? else {
        return Ok(None);
    };
    let form_url: String = row.get("form_url")?;
    let form_url = form_url.parse().map_err(|_| DbError::corrupt("form_url", "not a URL"))?;
    Ok(Some(Registered { psp_payment, token: row.get("psp_token")?, form_url }))
}

fn read_order(row: &Row) -> Result<Order, DbError> {
    let currency: Currency = row.get("currency")?;
    let parse = |column: &str, text: &str| {
        Money::parse(text, currency).map_err(|error| DbError::corrupt(column, &error.to_string()))
    };
    let money = |column: &str| parse(column, &row.get::<String>(column)?);
    let taken = |column: &str| match row.get::<Option<String>>(column)? {
        Some(text) => parse(column, &text),
        None => Ok(Money::zero(currency)),
    };
    let status: String = row.get("payment_order_status")?;
    Ok(Order {
        id: row.get("payment_order_id")?,
        payment: row.get("payment_id")?,
        seller: row.get("seller_account")?,
        amount: money("amount")?,
        fee: money("fee")?,
        captured: taken("captured")?,
        captured_fee: taken("captured_fee")?,
        status: OrderStatus::parse(&status).ok_or_else(|| DbError::corrupt("payment_order_status", &status))?,
        wallet_updated: row.get("wallet_updated")?,
        ledger_updated: row.get("ledger_updated")?,
        pending: Money::of(row.get("pending")?, currency).ok_or_else(|| DbError::corrupt("pending", "no amount"))?,
        fulfilled_at: row.get("fulfilled_at")?,
    })
}

//! Open: a checkout session with its payment and one order per seller, all in the caller's transaction.

use super::fees::{self, Terms};
use super::payment::{Order, Payment};
use super::status::{OrderStatus, PaymentStatus};
use super::store;
use crate::checkout::{self, NewSession, OpenError, Session};
use crate::db::{DbError, Tx};
use crate::merchants::policies;
use crate::words::{Money, PaymentOrderId, Tenant, Timestamp};

/// What was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// The payment it asks for.
    pub payment: Payment,
    /// One order per seller, in the order in which their lines come first.
    pub orders: Vec<Order>,
}

/// Opens what `new` asks for. The platform's fee is what the session asks for, or else what the merchant has decided; it is
/// settled now, so that a later decision does not change it.
pub async fn open(tx: &mut Tx, tenant: &Tenant, new: NewSession, now: Timestamp) -> Result<Opened, OpenError> {
    let session = checkout::open(tx, tenant, new, now).await?;
    let payment = payment_of(&session);
    let orders = orders_of(&session, &terms(tx, tenant, &session).await?);
    store::insert(tx, &payment, &orders).await?;
    Ok(Opened { session, payment, orders })
}

fn payment_of(session: &Session) -> Payment {
    Payment {
        id: session.payment.clone(),
        tenant: session.tenant.clone(),
        checkout: Some(session.id.clone()),
        status: PaymentStatus::RequiresPayment,
        amount: session.amount,
        captured: Money::zero(session.currency()),
        refunded: Money::zero(session.currency()),
        disputed: Money::zero(session.currency()),
        capture: session.capture,
        save_payment_method: session.save_payment_method,
        payment_method: None,
        reference: session.reference.clone(),
        description: description(session),
        customer_email: session.customer_email.clone(),
        metadata: serde_json::json!(session.metadata),
        psp: None,
        registered: None,
        created_at: session.created_at,
        updated_at: session.created_at,
        succeeded_at: None,
        authorized_at: None,
        authorization_expires_at: None,
        pending_operation: None,
        cancellation_reason: None,
    }
}

/// What the shopper reads at the PSP: the first line, and how many more there are.
fn description(session: &Session) -> String {
    match session.line_items.as_slice() {
        [] => String::new(),
        [only] => only.name.clone(),
        [first, others @ ..] => {
            let name: String = first.name.chars().take(180).collect();
            format!("{name} +{}", others.len())
        }
    }
}

/// What decides the fees of a session; nobody's decisions are asked for when it names its own.
pub(super) async fn terms(tx: &mut Tx, tenant: &Tenant, session: &Session) -> Result<Terms, DbError> {
    if let Some(fee) = session.application_fee {
        return Ok(Terms::Whole(fee));
    }
    let merchants = policies::of(&mut *tx, tenant).await?.platform_fee;
    Ok(Terms::Decided { merchants, sellers: policies::of_sellers(&mut *tx, tenant).await? })
}

fn orders_of(session: &Session, terms: &Terms) -> Vec<Order> {
    let none = Money::zero(session.currency());
    let fees = fees::fees(&session.shares, terms).unwrap_or_default();
    // Sorted, so that the order of their ids is the order of the sellers.
    let mut ids: Vec<_> = session.shares.iter().map(|_| PaymentOrderId::new()).collect();
    ids.sort();
    session
        .shares
        .iter()
        .zip(ids)
        .zip(fees.into_iter().chain(std::iter::repeat(none)))
        .map(|(((seller, amount), id), fee)| Order {
            id,
            payment: session.payment.clone(),
            seller: seller.clone(),
            amount: *amount,
            fee,
            captured: none,
            captured_fee: none,
            status: OrderStatus::NotStarted,
            wallet_updated: false,
            ledger_updated: false,
            pending: none,
            fulfilled_at: None,
        })
        .collect()
}

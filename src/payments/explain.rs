//! Explain: what would become of a payment, said without doing it.
//!
//! The payment is really opened, by the same code as ever, in a transaction that is rolled back: what is said is what would
//! have been written, and nothing is.

use std::time::Duration;

use super::fees::Terms;
use super::open::{Opened, terms};
use super::payment::Order;
use super::{caution, error::PaymentError, open, sale};
use crate::app::App;
use crate::checkout::{Capture, NewSession, OpenError};
use crate::db::DbError;
use crate::ledger::Posting;
use crate::merchants::policies::{self, Policies};
use crate::words::{Money, SellerId, Tenant, Timestamp};

/// What would become of a payment.
#[derive(Debug, Clone)]
pub struct Explained {
    /// What the shopper would pay.
    pub amount: Money,
    /// Whether approval takes the money at once.
    pub capture: Capture,
    /// The PSP that would be asked; none when no PSP takes payments of this mode.
    pub psp: Option<&'static str>,
    /// The risk rule that would refuse, by its name in the settings.
    pub refused_by: Option<&'static str>,
    /// Each seller's share.
    pub shares: Vec<Share>,
    /// What would be posted once the money is taken; nothing without a PSP.
    pub postings: Vec<Posting>,
    /// When what is sold counts as delivered if nobody says so before, counted from now; never by itself when absent.
    pub fulfilled_at: Option<Timestamp>,
    /// What the merchant has decided.
    pub policies: Policies,
}

/// One seller's share.
#[derive(Debug, Clone)]
pub struct Share {
    /// Who is paid.
    pub seller: SellerId,
    /// All of it.
    pub amount: Money,
    /// The platform's part.
    pub fee: Money,
    /// What decides the fee.
    pub fee_by: FeeBy,
}

/// What decides a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeBy {
    /// The session's `application_fee`.
    Session,
    /// The seller's own terms.
    Seller,
    /// The merchant's policy.
    Merchant,
}

impl FeeBy {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Seller => "seller",
            Self::Merchant => "merchant",
        }
    }
}

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Such a payment could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The risk rules could not be asked.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Says what would become of `new`. Nothing is written, at no PSP and in no table.
pub async fn explain(app: &App, tenant: &Tenant, new: NewSession, now: Timestamp) -> Result<Explained, ExplainError> {
    let mut tx = app.db.begin().await?;
    let Opened { session, payment, orders } = open::open(&mut tx, tenant, new, now).await?;
    let terms = terms(&mut tx, tenant, &session).await?;
    let policies = policies::of(&mut tx, tenant).await?;
    tx.rollback().await?;
    let psp = app.psps.taking(tenant.mode).map(|psp| psp.name());
    // As if all of it were taken now.
    let taken: Vec<Order> =
        orders.into_iter().map(|order| Order { captured: order.amount, captured_fee: order.fee, ..order }).collect();
    let wait = |days: u16| now.plus(Duration::from_secs(u64::from(days).saturating_mul(86_400)));
    Ok(Explained {
        amount: payment.amount,
        capture: payment.capture,
        psp,
        refused_by: caution::refusal(app, &payment).await?,
        shares: taken.iter().map(|order| share(order, &terms)).collect(),
        postings: psp.map_or_else(Vec::new, |psp| sale::postings(&payment, &taken, psp, now)),
        fulfilled_at: policies.fulfill_after_days.map(wait),
        policies,
    })
}

fn share(order: &Order, terms: &Terms) -> Share {
    let fee_by = match terms {
        Terms::Whole(_) => FeeBy::Session,
        Terms::Decided { sellers, .. } if sellers.contains_key(&order.seller) => FeeBy::Seller,
        Terms::Decided { .. } => FeeBy::Merchant,
    };
    Share { seller: order.seller.clone(), amount: order.amount, fee: order.fee, fee_by }
}

//! Everything that any slice has written down about one payment.

use std::collections::HashMap;

use super::refusal::Refusal;
use super::store;
use crate::checkout::Session;
use crate::db::Db;
use crate::events::Event;
use crate::ledger::Journal;
use crate::payments::attempts::Attempt;
use crate::payments::calls::Call;
use crate::payments::captures::Capture;
use crate::payments::disputes::Dispute;
use crate::payments::methods::PaymentMethod;
use crate::payments::notices::Notice;
use crate::payments::refunds::Refund;
use crate::payments::{Order, Payment};
use crate::queue::DeadJob;
use crate::queue::letters;
use crate::webhooks::deliveries::{self, Delivery};
use crate::words::{PaymentId, SessionId};
use crate::{checkout, events, ledger, merchants, payments};

/// The records of one payment.
pub(super) struct Records {
    pub payment: Payment,
    pub merchant: String,
    pub session: Option<Session>,
    pub orders: Vec<Order>,
    pub attempts: Vec<Attempt>,
    /// What told a person of each attempt that the PSP approved beside the one that paid, by the attempt.
    pub second_charges: HashMap<String, DeadJob>,
    pub calls: Vec<Call>,
    pub notices: Vec<Notice>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    /// The card that was saved with it or that it was charged to.
    pub saved: Option<PaymentMethod>,
    pub events: Vec<Event>,
    pub journals: Vec<Journal>,
    /// Deliveries of its events, each with its tries.
    pub deliveries: Vec<(Delivery, Vec<deliveries::Attempt>)>,
    /// Names of its sellers.
    pub sellers: HashMap<String, String>,
    /// Addresses of the merchant's endpoints.
    pub urls: HashMap<String, String>,
}

impl Records {
    /// Reads them all; `None` when there is no such payment.
    pub async fn load(db: &Db, id: &PaymentId) -> Result<Option<Self>, Refusal> {
        let Some(payment) = payments::store::find(db, id).await? else { return Ok(None) };
        let tenant = payment.tenant.clone();
        let session = match &payment.checkout {
            Some(checkout) => checkout::get(db, &tenant, checkout).await?,
            None => None,
        };
        let merchant = merchants::get(db, &tenant.merchant).await?;
        let refunds = payments::refunds::of_payment(db, id).await?;
        let disputes = payments::disputes::of_payment(db, id).await?;
        let orders = payments::store::orders(db, id).await?;
        let saved = match &payment.payment_method {
            Some(method) => payments::methods::get(db, &tenant, method).await?,
            None => None,
        };
        let objects = std::iter::once(id.as_str())
            .chain(payment.checkout.as_ref().map(SessionId::as_str))
            .chain(orders.iter().map(|order| order.id.as_str()))
            .chain(refunds.iter().map(|refund| refund.id.as_str()))
            .chain(disputes.iter().map(|dispute| dispute.id.as_str()));
        let (mut told, mut all_events) = (Vec::new(), Vec::new());
        for object in objects {
            all_events.extend(events::of_object(db, &tenant, object).await?);
            for delivery in deliveries::of_object(db, &tenant, object).await? {
                let tries = deliveries::attempts(db, &delivery).await?;
                told.push((delivery, tries));
            }
        }
        let attempts = payments::attempts::of_payment(db, id).await?;
        let mut second_charges = HashMap::new();
        for attempt in attempts.iter().filter(|attempt| attempt.second_charge.is_some()) {
            let key = attempt.id.as_str();
            let letter = letters::of_work(db, &tenant, payments::jobs::RECOVER, key).await?.into_iter().next();
            second_charges.extend(letter.map(|letter| (key.to_owned(), letter)));
        }
        Ok(Some(Self {
            merchant: merchant.map_or_else(String::new, |merchant| merchant.name),
            session,
            orders,
            attempts,
            second_charges,
            calls: payments::calls::of_payment(db, id).await?,
            notices: payments::notices::of_payment(db, id).await?,
            captures: payments::captures::of_payment(db, id).await?,
            refunds,
            disputes,
            saved,
            events: all_events,
            journals: ledger::of_payment(db, &tenant, id).await?,
            deliveries: told,
            sellers: store::seller_names(db, id).await?,
            urls: store::endpoint_urls(db, &tenant.merchant, tenant.mode).await?,
            payment,
        }))
    }
}

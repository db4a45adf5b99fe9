//! Opening a session: its sellers looked up, its names and times given, its row written.

use super::line::{LineItem, shares};
use super::session::{Session, Status};
use super::{Fault, NewSession, store};
use crate::db::{DbError, Tx};
use crate::merchants::sellers;
use crate::words::{PaymentId, SellerId, SessionId, Tenant, Timestamp, random_base62};

/// Base62 characters of a page token: 143 random bits, above the 128 a guessable link must have (OWASP ASVS 11.5.1).
const TOKEN: usize = 24;

/// Why a session was not opened. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A seller that is not the merchant's.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The database.
    #[error("a checkout session could not be opened")]
    Db(#[from] DbError),
}

/// Opens a session for a payment that is about to be written in the same transaction.
pub async fn open(tx: &mut Tx, tenant: &Tenant, new: NewSession, now: Timestamp) -> Result<Session, OpenError> {
    let line_items = with_sellers(tx, tenant, &new).await?;
    let too_large = || Fault::new("line_items", "is too large in total");
    let shares = shares(&line_items).ok_or_else(too_large)?;
    // What costs nothing cannot be posted, so an order of nothing could never be paid.
    if shares.iter().any(|(_, share)| share.is_zero()) {
        return Err(Fault::new("line_items", "must total more than zero for each of its sellers").into());
    }
    let session = Session {
        id: SessionId::new(),
        tenant: tenant.clone(),
        status: Status::Open,
        amount: new.amount,
        application_fee: new.application_fee,
        shares,
        line_items,
        success_url: new.success_url,
        cancel_url: new.cancel_url,
        reference: new.reference,
        customer_email: new.customer_email,
        language: new.language,
        capture: new.capture,
        save_payment_method: new.save_payment_method,
        metadata: new.metadata,
        page_token: random_base62(TOKEN),
        payment: PaymentId::new(),
        created_at: now,
        expires_at: now.plus(new.expires_in),
        completed_at: None,
        expired_at: None,
    };
    store::insert(tx, tenant, &session).await?;
    Ok(session)
}

/// The lines with their sellers: each named one must be this tenant's, the others are the merchant itself.
async fn with_sellers(tx: &mut Tx, tenant: &Tenant, new: &NewSession) -> Result<Vec<LineItem>, OpenError> {
    let mut known: Vec<SellerId> = Vec::new();
    let mut itself: Option<SellerId> = None;
    let mut lines = Vec::with_capacity(new.line_items.len());
    for (at, line) in new.line_items.iter().enumerate() {
        let seller = match (&line.seller, &itself) {
            (Some(id), _) if known.contains(id) => id.clone(),
            (Some(id), _) => {
                let found = sellers::get(&mut *tx, tenant, id).await?;
                let unknown = || Fault::new(format!("line_items[{at}].seller"), "is not one of your sellers");
                known.push(found.ok_or_else(unknown)?.id);
                id.clone()
            }
            (None, Some(id)) => id.clone(),
            (None, None) => itself.insert(sellers::self_seller(&mut *tx, tenant).await?.id).clone(),
        };
        lines.push(LineItem {
            name: line.name.clone(),
            unit_amount: line.unit_amount,
            quantity: line.quantity,
            amount: line.amount,
            seller,
        });
    }
    Ok(lines)
}

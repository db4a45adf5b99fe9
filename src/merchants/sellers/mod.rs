//! Whom a merchant is paid for: itself, and any others it sells for.

mod store;
mod view;

use std::collections::BTreeMap;

pub use store::{get, list, self_seller};
pub use view::view;

use crate::db::{DbError, Tx};
use crate::words::{SellerId, Tenant, Timestamp};

/// A seller of one merchant, in one mode.
#[derive(Debug, Clone)]
pub struct Seller {
    /// `sel_...`
    pub id: SellerId,
    /// Whose.
    pub tenant: Tenant,
    /// As shown to the merchant's people.
    pub name: String,
    /// The merchant itself: paid when a line item names no seller.
    pub is_self: bool,
    /// The PSP's token for the seller's bank account.
    pub payout_destination: Option<String>,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a merchant says about a new seller.
#[derive(Debug, Clone)]
pub struct NewSeller {
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 255 characters.
    pub payout_destination: Option<String>,
    /// Checked by the caller.
    pub metadata: BTreeMap<String, String>,
}

/// Adds a seller.
pub async fn create(tx: &mut Tx, tenant: &Tenant, new: NewSeller, now: Timestamp) -> Result<Seller, DbError> {
    let seller = Seller {
        id: SellerId::new(),
        tenant: tenant.clone(),
        name: new.name,
        is_self: false,
        payout_destination: new.payout_destination,
        metadata: new.metadata,
        created_at: now,
    };
    store::insert(tx, &seller).await?;
    Ok(seller)
}

/// The merchant as its own seller; made once, with the merchant.
pub(super) async fn create_self(tx: &mut Tx, tenant: &Tenant, name: &str, now: Timestamp) -> Result<(), DbError> {
    let seller = Seller {
        id: SellerId::new(),
        tenant: tenant.clone(),
        name: name.to_owned(),
        is_self: true,
        payout_destination: None,
        metadata: BTreeMap::new(),
        created_at: now,
    };
    store::insert(tx, &seller).await
}

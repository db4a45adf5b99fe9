//! Whom a merchant is paid for: itself, and any others it sells for; where they are paid out to, and whether they may be.

mod destination;
mod store;
mod verification;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use destination::{BadDestination, Destination, DestinationFailure, account_in, check_token};
pub use store::{due, due_beyond, fail_destination, find, get, list, next_due, self_seller, set_verification};
pub use verification::Verification;
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
    /// Where payouts go.
    pub destination: Option<Destination>,
    /// Whether anything may be paid out.
    pub verification: Verification,
    /// Since when it is verified.
    pub verified_at: Option<Timestamp>,
    /// When payouts are made by themselves; what it says is known to `payouts` alone.
    pub payout_schedule: Value,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A bank account as a merchant names it. Checked by the caller with [`check_token`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDestination {
    /// The partner's token.
    pub token: String,
    /// The bank's name, for people.
    pub bank_name: Option<String>,
    /// The last four characters of the account number, for people.
    pub last4: Option<String>,
}

/// What a merchant says about a new seller.
#[derive(Debug, Clone)]
pub struct NewSeller {
    /// 1 to 200 characters.
    pub name: String,
    /// Where payouts go.
    pub payout_destination: Option<NewDestination>,
    /// Checked by the caller.
    pub metadata: BTreeMap<String, String>,
}

/// What a merchant changes of a seller; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// Another destination, or none any more.
    pub payout_destination: Option<Option<NewDestination>>,
    /// Another schedule, and when it is first due.
    pub payout_schedule: Option<(Value, Option<Timestamp>)>,
    /// All of it anew.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// How long payouts wait after a change of where they go.
#[derive(Debug, Clone, Copy)]
pub struct Cooling {
    /// So long.
    pub span: Duration,
    /// After the first destination ever as well, before which nothing could be paid out.
    pub first_too: bool,
}

/// Adds a seller.
pub async fn create(tx: &mut Tx, tenant: &Tenant, new: NewSeller, now: Timestamp) -> Result<Seller, DbError> {
    let seller = Seller {
        destination: new.payout_destination.map(first),
        metadata: new.metadata,
        ..blank(tenant, new.name, now)
    };
    store::insert(tx, &seller).await?;
    Ok(seller)
}

/// The merchant as its own seller; made once, with the merchant.
pub(super) async fn create_self(tx: &mut Tx, tenant: &Tenant, name: &str, now: Timestamp) -> Result<(), DbError> {
    store::insert(tx, &Seller { is_self: true, ..blank(tenant, name.to_owned(), now) }).await
}

/// Changes what is named of a seller; gives it as it is then, and whether its payouts go elsewhere now. `None` when there is
/// no such seller.
///
/// Another destination makes the seller unverified and holds payouts for a while: whoever stole a key wants the money at
/// once, and the owner needs the time to notice.
pub async fn change(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    change: &Change,
    cooling: Cooling,
    now: Timestamp,
) -> Result<Option<(Seller, bool)>, DbError> {
    store::update(tx, tenant, id, change, now).await?;
    let moved = match &change.payout_destination {
        Some(wanted) => {
            let until = now.plus(cooling.span);
            store::set_destination(tx, tenant, id, wanted.as_ref(), until, cooling.first_too).await?
        }
        None => false,
    };
    Ok(store::get(tx, tenant, id).await?.map(|seller| (seller, moved)))
}

fn first(new: NewDestination) -> Destination {
    Destination {
        token: new.token,
        bank_name: new.bank_name,
        last4: new.last4,
        version: 1,
        held_until: None,
        failure: None,
    }
}

fn blank(tenant: &Tenant, name: String, now: Timestamp) -> Seller {
    Seller {
        id: SellerId::new(),
        tenant: tenant.clone(),
        name,
        is_self: false,
        destination: None,
        verification: Verification::Unverified,
        verified_at: None,
        payout_schedule: serde_json::json!({ "interval": "manual" }),
        metadata: BTreeMap::new(),
        created_at: now,
    }
}

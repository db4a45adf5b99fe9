//! Payouts: a seller's available money sent to their bank, by hand or by schedule.
//!
//! Promises what refunds promise, on the way out: the money is held in the books before anybody is asked to send it, so
//! that never more leaves than was available; each payout has one key at its provider for ever, is looked up before it is
//! ordered again, and holds its money until its end is known, so that none is ever sent twice. Nothing goes to a seller
//! whom nobody has verified. Refuses to know wire shapes of providers, pages, and who is told of events.

pub mod calls;
pub mod jobs;

mod ask;
mod carry_out;
mod decide;
mod destination;
mod error;
mod forecast;
mod gate;
mod notice;
mod postings;
pub mod schedule;
mod settle;
mod status;
mod store;
mod sweep;
mod turn;
mod view;

pub use ask::{NewPayout, ask};
pub use carry_out::{carry_out, look};
pub use decide::{approve, cancel, reject};
pub use destination::change_seller;
pub use error::{AskError, DecideError, PayoutError};
pub use forecast::{Coming, Forecast, Reason, forecast};
pub use gate::{Closed, gate};
pub use notice::read_notice;
pub use settle::settle_heard;
pub use status::{Change, PayoutStatus};
pub use store::{Filter, find, get, list};
pub use sweep::sweep;
pub use turn::{first_due, pull_back, take_turn};
pub use view::view;

use crate::words::{Money, OperatorId, PayoutId, SellerId, Tenant, Timestamp};

/// Money on its way to a seller's bank.
#[derive(Debug, Clone)]
pub struct Payout {
    /// Its id, which is also its key at the provider.
    pub id: PayoutId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Who is paid.
    pub seller: SellerId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: PayoutStatus,
    /// Who sends it.
    pub provider: String,
    /// The provider's token for the bank account, as it was when the payout was asked for.
    pub destination: String,
    /// The bank's name, for people.
    pub bank_name: Option<String>,
    /// The last four characters of the account number, for people.
    pub last4: Option<String>,
    /// The provider's name for it, once it has said one.
    pub provider_reference: Option<String>,
    /// Why it failed, came back or was refused.
    pub failure_code: Option<String>,
    /// The period of the seller's schedule that made it: the local date on which it was due.
    pub period: Option<String>,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
    /// Who asked: the id of a key or an operator, or `schedule`.
    pub asked_by: String,
    /// Who let it go, or refused to, when it needed approval.
    pub decided_by: Option<OperatorId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the order to send was first written down.
    pub sent_at: Option<Timestamp>,
    /// When the provider last said that it has it.
    pub seen_at: Option<Timestamp>,
    /// When it was paid, failed or was canceled.
    pub settled_at: Option<Timestamp>,
    /// When it came back.
    pub returned_at: Option<Timestamp>,
}

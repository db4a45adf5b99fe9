//! Disputes at the stand-in PSP: opened by a card that says so or by the admin, answered with evidence until a deadline,
//! decided by the evidence's own words, by the admin, or by silence.
//!
//! Promises that what is contested was captured and neither given back nor contested before, that evidence counts once per
//! key, and that each change is told by a webhook. Knows nothing of the gateway.

mod accept;
mod admin;
mod api;
mod change;
mod evidence;
mod record;
mod store;
mod view;

pub use accept::{AcceptBody, perform as accept};
pub use admin::{decide, open};
pub use api::{evidence, give_in, lookup, search};
pub use change::{contestable, go_on, schedule};
pub use evidence::{EvidenceBody, perform};
pub use record::Dispute;
pub use view::dispute as dispute_view;

//! Checkout sessions: what is bought, from whom, until when, and where the shopper returns to.
//!
//! Promises that a session which exists is payable as it stands: its lines sum exactly to its amount, its addresses are
//! safe to send a shopper to, its sellers are the merchant's own. Refuses to know PSPs, cards and how paying is done: a
//! session only learns that it is complete, or that its time is over.

mod asked;
mod fault;
mod filter;
mod line;
mod new;
mod open;
mod place;
mod session;
mod store;
mod view;

pub use asked::{Asked, AskedLine};
pub use fault::Fault;
pub use filter::Filter;
pub use line::LineItem;
pub use new::{NewLine, NewSession};
pub use open::{OpenError, open};
pub use session::{Capture, Language, Session, Status};
pub use store::{by_page_token, complete, get, insert, list, mark_expired};
pub use view::{OrderView, view};

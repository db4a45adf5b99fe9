//! The payment service: opens checkouts, takes the money through a PSP, and keeps state, books and events in step.
//!
//! Promises that no shopper is charged twice for one payment and that no payment is lost: an attempt is written before
//! the PSP is called, what was not heard is asked for, and everything heard ends in [`settle()`]. Refuses to know wire
//! shapes of PSPs, pages, and who is told of events.

pub mod attempts;
pub mod calls;
pub mod captures;
pub mod disputes;
pub mod jobs;
pub mod methods;
pub mod notices;
pub mod refunds;
pub mod second_charge;
pub mod store;

mod approve;
mod cancel;
mod caution;
mod error;
mod execute;
mod expire;
mod explain;
mod fees;
mod fulfill;
mod late;
mod look;
mod lost;
mod open;
mod payment;
mod receive;
mod recover;
mod register;
mod repeats;
mod sale;
mod send;
mod settle;
mod standing;
mod status;
mod tell;
mod view;

pub use cancel::{CancelError, cancel};
pub use error::PaymentError;
pub use execute::execute;
pub use expire::expire;
pub use explain::{ExplainError, Explained, FeeBy, Share, explain};
pub use fulfill::{FulfillError, fulfill, fulfill_due};
pub use look::{ask_now, give_up, look_again};
pub use open::{Opened, open};
pub use payment::{Order, Payment};
pub use receive::{ReceiveError, read_notice, receive};
pub use recover::{recover, sweep};
pub use register::register;
pub use repeats::believable;
pub use send::class;
pub use settle::{Heard, settle, settle_all};
pub use standing::Standing;
pub use status::{AttemptState, OrderStatus, PaymentStatus};
pub use view::{order_view, view};

use serde_json::Value;

use crate::app::App;
use crate::checkout::{self, OrderView, Session};
use crate::words::PaymentId;

/// How a payment stands for whoever pays it, from what is known here; nobody is asked.
pub async fn standing_of(app: &App, id: &PaymentId) -> Result<Standing, PaymentError> {
    let payment = store::find(&app.db, id).await?.ok_or(PaymentError::NotFound)?;
    let attempt = attempts::latest(&app.db, id).await?;
    Ok(standing::standing(&payment, attempt.as_ref(), app.now()))
}

/// The `checkout.session` object with its orders, as merchants see it.
pub fn session_view(app: &App, session: &Session, orders: &[Order]) -> Value {
    let orders: Vec<OrderView> = orders
        .iter()
        .map(|order| OrderView {
            id: order.id.clone(),
            seller: order.seller.clone(),
            amount: order.amount,
            status: order.status.as_str(),
        })
        .collect();
    checkout::view(session, &orders, &app.config.public_url)
}

//! The rows a payment is made of, as values.

use sqlx::FromRow;

use crate::simulator::cards::{self, Behaviour};

/// A payment as the stand-in has it.
#[derive(Clone, Debug, FromRow)]
pub struct Payment {
    pub id: String,
    pub client_token: String,
    pub register_key: String,
    pub reference: String,
    /// A JSON list of the caller's order ids.
    pub order_ids: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub capture: String,
    pub parent_origin: Option<String>,
    pub return_url: Option<String>,
    pub status: String,
    pub captured_amount: i64,
    pub refunded_amount: i64,
    /// Contested and not won back.
    pub disputed_amount: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// One executed confirm call.
#[derive(Clone, Debug, FromRow)]
pub struct Attempt {
    pub id: String,
    pub payment_id: String,
    pub key: String,
    pub status: String,
    pub decline_code: Option<String>,
    pub card: String,
    pub brand: String,
    pub last4: String,
    pub challenge_token: Option<String>,
    pub due_at: Option<i64>,
    /// The token of the card if it is to be kept; told once the attempt went through.
    pub saved_card: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Payment {
    /// Whether no card can pay it any more.
    pub fn is_closed(&self) -> bool {
        matches!(self.status.as_str(), "authorized" | "succeeded" | "voided")
    }
}

impl Attempt {
    /// What the card of this attempt does.
    pub fn behaviour(&self) -> Behaviour {
        cards::by_name(&self.card).map_or(Behaviour::Approve, |card| card.behaviour)
    }
}

/// Money that was taken.
#[derive(Clone, Debug, FromRow)]
pub struct Capture {
    pub id: String,
    pub key: String,
    pub amount: i64,
    pub created_at: i64,
}

/// A refund that was made.
#[derive(Clone, Debug, FromRow)]
pub struct Refund {
    pub id: String,
    pub payment_id: String,
    pub key: String,
    pub amount: i64,
    pub reference: Option<String>,
    /// The attempt whose charge it gives back, where that is not the payment's first.
    pub charge: Option<String>,
    pub created_at: i64,
    /// When it came back.
    pub failed_at: Option<i64>,
    pub failure_code: Option<String>,
    /// When it comes back by itself.
    pub returns_at: Option<i64>,
}

/// What is known of a card token.
#[derive(Clone, Debug, FromRow)]
pub struct Card {
    /// The row of the table of magic cards.
    #[sqlx(rename = "card")]
    pub magic: String,
    pub brand: String,
    pub last4: String,
}

//! The stand-in's JSON.

use serde::{Deserialize, Serialize};

use crate::words::Secret;

/// Body of a registration.
#[derive(Debug, Serialize)]
pub struct Register<'a> {
    /// Minor units.
    pub amount: i64,
    pub currency: &'a str,
    pub order_ids: Vec<&'a str>,
    pub reference: &'a str,
    pub capture: &'a str,
}

/// Body of a confirmation.
#[derive(Debug, Serialize)]
pub struct Confirm<'a> {
    pub payment_method: &'a str,
    /// Minor units.
    pub amount: i64,
    pub currency: &'a str,
    /// Whether the card is to be kept.
    pub save: bool,
    /// Whether a kept card is charged without its holder.
    pub off_session: bool,
}

/// Body of giving up.
#[derive(Debug, Serialize)]
pub struct Abandon<'a> {
    /// The key of the confirm call that is given up.
    pub key: &'a str,
}

/// Body of a capture.
#[derive(Debug, Serialize)]
pub struct Amount {
    /// Minor units.
    pub amount: i64,
}

/// Body of a refund.
#[derive(Debug, Serialize)]
pub struct Refund<'a> {
    /// Minor units.
    pub amount: i64,
    /// The attempt whose charge it is, where the payment has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<&'a str>,
}

/// Body of a void.
#[derive(Debug, Serialize)]
pub struct Nothing {}

/// Answer of a refund.
#[derive(Debug, Deserialize)]
pub struct Refunded {
    pub refund: KnownRefund,
}

/// A refund, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct KnownRefund {
    pub id: String,
    pub payment_id: String,
    pub key: String,
    pub status: String,
    #[serde(default)]
    pub failure_code: Option<String>,
}

/// The refunds made under a key of ours.
#[derive(Debug, Deserialize)]
pub struct FoundRefunds {
    pub data: Vec<KnownRefund>,
}

/// A payment, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct Payment {
    pub id: String,
    pub client_token: String,
    pub form_url: String,
    pub attempt: Option<Attempt>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub currency: String,
    #[serde(default)]
    pub captures: Vec<KnownCapture>,
}

/// A capture, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct KnownCapture {
    pub id: String,
    /// Minor units.
    pub amount: i64,
}

/// One confirm call at the stand-in.
#[derive(Debug, Deserialize)]
pub struct Attempt {
    pub id: String,
    pub status: String,
    pub decline_code: Option<String>,
    pub challenge_url: Option<String>,
    pub card: Option<Card>,
    /// The token of a card that was kept.
    #[serde(default)]
    pub saved_card: Option<Secret<String>>,
}

/// What may be known of a card.
#[derive(Debug, Deserialize)]
pub struct Card {
    pub brand: String,
    pub last4: String,
}

/// Answer of a search.
#[derive(Debug, Deserialize)]
pub struct Found {
    pub data: Vec<Payment>,
}

/// Body of an error; a decline carries the payment too.
#[derive(Debug, Deserialize)]
pub struct Refused {
    pub error: ErrorBody,
    pub payment: Option<Payment>,
}

/// What went wrong.
#[derive(Debug, Deserialize)]
pub struct ErrorBody {
    pub code: String,
    pub message: String,
}

/// A webhook.
#[derive(Debug, Deserialize)]
pub struct Notice {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: NoticeData,
}

/// What it is about.
#[derive(Debug, Deserialize)]
pub struct NoticeData {
    pub payment: Option<NoticePayment>,
    #[serde(default)]
    pub payout: Option<KnownPayout>,
}

/// The payment it is about.
#[derive(Debug, Deserialize)]
pub struct NoticePayment {
    pub id: String,
}

/// Body of a payout.
#[derive(Debug, Serialize)]
pub struct SendOut<'a> {
    /// Minor units.
    pub amount: i64,
    pub currency: &'a str,
    pub destination: &'a str,
    pub reference: &'a str,
}

/// Answer of a payout.
#[derive(Debug, Deserialize)]
pub struct Sent {
    pub payout: KnownPayout,
}

/// Answer of a search for payouts.
#[derive(Debug, Deserialize)]
pub struct FoundPayouts {
    pub data: Vec<KnownPayout>,
}

/// A payout, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct KnownPayout {
    pub id: String,
    pub key: String,
    pub status: String,
    pub failure_code: Option<String>,
}

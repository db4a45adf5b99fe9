//! What a merchant asks for, as it came: every field still unchecked.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The body of `POST /v1/checkout/sessions`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// 1 to 100 of them.
    pub line_items: Vec<AskedLine>,
    /// Three upper-case letters.
    pub currency: String,
    /// Where the shopper goes after paying; may hold `{CHECKOUT_SESSION_ID}`.
    pub success_url: String,
    /// Where the shopper goes who would rather not pay.
    pub cancel_url: Option<String>,
    /// The merchant's own name for the order.
    pub reference: Option<String>,
    /// The shopper's address.
    pub customer_email: Option<String>,
    /// `ko`, `en` or `auto`.
    pub locale: Option<String>,
    /// `automatic`.
    pub capture: Option<String>,
    /// Whether the card is kept when it has paid, to be charged again without the shopper.
    pub save_payment_method: Option<bool>,
    /// Seconds until the session's time is over.
    pub expires_in: Option<i64>,
    /// The platform's part, a decimal string.
    pub application_fee: Option<String>,
    /// The merchant's own notes.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// One position of the order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedLine {
    /// What the shopper reads.
    pub name: String,
    /// The price of one, a decimal string.
    pub unit_amount: String,
    /// How many.
    pub quantity: i64,
    /// Who is paid for it; the merchant itself when absent.
    pub seller: Option<String>,
}

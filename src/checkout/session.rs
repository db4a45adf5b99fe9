//! A checkout session as it is kept.

use std::collections::BTreeMap;

use super::LineItem;
use crate::words::{Currency, Money, PaymentId, SellerId, SessionId, Tenant, Timestamp};

/// Whether a session can still be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for the shopper.
    Open,
    /// Paid.
    Complete,
    /// Its time is over, or the merchant ended it.
    Expired,
}

impl Status {
    /// As it stands in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }

    /// The status written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Complete, Self::Expired].into_iter().find(|status| status.as_str() == text)
    }
}

/// Whether approval takes the money at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capture {
    /// Approval and capture in one.
    Automatic,
    /// Approval holds the money; the merchant captures it later.
    Manual,
}

impl Capture {
    /// As it stands in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }

    /// The way written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Automatic, Self::Manual].into_iter().find(|capture| capture.as_str() == text)
    }
}

/// Which language the merchant wants the page in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// The browser's.
    Auto,
    /// Korean.
    Korean,
    /// English.
    English,
}

impl Language {
    /// As it stands in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    /// The language written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Auto, Self::Korean, Self::English].into_iter().find(|language| language.as_str() == text)
    }
}

/// What a shopper is asked to pay on the hosted page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `cs_...`
    pub id: SessionId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Whether it can still be paid.
    pub status: Status,
    /// The sum of its lines.
    pub amount: Money,
    /// The platform's part of it.
    pub application_fee: Option<Money>,
    /// What is bought.
    pub line_items: Vec<LineItem>,
    /// Each distinct seller's share, in the order of their first line; together exactly the amount.
    pub shares: Vec<(SellerId, Money)>,
    /// Where the shopper goes after paying, as the merchant wrote it.
    pub success_url: String,
    /// Where the shopper goes who would rather not pay.
    pub cancel_url: Option<String>,
    /// The merchant's own name for the order.
    pub reference: Option<String>,
    /// The shopper's address.
    pub customer_email: Option<String>,
    /// The page's language.
    pub language: Language,
    /// Whether approval takes the money at once.
    pub capture: Capture,
    /// Whether the card is kept when it has paid; the page asks the shopper's consent.
    pub save_payment_method: bool,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// Names the session in the shopper's address bar.
    pub page_token: String,
    /// Its payment.
    pub payment: PaymentId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// When it was paid.
    pub completed_at: Option<Timestamp>,
    /// When it was ended unpaid; stays when a late payment completes it after all.
    pub expired_at: Option<Timestamp>,
}

/// What the success address may hold in the place of the session's id.
pub(super) const ID_PLACE: &str = "{CHECKOUT_SESSION_ID}";

impl Session {
    /// The currency of everything in it.
    pub const fn currency(&self) -> Currency {
        self.amount.currency()
    }

    /// Whether a card may be charged at `now`.
    pub fn is_payable(&self, now: Timestamp) -> bool {
        self.status == Status::Open && now < self.expires_at
    }

    /// Where the shopper goes after paying.
    pub fn success_address(&self) -> String {
        self.success_url.replace(ID_PLACE, self.id.as_str())
    }

    /// Where the shopper goes who would rather not pay.
    pub fn cancel_address(&self) -> Option<String> {
        self.cancel_url.as_ref().map(|url| url.replace(ID_PLACE, self.id.as_str()))
    }
}

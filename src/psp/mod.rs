//! Payment service providers: the one trait behind which each of them stands, and the vocabulary of their answers.
//!
//! Promises that an answer is never better known than it is: what was sent and not answered is [`Outcome::Unknown`],
//! never a decline. Refuses to know the database, our states and our ledger. An adapter's wire shapes never leave its
//! folder.

mod dispute;
mod list;
mod outcome;
mod payouts;
mod registry;
pub mod simulator;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use url::Url;

pub use dispute::{DisputeReason, DisputeStatus, EvidenceOutcome, EvidenceRequest, PspDispute};
pub use list::{ListKind, ListPage, ListRequest};
pub use outcome::{
    Approval, Card, Decline, DeclineCode, Doubt, Finding, Hold, LONGEST_WAIT, NotDone, Outcome, RefundOutcome,
    still_waits,
};
pub use payouts::{PayoutOutcome, PayoutProvider, PayoutRequest};
pub use registry::Psps;

use crate::words::{Mode, Money, PaymentId, PaymentOrderId, Secret, Timestamp};

/// A payment to be made known to a PSP before the shopper sees its card form.
#[derive(Debug, Clone)]
pub struct RegisterRequest {
    /// Our payment.
    pub payment: PaymentId,
    /// Its orders, one per seller; the key includes their ids.
    pub orders: Vec<PaymentOrderId>,
    /// What the shopper will pay.
    pub amount: Money,
    /// Whether approval only makes the card hold the money, to be captured later.
    pub hold: bool,
    /// What the shopper reads on the statement or challenge page.
    pub description: String,
    /// The idempotency key: the same for every repeat of this call.
    pub key: String,
}

/// What a PSP gives for a registered payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// The token by which the browser's card form names it. Kept, never logged.
    pub token: String,
    /// Where the card form for this token is, on the PSP's origin.
    pub form_url: Url,
}

/// The order to take the money.
#[derive(Debug, Clone)]
pub struct ConfirmRequest {
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// The token that stands for the card, or by which a saved card is charged again.
    pub method: Secret<String>,
    /// What is to be taken; the PSP refuses if it differs from what was registered.
    pub amount: Money,
    /// The idempotency key: one per attempt, the same for every repeat of the call.
    pub key: String,
    /// Whether the PSP is to give a token by which the card can be charged again.
    pub save: bool,
    /// Whether a saved card is charged and no shopper is there to prove anything: what the bank wants proven is declined.
    pub off_session: bool,
}

/// The order to take money that a card holds.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// What is to be taken, all that is held or less; the rest is let go.
    pub amount: Money,
    /// The idempotency key: one per capture, the same for every repeat of the call.
    pub key: String,
}

/// The order to let go of money that a card holds.
#[derive(Debug, Clone)]
pub struct VoidRequest {
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// The idempotency key: one per void, the same for every repeat of the call.
    pub key: String,
}

/// The order to give money back.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// The PSP's name of the charge that is to be given back, as [`Approval::reference`] told it; nothing when the payment was charged
    /// once, as far as is known.
    pub charge: Option<String>,
    /// What is to be given back.
    pub amount: Money,
    /// The idempotency key: one per refund, the same for every repeat of the call.
    pub key: String,
}

/// What a verified webhook says: only which payment to look at. What became of it is asked from the PSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspNotice {
    /// The PSP's id of the event, by which repeats are known.
    pub event_id: String,
    /// The PSP's name of what happened.
    pub kind: String,
    /// The PSP's id of the payment it concerns, when it concerns one.
    pub psp_payment: Option<String>,
    /// The key under which we asked for the payout it concerns, when it concerns one.
    pub payout: Option<String>,
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefused {
    /// The signature header is missing or not in its form.
    #[error("the signature header is missing or malformed")]
    NoSignature,
    /// No signature in it was made with our secret over these bytes.
    #[error("the signature does not match")]
    WrongSignature,
    /// Signed too long ago, or in the future.
    #[error("the timestamp is outside the tolerance of {0} seconds")]
    Stale(u64),
    /// Signed by the PSP, yet not of the shape it documents.
    #[error("the body is not a notice this PSP sends")]
    Malformed,
}

/// The origins a PSP's card form needs in the page's Content-Security-Policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageOrigins {
    /// For `script-src`.
    pub script: Vec<String>,
    /// For `frame-src`.
    pub frame: Vec<String>,
    /// For `connect-src`.
    pub connect: Vec<String>,
}

/// A payment service provider.
#[async_trait]
pub trait Psp: Send + Sync {
    /// Its name in accounts, routes and records, such as `simulator`.
    fn name(&self) -> &'static str;

    /// Whether it takes payments of this mode: a stand-in takes no live ones.
    fn takes(&self, mode: Mode) -> bool;

    /// How long it remembers an idempotency key, counted from the call that first brought it; `None` is for ever. Past it
    /// an order must not be sent again, for it would be carried out a second time.
    fn key_lifetime(&self) -> Option<Duration>;

    /// What its card form needs to be allowed on our page.
    fn page_origins(&self) -> PageOrigins;

    /// Makes a payment known to the PSP. Repeated with the same key it gives the same answer.
    async fn register(&self, request: &RegisterRequest) -> Result<Registered, NotDone>;

    /// Orders the money to be taken. `Err` means that nothing was or will be taken by this call.
    async fn confirm(&self, request: &ConfirmRequest) -> Result<Outcome, NotDone>;

    /// Asks what became of the attempt that was confirmed under `key` on `psp_payment`.
    async fn look_up(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone>;

    /// Gives up the attempt confirmed under `key` if it still waits for the shopper (3-D Secure), and says what stands
    /// afterwards: money already taken stays taken.
    async fn abandon(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone>;

    /// How long a card holds money for this PSP, counted from the order that made it do so: cautious rather than exact.
    fn authorization_lifetime(&self) -> Duration {
        Duration::from_hours(7 * 24)
    }

    /// Orders held money to be taken, and says how the hold stands afterwards. `Err` means that this call took nothing.
    async fn capture(&self, request: &CaptureRequest) -> Result<Hold, NotDone>;

    /// Orders held money to be let go, and says how the hold stands afterwards. `Err` means that this call changed nothing.
    async fn void(&self, request: &VoidRequest) -> Result<Hold, NotDone>;

    /// Asks how the money stands that was held for `psp_payment`.
    async fn look_up_hold(&self, psp_payment: &str) -> Result<Hold, NotDone>;

    /// Orders money to be given back. `Err` means that this call gave nothing back.
    async fn refund(&self, request: &RefundRequest) -> Result<RefundOutcome, NotDone>;

    /// Whether a refund can name one of several charges of a payment, and gives back that one and no other.
    fn refunds_one_charge(&self) -> bool {
        false
    }

    /// Asks what became of the refund that was ordered under `key` on `psp_payment`.
    async fn look_up_refund(&self, psp_payment: &str, key: &str) -> Result<Finding<RefundOutcome>, NotDone>;

    /// Whether a webhook of this kind tells of a refund that was made, so that those not known to be done are to be asked for.
    fn tells_of_refund(&self, _kind: &str) -> bool {
        false
    }

    /// Whether a webhook of this kind tells of a refund that failed after it had succeeded, so that the payment's refunds are
    /// to be asked for.
    fn tells_of_failed_refund(&self, _kind: &str) -> bool {
        false
    }

    /// Whether a webhook of this kind tells of a dispute, so that the payment's disputes are to be asked for.
    fn tells_of_dispute(&self, _kind: &str) -> bool {
        false
    }

    /// The disputes of a payment, oldest first, open and decided ones. A PSP whose payments nobody can contest has none.
    async fn disputes(&self, _psp_payment: &str) -> Result<Vec<PspDispute>, NotDone> {
        Ok(Vec::new())
    }

    /// The disputes opened at or after `since`, of whatever payment, oldest first: for those whose webhook was lost. A long list may be cut at
    /// its end.
    async fn disputes_since(&self, _since: Timestamp) -> Result<Vec<PspDispute>, NotDone> {
        Ok(Vec::new())
    }

    /// Hands in evidence. `Err` means that this call handed in nothing.
    async fn submit_evidence(&self, _request: &EvidenceRequest) -> Result<EvidenceOutcome, NotDone> {
        Ok(EvidenceOutcome::Refused { psp_code: "not_supported".to_owned() })
    }

    /// A page of what it says of a business day, as the bytes that it gives: this changes nothing there. A PSP whose lists come
    /// as files has none.
    async fn list(&self, _request: &ListRequest) -> Result<ListPage, NotDone> {
        Err(NotDone::Refused {
            code: "not_supported".to_owned(),
            reason: "this PSP's lists cannot be asked for".to_owned(),
        })
    }

    /// Says that the merchant gives in: `dispute` is lost then. `Err` means that this call changed nothing. `key` is the same
    /// for every repeat of the call.
    async fn accept_dispute(&self, _dispute: &str, _key: &str) -> Result<EvidenceOutcome, NotDone> {
        Ok(EvidenceOutcome::Refused { psp_code: "not_supported".to_owned() })
    }

    /// Believes a webhook or says why not, over the raw bytes, in constant time.
    fn verify_notice(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<PspNotice, NoticeRefused>;
}

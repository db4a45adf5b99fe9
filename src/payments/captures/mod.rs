//! Captures and voids: money that a card holds is taken, in full or in part, or let go.
//!
//! Promises that a hold ends once: of a capture, a void and the end of its time one wins, and while the PSP has not said
//! what became of the one nothing else is asked of it. Each is written down before the PSP is asked, under one key for
//! ever. Refuses to know how the money came to be held.

mod ask;
mod carry_out;
mod expire;
mod reading;
mod settle;
mod share;
mod store;
mod view;

pub use ask::{CaptureError, NewCapture, capture, void};
pub use carry_out::carry_out;
pub use expire::end_overdue;
pub use settle::settle_heard;
pub use store::{find, of_payment};
pub use view::view;

use crate::words::{CaptureId, Money, PaymentId, Tenant, Timestamp};

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// As it stands in the database and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The one written so.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

named! {
    /// What is to become of held money.
    Operation {
        /// It is taken, all or a part; the rest is let go.
        Capture = "capture",
        /// It is let go.
        Void = "void",
    }

    /// Where a capture or void stands.
    CaptureStatus {
        /// Written down, and asked for or about to be.
        Pending = "pending",
        /// Done.
        Succeeded = "succeeded",
        /// Not done and not going to be.
        Failed = "failed",
    }

    /// Why held money is let go, or a payment called off.
    Reason {
        /// The merchant asked for it.
        RequestedByMerchant = "requested_by_merchant",
        /// The time in which it could be captured is over.
        AuthorizationExpired = "authorization_expired",
        /// The PSP let it go, which was heard when it was to be captured.
        ReleasedByPsp = "released_by_psp",
        /// The approval was heard too late, and the merchant's policy is to take no such money.
        LateSuccess = "late_success",
    }
}

/// An order to a PSP to take held money, or to let it go.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Its id, which is also its key at the PSP.
    pub id: CaptureId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Of which payment.
    pub payment: PaymentId,
    /// Which of the two.
    pub operation: Operation,
    /// What is taken, or what is let go.
    pub amount: Money,
    /// Why it is let go; none of a capture.
    pub reason: Option<Reason>,
    /// Where it stands.
    pub status: CaptureStatus,
    /// At which PSP.
    pub psp: String,
    /// The PSP's name for it, once done.
    pub psp_reference: Option<String>,
    /// Why it failed, in the PSP's words.
    pub failure_code: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a person gets it if its outcome is still not known.
    pub deadline_at: Timestamp,
    /// When its outcome was known.
    pub settled_at: Option<Timestamp>,
}

//! What a merchant has decided about its money: fees, when sold is delivered, what becomes of late and negative money.
//!
//! Promises: every decision has a default, so a merchant that decided nothing has all of them; a change names what it
//! changes and leaves the rest; who changed what is kept for ever. A decision is a name with a value in JSON, so a later one
//! needs no migration. Refuses to know what a decision leads to.

mod change;
mod fee;
pub mod limit;
mod reading;
mod store;
mod view;

use std::collections::BTreeMap;

pub use change::{Change, change, change_of_seller, fee_of};
pub use fee::PlatformFee;
pub use store::{fulfilling_by_time, of, of_sellers};
pub use view::{seller_view, view};

use crate::words::{Currency, Money};

/// What becomes of money that arrives after its payment was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateSuccess {
    /// The payment is paid after all.
    #[default]
    Accept,
    /// It is given back to the shopper by itself.
    Refund,
}

/// What becomes of a charge that the PSP made beside the one that paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondCharge {
    /// It is given back to the shopper by itself.
    #[default]
    Refund,
    /// A person looks at it and gives it back.
    Review,
}

/// What becomes of the platform's fee when a sale is refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefundFee {
    /// The platform gives back its share of what is refunded.
    #[default]
    Return,
    /// The platform keeps its fee, and the seller bears the whole refund.
    Keep,
}

/// Whether a refund may take more than a seller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NegativeBalance {
    /// The seller owes the rest, which later sales pay back: a shopper's refund does not wait for the seller's money.
    #[default]
    Allow,
    /// The refund is refused.
    Refuse,
}

/// All of a merchant's decisions in one mode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// What becomes of money that arrives too late.
    pub late_success: LateSuccess,
    /// What becomes of money that was taken twice.
    pub second_charge: SecondCharge,
    /// What becomes of the fee when a sale is refunded.
    pub refund_fee: RefundFee,
    /// Days after which a paid order counts as delivered, unless the merchant said so before; never by itself when absent.
    pub fulfill_after_days: Option<u16>,
    /// What the platform takes of each sale.
    pub platform_fee: PlatformFee,
    /// Payouts above need a second person. A currency that is not named has no limit.
    pub payout_approval_above: BTreeMap<Currency, Money>,
    /// Whether a refund may take more than a seller has.
    pub negative_balance: NegativeBalance,
}

macro_rules! words {
    ($name:ident { $($word:ident = $text:literal),* }) => {
        impl $name {
            /// As it stands in the database and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text),* }
            }

            /// The word written so.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$word),)* _ => None }
            }
        }
    };
}

words!(LateSuccess { Accept = "accept", Refund = "refund" });
words!(SecondCharge { Refund = "refund", Review = "review" });
words!(RefundFee { Return = "return", Keep = "keep" });
words!(NegativeBalance { Allow = "allow", Refuse = "refuse" });

//! The two things that are held against each other: a line as it was written down, and a movement of ours. Pure.

use jiff::civil::Date;

use super::super::line::{LineKind, Side};
use super::super::words::ObjectKind;
use crate::words::{Currency, LineId, PaymentId, Tenant};

/// A line of another's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `rcl_...`
    pub id: LineId,
    /// Whose file.
    pub side: Side,
    /// What it says.
    pub kind: LineKind,
    /// On which business day of theirs.
    pub business_date: Date,
    /// Of the three amounts.
    pub currency: Currency,
    /// Minor units, signed: above zero comes to us.
    pub gross: i64,
    /// Minor units.
    pub fee: i64,
    /// Minor units: gross less fee.
    pub net: i64,
    /// What the shopper paid, when that was in another currency.
    pub presented: Option<(Currency, i64)>,
    /// The PSP's id of the payment.
    pub psp_payment: Option<String>,
    /// The PSP's id of the movement.
    pub psp_movement: Option<String>,
    /// The key we sent.
    pub our_key: Option<String>,
    /// Our own reference.
    pub ours: Option<String>,
    /// The payout or batch it belongs to.
    pub batch: Option<String>,
    /// Where a bank may have written a reference.
    pub texts: Vec<String>,
    /// Whether a bank says that it takes an earlier entry back.
    pub reversal: bool,
}

impl Told {
    /// What it says in a currency: what was settled, or what the shopper paid when that was in another one.
    #[must_use]
    pub fn in_currency(&self, currency: Currency) -> Option<i64> {
        if self.currency == currency {
            return Some(self.gross);
        }
        self.presented.filter(|(of, _)| *of == currency).map(|(_, minor)| minor)
    }
}

/// How far a movement is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// In the books.
    Done,
    /// Under way: it is not known yet what became of it.
    Pending,
    /// Given up, declined or failed.
    GivenUp,
}

/// A movement of ours that a line may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// What it is.
    pub kind: ObjectKind,
    /// The id of the payment, refund, dispute or payout.
    pub id: String,
    /// In whose books.
    pub tenant: Tenant,
    /// The payment that it belongs to.
    pub payment: Option<PaymentId>,
    /// Of the amounts.
    pub currency: Currency,
    /// Minor units, signed as a line's gross is; what it would be, when it is not done.
    pub amount: i64,
    /// How far it is.
    pub here: Here,
    /// What of the PSP's fee is in the books and no other line stands for, in minor units.
    pub fee_booked: i64,
    /// What other lines have told of it in its own currency.
    pub told: i64,
    /// How much of it other lines stand for, whatever they have told.
    pub taken: i64,
    /// Whether it was taken out of the books because nobody had told it.
    pub written_off: bool,
}

/// What other lines of one currency have told of a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// What the movement is.
    pub kind: ObjectKind,
    /// The id of the payment, refund, dispute or payout.
    pub id: String,
    /// Of their amounts.
    pub currency: Currency,
    /// The sum of their gross.
    pub gross: i64,
    /// What the shoppers paid, where that was in another currency.
    pub presented: Option<(Currency, i64)>,
    /// How much of ours they stand for, in our currency.
    pub stands_for: i64,
    /// How much of a fee that was in the books they stand for.
    pub fee_known: i64,
}

impl Ours {
    /// What is left of it for other lines to stand for.
    #[must_use]
    pub const fn left(&self) -> i64 {
        let amount = if self.written_off { 0 } else { self.amount };
        amount.saturating_sub(self.taken)
    }

    /// Whether other lines have told it, or somebody has done without them.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.written_off || self.told != 0 || self.taken != 0
    }

    /// Adds what other lines have told of it.
    pub fn heard(&mut self, before: &Before) {
        let presented = || before.presented.filter(|(of, _)| *of == self.currency).map(|(_, minor)| minor);
        let told = if before.currency == self.currency { Some(before.gross) } else { presented() };
        self.told = self.told.saturating_add(told.unwrap_or(0));
        self.taken = self.taken.saturating_add(before.stands_for);
        self.fee_booked = self.fee_booked.saturating_sub(before.fee_known);
    }

    /// Two people have taken it out of the books, its fee with it.
    pub const fn write_off(&mut self) {
        self.written_off = true;
        self.fee_booked = 0;
    }
}

//! The first witness: what one shopper and the shop were told about one payment.

/// What the shop ordered of money that a card holds, and the gateway took on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// To take so much, in minor units.
    Capture(i64),
    /// To let it go.
    Cancel,
}

/// Everything that was said about one checkout.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Its number in the run.
    pub number: u64,
    /// `cs_...`
    pub session: String,
    /// `pay_...`
    pub payment: String,
    /// In minor units.
    pub amount: i64,
    /// Whether a card only holds the money until the shop decides.
    pub manual: bool,
    /// What was ordered of the hold and taken on.
    pub orders: Vec<Ordered>,
    /// The shopper was told that it is paid.
    pub paid: bool,
    /// The last thing the shopper was told means "you were not charged", and nothing was sent after it.
    pub not_paid: bool,
    /// The last state the page gave.
    pub last: String,
    /// Refunds that were taken on: id and minor units.
    pub refunds: Vec<(String, i64)>,
    /// Payouts that were taken on: their ids.
    pub payouts: Vec<String>,
    /// Answers that contradict each other.
    pub contradictions: Vec<String>,
    /// Why the harness itself could not go on with this payment.
    pub gave_up: Option<String>,
}

impl Told {
    /// Takes down a state of the page.
    pub fn hear(&mut self, state: &str) {
        let paid = matches!(state, "succeeded" | "already_paid");
        if self.paid && !paid {
            self.contradictions.push(format!("{}: told it is paid, and later that it is {state}", self.payment));
        }
        self.paid |= paid;
        state.clone_into(&mut self.last);
    }

    /// Takes down that one key had two answers.
    pub fn two_answers(&mut self, what: &str, first: &str, second: &str) {
        if first != second {
            self.contradictions.push(format!("{what} of one key answered {first} and {second}"));
        }
    }
}

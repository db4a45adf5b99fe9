//! The first witness: what one shopper and the shop were told about one payment.

use super::net::Reply;

/// What the shop ordered of money that a card holds, and the gateway took on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// To take so much, in minor units.
    Capture(i64),
    /// To let it go.
    Cancel,
}

/// Something that was taken on by an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOn {
    /// `re_...` or `out_...`
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// As the answer gave it.
    pub status: String,
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
    /// Refunds that were taken on.
    pub refunds: Vec<TakenOn>,
    /// Payouts that were taken on.
    pub payouts: Vec<TakenOn>,
    /// The order, `po_...`, that was answered to be delivered.
    pub delivered: Option<String>,
    /// The dispute, `dp_...`, of which it was answered that the shop's word is taken on.
    pub answered: Option<String>,
    /// Answers that contradict each other.
    pub contradictions: Vec<String>,
    /// Why the harness itself could not go on with this payment.
    pub gave_up: Option<String>,
}

impl TakenOn {
    /// What `reply` says of itself.
    ///
    /// # Errors
    /// It has no amount.
    pub fn of(reply: &Reply) -> anyhow::Result<Self> {
        let amount = reply.text_of("amount").parse()?;
        Ok(Self { id: reply.text_of("id"), amount, status: reply.text_of("status") })
    }
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
    pub fn two_answers(&mut self, what: &str, first: &Reply, second: &Reply) {
        if (first.status, &first.text) != (second.status, &second.text) {
            let said = |reply: &Reply| format!("{} {}", reply.status, reply.text);
            self.contradictions.push(format!("{what} of one key answered {} and {}", said(first), said(second)));
        }
    }
}

//! The magic destinations: one table that drives what becomes of a payout and that the documents print.

/// What the stand-in does with money sent to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepted, and paid a little later.
    Pay,
    /// Accepted, and paid much later.
    PaySlowly,
    /// Paid, and sent back by the bank days later.
    PayAndReturn,
    /// Accepted and paid, but the answer to the order is lost.
    LoseAnswer,
    /// Refused at once: there is no such account.
    Reject,
    /// Accepted, and later not paid after all.
    FailLater,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// The token a merchant stores for its seller.
    pub token: &'static str,
    /// What happens.
    pub behaviour: Behaviour,
    /// One line for people.
    pub meaning: &'static str,
}

/// Every magic destination. A token that is not listed here is paid.
pub const DESTINATIONS: &[Destination] = &[
    row("dest_sim_paid", Behaviour::Pay, "accepted, then paid after 2 seconds"),
    row("dest_sim_slow", Behaviour::PaySlowly, "accepted, then paid after 30 seconds"),
    row(
        "dest_sim_returned",
        Behaviour::PayAndReturn,
        "paid, then sent back by the bank after 3 days (`account_closed`)",
    ),
    row("dest_sim_lost_answer", Behaviour::LoseAnswer, "accepted and paid, but the answer to the order is lost"),
    row("dest_sim_rejected", Behaviour::Reject, "refused at once (`invalid_destination`)"),
    row("dest_sim_fails_later", Behaviour::FailLater, "accepted, then not paid after all (`account_frozen`)"),
];

const fn row(token: &'static str, behaviour: Behaviour, meaning: &'static str) -> Destination {
    Destination { token, behaviour, meaning }
}

/// What becomes of money sent to this token.
#[must_use]
pub fn behaviour(token: &str) -> Behaviour {
    DESTINATIONS.iter().find(|row| row.token == token).map_or(Behaviour::Pay, |row| row.behaviour)
}

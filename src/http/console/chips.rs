//! Which word and which colour each status gets. A status this table does not know is shown as it is: a console that hides
//! what it does not understand would hide exactly what somebody is looking for.

use super::components::{Chip, Tone};

/// A payment's status.
pub fn payment(status: &str) -> Chip {
    match status {
        "requires_payment" => Chip::new(Tone::Idle, "Not paid yet"),
        "processing" => Chip::new(Tone::Wait, "Processing"),
        "requires_action" | "action_required" => Chip::new(Tone::Wait, "3-D Secure"),
        "unknown" => Chip::new(Tone::Warn, "Outcome unknown"),
        "authorized" => Chip::new(Tone::Wait, "Authorized"),
        "succeeded" => Chip::new(Tone::Good, "Paid"),
        "failed" => Chip::new(Tone::Bad, "Failed"),
        "canceled" => Chip::new(Tone::Idle, "Canceled"),
        "expired" => Chip::new(Tone::Idle, "Expired"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// A payment order's status.
pub fn order(status: &str) -> Chip {
    match status {
        "NOT_STARTED" => Chip::new(Tone::Idle, status),
        "EXECUTING" => Chip::new(Tone::Wait, status),
        "SUCCESS" => Chip::new(Tone::Good, status),
        "FAILED" => Chip::new(Tone::Bad, status),
        other => Chip::new(Tone::Idle, other),
    }
}

/// What became of an attempt.
pub fn attempt(status: &str) -> Chip {
    match status {
        "prepared" => Chip::new(Tone::Wait, "Prepared"),
        "sent" => Chip::new(Tone::Wait, "Sent"),
        "approved" => Chip::new(Tone::Good, "Approved"),
        "declined" => Chip::new(Tone::Bad, "Declined"),
        "action_required" => Chip::new(Tone::Wait, "3-D Secure"),
        "pending" => Chip::new(Tone::Wait, "Pending"),
        "unknown" => Chip::new(Tone::Warn, "Outcome unknown"),
        "failed" => Chip::new(Tone::Bad, "Failed"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// What became of a capture or a void.
pub fn capture(operation: &str, status: &str) -> Chip {
    match (operation, status) {
        (_, "pending") => Chip::new(Tone::Wait, "On the way"),
        ("void", "succeeded") => Chip::new(Tone::Good, "Let go"),
        (_, "succeeded") => Chip::new(Tone::Good, "Taken"),
        (_, "failed") => Chip::new(Tone::Bad, "Failed"),
        (_, other) => Chip::new(Tone::Idle, other),
    }
}

/// A refund's status.
pub fn refund(status: &str) -> Chip {
    match status {
        "pending" => Chip::new(Tone::Wait, "On the way"),
        "succeeded" => Chip::new(Tone::Good, "Given back"),
        "failed" => Chip::new(Tone::Bad, "Failed"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// A payout's status.
pub fn payout(status: &str) -> Chip {
    match status {
        "needs_approval" => Chip::new(Tone::Warn, "Needs approval"),
        "pending" => Chip::new(Tone::Wait, "About to be sent"),
        "processing" => Chip::new(Tone::Wait, "On the way"),
        "paid" => Chip::new(Tone::Good, "Paid"),
        "failed" => Chip::new(Tone::Bad, "Failed"),
        "returned" => Chip::new(Tone::Bad, "Returned"),
        "canceled" => Chip::new(Tone::Idle, "Canceled"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// A dispute's status.
pub fn dispute(status: &str) -> Chip {
    match status {
        "needs_response" => Chip::new(Tone::Warn, "Needs an answer"),
        "under_review" => Chip::new(Tone::Wait, "Under review"),
        "won" => Chip::new(Tone::Good, "Won"),
        "lost" => Chip::new(Tone::Bad, "Lost"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// Whether a seller may be paid out.
pub fn verification(state: &str) -> Chip {
    match state {
        "unverified" => Chip::new(Tone::Idle, "Unverified"),
        "pending" => Chip::new(Tone::Wait, "Being checked"),
        "verified" => Chip::new(Tone::Good, "Verified"),
        "rejected" => Chip::new(Tone::Bad, "Rejected"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// Whether the PSP has the evidence.
pub fn evidence(status: &str) -> Chip {
    match status {
        "sending" => Chip::new(Tone::Wait, "On its way"),
        "taken" => Chip::new(Tone::Good, "Handed in"),
        "refused" => Chip::new(Tone::Bad, "Not taken"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// A webhook delivery's status.
pub fn delivery(status: &str) -> Chip {
    match status {
        "pending" => Chip::new(Tone::Wait, "Waiting"),
        "retrying" => Chip::new(Tone::Warn, "Retrying"),
        "succeeded" | "delivered" => Chip::new(Tone::Good, "Delivered"),
        "failed" | "exhausted" | "dead" => Chip::new(Tone::Bad, "Given up"),
        "canceled" | "discarded" => Chip::new(Tone::Idle, "Canceled"),
        other => Chip::new(Tone::Idle, other),
    }
}

/// A flag that should become true: done, or not yet.
pub fn done(flag: bool, expected: bool) -> Chip {
    match (flag, expected) {
        (true, _) => Chip::new(Tone::Good, "Updated"),
        (false, true) => Chip::new(Tone::Bad, "Missing"),
        (false, false) => Chip::new(Tone::Idle, "Not yet"),
    }
}

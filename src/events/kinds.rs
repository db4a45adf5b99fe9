//! The names of facts. A merchant may subscribe to these and to no misspelling of them.

/// Every event type there is.
pub const KINDS: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.expired",
    "dispute.acceptance_refused",
    "dispute.closed",
    "dispute.evidence_due",
    "dispute.evidence_refused",
    "dispute.evidence_submitted",
    "dispute.opened",
    "ledger.corrected",
    "payment.attempt_declined",
    "payment.authorization_expiring",
    "payment.authorized",
    "payment.cancel_failed",
    "payment.canceled",
    "payment.capture_failed",
    "payment.charged_twice",
    "payment.failed",
    "payment.late_success_refunded",
    "payment.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "payment_order.fulfilled",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.returned",
    "reconciliation.account_unexplained",
    "reconciliation.break_closed",
    "reconciliation.break_opened",
    "reconciliation.break_updated",
    "reconciliation.run_completed",
    "reconciliation.run_failed",
    "refund.failed",
    "refund.succeeded",
    "seller.payout_destination_changed",
    "seller.payout_destination_failed",
    "wallet.updated",
    "webhook_endpoint.test",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_of_the_form_the_standard_asks_for() {
        assert!(KINDS.is_sorted());
        for kind in KINDS {
            let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            assert!(kind.len() <= 60 && kind.contains('.') && kind.split('.').all(word), "{kind}");
        }
    }
}

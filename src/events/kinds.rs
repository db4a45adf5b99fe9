//! The names of facts. A merchant may subscribe to these and to no misspelling of them.

/// Every event type there is.
pub const KINDS: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.expired",
    "payment.attempt_declined",
    "payment.succeeded",
    "refund.failed",
    "refund.succeeded",
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

//! Repeats: what may be believed about an order that was sent more than once. Pure.

use std::time::Duration;

use crate::psp::NotDone;
use crate::sabotage::Protection::RepeatRefusal;
use crate::words::Timestamp;

/// A call may still be on its way so long; before that a refusal of a repeat proves nothing about the one before it,
/// nor does a PSP that knows nothing of it.
pub(super) const ON_ITS_WAY: Duration = Duration::from_mins(1);

/// Whether a refusal may be believed: no order that was sent before, the last one at `earlier`, can still arrive.
#[must_use]
pub fn believable(earlier: Option<Timestamp>, now: Timestamp) -> bool {
    earlier.is_none_or(|earlier| now.since(earlier) >= ON_ITS_WAY) || RepeatRefusal.is_absent()
}

/// A look that is refused says nothing of what was ordered before.
pub(super) fn no_answer(not_done: NotDone) -> NotDone {
    match not_done {
        NotDone::Refused { code, reason } => NotDone::Unreachable { reason: format!("{code}: {reason}"), after: None },
        unreachable @ NotDone::Unreachable { .. } => unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_repeat_is_believed_when_the_one_before_cannot_arrive_any_more() {
        let now = Timestamp::from_micros(1_000_000_000);
        assert!(believable(None, now));
        assert!(!believable(Some(now.minus(Duration::from_secs(59))), now));
        assert!(believable(Some(now.minus(Duration::from_mins(1))), now));
    }
}

//! When a delivery is tried again. Pure.
//!
//! The waits are the ones the Standard Webhooks specification gives as its example: growing
//! roughly exponentially, ten attempts, the last a little over three days after the first.

use std::time::Duration;

use crate::queue::retry::share;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds between one attempt and the next.
const WAITS: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// A receiver may ask for a longer wait, but not for longer than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * HOUR);

/// The wait after the `made`-th attempt failed (1 = the first), or `None` when that was the last.
///
/// `draw` is random over the whole of `u32` and moves the wait by up to a tenth either way, so that
/// the deliveries of one outage do not all return in the same second. `retry_after` is what
/// the receiver asked for; it can only lengthen the wait.
pub fn wait(made: i64, draw: u32, retry_after: Option<Duration>) -> Option<Duration> {
    let step = usize::try_from(made.checked_sub(1)?).ok()?;
    let planned = Duration::from_secs(*WAITS.get(step)?);
    let spread = planned / 10;
    let jittered = planned.saturating_sub(spread).saturating_add(share(spread * 2, draw));
    Some(jittered.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_over_three_days() {
        let total = |draw| (1..).map_while(|made| wait(made, draw, None)).sum::<Duration>();
        assert_eq!((1..).map_while(|made| wait(made, 0, None)).count(), 9);
        assert!(total(0) >= Duration::from_secs(68 * HOUR), "{:?}", total(0));
        assert!(total(u32::MAX) <= Duration::from_secs(84 * HOUR));
        assert_eq!(wait(1, u32::MAX / 2, None).unwrap().as_millis(), 4_999);
    }

    #[test]
    fn jitter_moves_a_wait_by_a_tenth_at_most() {
        assert_eq!(wait(2, 0, None).unwrap(), Duration::from_secs(270));
        assert!(wait(2, u32::MAX, None).unwrap() < Duration::from_secs(330));
    }

    #[test]
    fn retry_after_lengthens_within_reason_and_never_adds_attempts() {
        let asked = Some(Duration::from_secs(90));
        assert_eq!(wait(1, 0, asked), asked);
        assert!(wait(4, 0, asked) > asked);
        assert_eq!(wait(1, 0, Some(Duration::MAX)), Some(LONGEST_RETRY_AFTER));
        assert_eq!(wait(10, 0, asked), None);
    }

    #[test]
    fn nonsense_counts_do_not_panic() {
        for made in [i64::MIN, -1, 0, 11, i64::MAX] {
            assert_eq!(wait(made, 7, None), None, "{made}");
        }
    }
}

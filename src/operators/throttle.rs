//! How long the next password has to wait: nothing for the first few, then twice as long each time, up to a limit.
//!
//! Counted per e-mail (somebody guesses one person's password) and per address (somebody tries one password on many people).
//! The wait per e-mail stays short, so that a stranger cannot keep an operator out for long.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::words::Timestamp;

/// After this long without a try, earlier failures are forgotten.
pub(super) const MEMORY: Duration = Duration::from_hours(1);

/// Whose tries are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub key: String,
    free: u32,
    longest: Duration,
}

/// The two counters of one try, in the order in which their rows are locked.
pub(super) fn subjects(email: &str, address: &str) -> [Subject; 2] {
    let by_address =
        Subject { key: format!("address:{}", digest(address)), free: 20, longest: Duration::from_mins(15) };
    [by_address, Subject { key: operator_subject(email), free: 5, longest: Duration::from_mins(1) }]
}

/// The counter of an e-mail.
pub(super) fn operator_subject(email: &str) -> String {
    format!("operator:{}", digest(email))
}

impl Subject {
    /// How long from `now` until the next try is looked at, after so many failures with the last one at `last_at`.
    pub(super) fn wait(&self, failures: i64, last_at: Timestamp, now: Timestamp) -> Option<Duration> {
        let over = u32::try_from(failures.max(0)).unwrap_or(u32::MAX).checked_sub(self.free)?;
        let delay = Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX).max(1)).min(self.longest);
        delay.checked_sub(now.since(last_at)).filter(|wait| !wait.is_zero())
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_after_the_free_tries_and_has_an_end() {
        let [address, operator] = subjects("a@b", "127.0.0.1");
        let at = Timestamp::from_unix_seconds(1_000);
        let seconds = |subject: &Subject, failures| subject.wait(failures, at, at).map_or(0, |wait| wait.as_secs());
        assert_eq!([0, 4, 5, 6, 7, 8].map(|n| seconds(&operator, n)), [0, 0, 1, 2, 4, 8]);
        assert_eq!([50, 80, i64::MAX].map(|n| seconds(&operator, n)), [60, 60, 60]);
        assert_eq!([19, 20, 100].map(|n| seconds(&address, n)), [0, 1, 900]);
    }

    #[test]
    fn waiting_is_rewarded() {
        let [_, operator] = subjects("a@b", "127.0.0.1");
        let at = Timestamp::from_unix_seconds(1_000);
        assert_eq!(operator.wait(8, at, at.plus(Duration::from_secs(3))), Some(Duration::from_secs(5)));
        assert_eq!(operator.wait(8, at, at.plus(Duration::from_secs(8))), None);
    }
}

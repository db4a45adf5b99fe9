//! When to try again: the class of the failure chooses the policy, the policy the wait. Pure: no clock, no randomness of its
//! own (the caller draws), so every schedule can be checked for every input.

use std::time::Duration;

use crate::config::Retry;
use crate::config::retry::Pace as Named;

/// How the wait grows from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// No wait: for faults that a second try usually cures, such as a lost database race.
    Immediate,
    /// The same wait each time.
    Fixed {
        /// The wait.
        every: Duration,
    },
    /// `first`, then `step` longer each time, never above `cap`.
    Incremental {
        /// Wait after the first failure.
        first: Duration,
        /// What each further failure adds.
        step: Duration,
        /// Longest wait.
        cap: Duration,
    },
    /// Anything from nothing to `first * 2^(failures - 1)`, never above `cap` ("full jitter"):
    /// many jobs that failed together do not come back together.
    Exponential {
        /// Ceiling of the wait after the first failure.
        first: Duration,
        /// Highest ceiling.
        cap: Duration,
    },
}

/// A pace and the number of tries it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How the wait grows.
    pub pace: Pace,
    /// Tries in all, the first one included. 0 and 1 both mean: never again.
    pub tries: u32,
}

/// What a call that fails does next, by the class of each failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// After [`Class::Unreachable`].
    pub unreachable: Policy,
    /// After [`Class::Busy`].
    pub busy: Policy,
    /// After [`Class::Unclear`].
    pub unclear: Policy,
}

impl From<Retry> for Policies {
    fn from(set: Retry) -> Self {
        Self { unreachable: set.unreachable().into(), busy: set.busy().into(), unclear: set.unclear().into() }
    }
}

impl From<Retry> for Policy {
    fn from(set: Retry) -> Self {
        let (first, step) = (Duration::from_millis(set.first_ms), Duration::from_millis(set.step_ms));
        let cap = Duration::from_millis(set.cap_ms);
        let pace = match set.pace {
            Named::Never => return Self::NEVER,
            Named::Immediate => Pace::Immediate,
            Named::Fixed => Pace::Fixed { every: first },
            Named::Incremental => Pace::Incremental { first, step, cap },
            Named::Exponential => Pace::Exponential { first, cap },
        };
        Self { pace, tries: set.tries }
    }
}

/// What kind of failure it was. It decides first; the policies decide only what may be tried again at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The other side could not be reached: surely nothing was done.
    Unreachable,
    /// The other side turned us away for now (429, or 503 with a time to a mere question): not before it says, and never at once.
    Busy {
        /// How long it asked us to wait, if it said so.
        after: Option<Duration>,
    },
    /// It had the request and did not say what it did (5xx, time-out, garbled): only a call that may be repeated under its
    /// key, or a question, comes here. Not before it says, where it says so.
    Unclear {
        /// How long it asked us to wait, if it said so.
        after: Option<Duration>,
    },
    /// A definite no to the card: final.
    Declined,
    /// A definite no to the request as we make it: repeating it is no use.
    Refused,
}

/// The least that a side gets that wants fewer calls and does not say how few.
pub const BREATH: Duration = Duration::from_secs(1);

/// What a failed job does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again after this wait.
    After(Duration),
    /// A person has to look: dead letter.
    GiveUp,
}

impl Class {
    /// How long the other side asked us to wait, if it said so.
    #[must_use]
    pub const fn asked_to_wait(self) -> Option<Duration> {
        match self {
            Self::Busy { after } | Self::Unclear { after } => after,
            Self::Unreachable | Self::Declined | Self::Refused => None,
        }
    }
}

impl Next {
    fn no_sooner(self, least: Duration) -> Self {
        match self {
            Self::After(wait) => Self::After(wait.max(least)),
            Self::GiveUp => Self::GiveUp,
        }
    }
}

impl Policy {
    /// For errors that no repetition can cure.
    pub const NEVER: Self = Self { pace: Pace::Immediate, tries: 1 };

    /// Decides after the `failures`-th failure in a row (1 = the first try failed), each of which was ours.
    ///
    /// `draw` is a random number over the whole of `u32`.
    pub fn next(&self, failures: u32, draw: u32) -> Next {
        if failures >= self.tries {
            return Next::GiveUp;
        }
        let earlier = failures.saturating_sub(1);
        let wait = match self.pace {
            Pace::Immediate => Duration::ZERO,
            Pace::Fixed { every } => every,
            Pace::Incremental { first, step, cap } => first.saturating_add(step.saturating_mul(earlier)).min(cap),
            Pace::Exponential { first, cap } => {
                let doublings = 2_u32.saturating_pow(earlier);
                share(first.saturating_mul(doublings).min(cap), draw)
            }
        };
        Next::After(wait)
    }
}

impl Policies {
    /// Decides after the `failures`-th failure in a row, the last of which was of this `class`.
    ///
    /// What the other side asked for (`Retry-After`) only ever makes the wait longer.
    pub fn after(&self, class: Class, failures: u32, draw: u32) -> Next {
        match class {
            Class::Unreachable => self.unreachable.next(failures, draw),
            Class::Unclear { after } => self.unclear.next(failures, draw).no_sooner(after.unwrap_or_default()),
            Class::Busy { after } => self.busy.next(failures, draw).no_sooner(after.unwrap_or(BREATH)),
            Class::Declined | Class::Refused => Next::GiveUp,
        }
    }
}

/// `draw / 2^32` of `whole`, to the millisecond.
pub fn share(whole: Duration, draw: u32) -> Duration {
    let millis = (whole.as_millis().saturating_mul(u128::from(draw))) >> 32;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::retry::{On, Waits};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(pace: Pace) -> Policy {
        Policy { pace, tries: 10 }
    }

    fn wait(pace: Pace, failures: u32, draw: u32) -> Duration {
        match policy(pace).next(failures, draw) {
            Next::After(wait) => wait,
            Next::GiveUp => panic!("gave up after {failures}"),
        }
    }

    #[test]
    fn paces_grow_as_named() {
        assert_eq!(wait(Pace::Immediate, 5, 9), Duration::ZERO);
        assert_eq!(wait(Pace::Fixed { every: SECOND }, 7, 9), SECOND);
        let stairs = Pace::Incremental { first: SECOND, step: 2 * SECOND, cap: 6 * SECOND };
        let waits: Vec<u64> = (1..=5).map(|n| wait(stairs, n, 9).as_secs()).collect();
        assert_eq!(waits, [1, 3, 5, 6, 6]);
        let curve = Pace::Exponential { first: SECOND, cap: 5 * SECOND };
        let ceilings: Vec<u128> = (1..=5).map(|n| wait(curve, n, u32::MAX).as_millis() + 1).collect();
        assert_eq!(ceilings, [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(wait(curve, 4, 0), Duration::ZERO);
    }

    fn alike(policy: Policy) -> Policies {
        Policies { unreachable: policy, busy: policy, unclear: policy }
    }

    #[test]
    fn gives_up_after_the_last_try() {
        let thrice = Policy { pace: Pace::Immediate, tries: 3 };
        assert_eq!(thrice.next(2, 0), Next::After(Duration::ZERO));
        assert_eq!(thrice.next(3, 0), Next::GiveUp);
        assert_eq!(alike(Policy::NEVER).after(Class::Busy { after: Some(SECOND) }, 1, 0), Next::GiveUp);
        assert_eq!(Policy { tries: 0, ..thrice }.next(1, 0), Next::GiveUp);
    }

    /// Every class against every policy: the wait after the second failure in milliseconds, `None` for giving up.
    #[test]
    fn the_class_of_the_failure_decides_before_the_policy() {
        let policies = [
            Policy::NEVER,
            policy(Pace::Immediate),
            policy(Pace::Fixed { every: 3 * SECOND }),
            policy(Pace::Incremental { first: SECOND, step: SECOND, cap: 60 * SECOND }),
            policy(Pace::Exponential { first: SECOND, cap: 60 * SECOND }),
        ];
        let minute = Some(60 * SECOND);
        let table = [
            // class, never, immediate, fixed, incremental, exponential with the middle draw
            (Class::Unreachable, [None, Some(0), Some(3_000), Some(2_000), Some(1_000)]),
            (Class::Unclear { after: None }, [None, Some(0), Some(3_000), Some(2_000), Some(1_000)]),
            (Class::Unclear { after: minute }, [None, Some(60_000), Some(60_000), Some(60_000), Some(60_000)]),
            (Class::Busy { after: None }, [None, Some(1_000), Some(3_000), Some(2_000), Some(1_000)]),
            (Class::Busy { after: minute }, [None, Some(60_000), Some(60_000), Some(60_000), Some(60_000)]),
            (Class::Declined, [None; 5]),
            (Class::Refused, [None; 5]),
        ];
        for (class, waits) in table {
            for (policy, wait) in policies.iter().zip(waits) {
                let next = wait.map_or(Next::GiveUp, |millis| Next::After(Duration::from_millis(millis)));
                assert_eq!(alike(*policy).after(class, 2, 1 << 31), next, "{class:?} under {policy:?}");
            }
        }
    }

    #[test]
    fn each_class_has_a_policy_of_its_own() {
        let every = |seconds: u32, tries| Policy { pace: Pace::Fixed { every: seconds * SECOND }, tries };
        let policies = Policies { unreachable: every(1, 9), busy: every(2, 9), unclear: every(3, 2) };
        let (busy, unclear) = (Class::Busy { after: Some(SECOND) }, Class::Unclear { after: None });
        for (class, seconds) in [(Class::Unreachable, 1), (busy, 2), (unclear, 3)] {
            assert_eq!(policies.after(class, 1, 0), Next::After(seconds * SECOND), "{class:?}");
        }
        assert_eq!(policies.after(unclear, 2, 0), Next::GiveUp);
        assert_eq!(policies.after(busy, 2, 0), Next::After(2 * SECOND));
    }

    #[test]
    fn the_settings_of_a_class_become_its_policy() {
        let on = On { busy: Waits { pace: Some(Named::Never), ..Waits::default() }, ..On::default() };
        let set = Retry { on, ..crate::config::Retries::default().refund };
        let policies = Policies::from(set);
        assert_eq!(policies.busy, Policy::NEVER);
        assert_eq!((policies.unclear, policies.unreachable), (Policy::from(set), Policy::from(set)));
    }

    #[test]
    fn the_other_side_may_only_ask_for_longer() {
        let every = alike(policy(Pace::Fixed { every: 10 * SECOND }));
        let asking = |seconds: u32| Class::Busy { after: Some(seconds * SECOND) };
        assert_eq!(every.after(asking(1), 1, 0), Next::After(10 * SECOND));
        assert_eq!(every.after(asking(60), 1, 0), Next::After(60 * SECOND));
    }

    fn any_pace() -> impl Strategy<Value = Pace> {
        let span = || any::<u32>().prop_map(|ms| Duration::from_millis(u64::from(ms)));
        prop_oneof![
            Just(Pace::Immediate),
            span().prop_map(|every| Pace::Fixed { every }),
            (span(), span(), span()).prop_map(|(first, step, cap)| Pace::Incremental { first, step, cap }),
            (span(), span()).prop_map(|(first, cap)| Pace::Exponential { first, cap }),
        ]
    }

    proptest! {
        /// Whatever the numbers: no panic, exactly `tries` tries, and no wait above the cap.
        #[test]
        fn every_schedule_ends(pace in any_pace(), tries in 0_u32..50, draw: u32) {
            let policy = Policy { pace, tries };
            let mut failures = 1;
            while let Next::After(wait) = policy.next(failures, draw) {
                match pace {
                    Pace::Immediate => prop_assert_eq!(wait, Duration::ZERO),
                    Pace::Fixed { every } => prop_assert_eq!(wait, every),
                    Pace::Incremental { cap, .. } | Pace::Exponential { cap, .. } => {
                        prop_assert!(wait <= cap);
                    }
                }
                failures += 1;
            }
            prop_assert_eq!(failures, tries.max(1));
        }

        /// A larger draw never waits less, and full jitter stays under its ceiling.
        #[test]
        fn jitter_is_monotonic(low: u32, high: u32, failures in 1_u32..40) {
            let curve = Policy {
                pace: Pace::Exponential { first: SECOND, cap: 3600 * SECOND },
                tries: u32::MAX,
            };
            let (low, high) = (low.min(high), low.max(high));
            let at = |draw| match curve.next(failures, draw) {
                Next::After(wait) => wait,
                Next::GiveUp => Duration::MAX,
            };
            prop_assert!(at(low) <= at(high));
            let ceiling = (SECOND * 2_u32.saturating_pow(failures - 1).min(3600)).min(3600 * SECOND);
            prop_assert!(at(high) < ceiling);
        }
    }
}

//! How often and at what pace things are tried again: jobs, and the calls of each PSP that surely did nothing.

use serde::{Deserialize, Deserializer, Serialize};

/// How the wait grows from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// One try and no other.
    Never,
    /// No wait.
    Immediate,
    /// `first_ms` each time.
    Fixed,
    /// `first_ms`, then `step_ms` longer each time, never above `cap_ms`.
    Incremental,
    /// Anything from nothing to `first_ms` doubled each time, never above `cap_ms`.
    Exponential,
}

/// Tries and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// How the wait grows.
    pub pace: Pace,
    /// Tries in all, the first one included.
    pub tries: u32,
    /// The first wait, in milliseconds.
    pub first_ms: u64,
    /// What each further wait is longer by, in milliseconds.
    pub step_ms: u64,
    /// The longest wait, in milliseconds.
    pub cap_ms: u64,
}

/// What somebody sets of a [`Retry`]; the rest stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// See [`Retry::pace`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// See [`Retry::tries`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// See [`Retry::first_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// See [`Retry::step_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_ms: Option<u64>,
    /// See [`Retry::cap_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_ms: Option<u64>,
}

impl Change {
    /// `before` with what is set here.
    #[must_use]
    pub fn of(self, before: Retry) -> Retry {
        Retry {
            pace: self.pace.unwrap_or(before.pace),
            tries: self.tries.unwrap_or(before.tries),
            first_ms: self.first_ms.unwrap_or(before.first_ms),
            step_ms: self.step_ms.unwrap_or(before.step_ms),
            cap_ms: self.cap_ms.unwrap_or(before.cap_ms),
        }
    }
}

/// A job that fails for a reason of ours.
const JOBS: Retry = Retry { pace: Pace::Exponential, tries: 3, first_ms: 2_000, step_ms: 0, cap_ms: 300_000 };
/// While the shopper waits: the order to take the money, when the PSP surely did not get it.
const CONFIRM: Retry = Retry { pace: Pace::Incremental, tries: 3, first_ms: 200, step_ms: 600, cap_ms: 2_000 };
/// A refund that is not known to be done. Its deadline comes before its last try.
const REFUND: Retry = Retry { pace: Pace::Exponential, tries: 1_000, first_ms: 2_000, step_ms: 0, cap_ms: 1_800_000 };

/// A payout of which nothing is known. Its deadline comes before its last try.
const PAYOUT: Retry = REFUND;
/// A capture or void that is not known to be done. Its deadline comes before its last try.
const CAPTURE: Retry = REFUND;
/// While the shopper waits for the card form: making the payment known, when the PSP surely did not answer to it.
const REGISTER: Retry = CONFIRM;
/// The question what became of an attempt nobody heard of again. Its deadline comes before its last try.
const RECOVER: Retry =
    Retry { pace: Pace::Incremental, tries: 10_000, first_ms: 5_000, step_ms: 10_000, cap_ms: 1_800_000 };

/// The longest that all waits of a register or a confirm may take together: a shopper looks on, and a confirm must be
/// over before anybody asks what became of it.
const WAITED_MS: u64 = 10_000;
/// More would outlive any deadline.
const MOST_TRIES: u32 = 10_000;
/// A week.
const LONGEST_MS: u64 = 7 * 24 * 3_600_000;

/// How jobs, and calls of every PSP that does not say otherwise, are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// Jobs that failed for a reason of ours; then they are dead letters.
    #[serde(deserialize_with = "jobs")]
    pub jobs: Retry,
    /// Orders to take money that surely did not arrive, while the shopper waits.
    #[serde(deserialize_with = "confirm")]
    pub confirm: Retry,
    /// Refunds that are not known to be done.
    #[serde(deserialize_with = "refund")]
    pub refund: Retry,
    /// Captures and voids that are not known to be done.
    #[serde(deserialize_with = "capture")]
    pub capture: Retry,
    /// Registrations of payments that surely did not arrive, while the shopper waits.
    #[serde(deserialize_with = "register")]
    pub register: Retry,
    /// Questions what became of an attempt nobody heard of again.
    #[serde(deserialize_with = "recover")]
    pub recover: Retry,
    /// Payouts of which nothing is known.
    #[serde(deserialize_with = "payout")]
    pub payout: Retry,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            jobs: JOBS,
            confirm: CONFIRM,
            refund: REFUND,
            capture: CAPTURE,
            register: REGISTER,
            recover: RECOVER,
            payout: PAYOUT,
        }
    }
}

fn jobs<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(JOBS))
}

fn confirm<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(CONFIRM))
}

fn refund<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(REFUND))
}

fn capture<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(CAPTURE))
}

fn register<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(REGISTER))
}

fn recover<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(RECOVER))
}

fn payout<'de, D: Deserializer<'de>>(text: D) -> Result<Retry, D::Error> {
    Change::deserialize(text).map(|change| change.of(PAYOUT))
}

/// What is different at one PSP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PspRetries {
    /// As [`Retries::confirm`].
    pub confirm: Option<Change>,
    /// As [`Retries::refund`].
    pub refund: Option<Change>,
    /// As [`Retries::capture`].
    pub capture: Option<Change>,
    /// As [`Retries::register`].
    pub register: Option<Change>,
    /// As [`Retries::recover`].
    pub recover: Option<Change>,
    /// As [`Retries::payout`].
    pub payout: Option<Change>,
}

impl Retries {
    /// With what is different at one PSP.
    #[must_use]
    pub fn at(self, psp: &PspRetries) -> Self {
        Self {
            confirm: psp.confirm.unwrap_or_default().of(self.confirm),
            refund: psp.refund.unwrap_or_default().of(self.refund),
            capture: psp.capture.unwrap_or_default().of(self.capture),
            register: psp.register.unwrap_or_default().of(self.register),
            recover: psp.recover.unwrap_or_default().of(self.recover),
            payout: psp.payout.unwrap_or_default().of(self.payout),
            ..self
        }
    }

    /// What is wrong with these, as sentences that name the setting under `place`.
    pub(super) fn complaints(&self, place: &str) -> Vec<String> {
        let mut found = Vec::new();
        let all = [
            ("jobs", &self.jobs),
            ("confirm", &self.confirm),
            ("refund", &self.refund),
            ("capture", &self.capture),
            ("register", &self.register),
            ("recover", &self.recover),
            ("payout", &self.payout),
        ];
        for (name, retry) in all {
            if !(1..=MOST_TRIES).contains(&retry.tries) {
                found.push(format!("{place}.{name}.tries must lie between 1 and {MOST_TRIES}"));
            }
            if retry.first_ms.max(retry.step_ms).max(retry.cap_ms) > LONGEST_MS {
                found.push(format!("{place}.{name} waits longer than a week: shorten first_ms, step_ms or cap_ms"));
            }
            if matches!(retry.pace, Pace::Incremental | Pace::Exponential) && retry.first_ms > retry.cap_ms {
                found.push(format!("{place}.{name}.first_ms is above its cap_ms: lower it or raise the cap"));
            }
        }
        for (name, retry) in [("confirm", &self.confirm), ("register", &self.register)] {
            if retry.longest_ms().saturating_mul(retry.waits()) > WAITED_MS {
                found.push(format!(
                    "{place}.{name} may keep a shopper waiting for more than {} seconds: fewer tries or shorter waits",
                    WAITED_MS / 1000
                ));
            }
        }
        found
    }
}

impl Retry {
    fn waits(&self) -> u64 {
        u64::from(self.tries.saturating_sub(1))
    }

    fn longest_ms(&self) -> u64 {
        match self.pace {
            Pace::Never | Pace::Immediate => 0,
            Pace::Fixed => self.first_ms,
            Pace::Incremental | Pace::Exponential => self.cap_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Retries::default().complaints("retry"), Vec::<String>::new());
    }

    #[test]
    fn a_psp_changes_what_it_names_and_nothing_else() {
        let psp = PspRetries {
            confirm: Some(Change { tries: Some(5), ..Change::default() }),
            recover: Some(Change { first_ms: Some(1), ..Change::default() }),
            ..PspRetries::default()
        };
        let at = Retries::default().at(&psp);
        let (confirm, recover) = (Retry { tries: 5, ..CONFIRM }, Retry { first_ms: 1, ..RECOVER });
        assert_eq!(at, Retries { confirm, recover, ..Retries::default() });
    }

    #[test]
    fn unsound_ones_are_named() {
        let told = |change: Change| Retries { confirm: change.of(CONFIRM), ..Retries::default() }.complaints("retry");
        let one = |change: Change, part: &str| {
            let told = told(change).join("\n");
            assert!(told.contains(part), "{told}");
        };
        one(Change { tries: Some(0), ..Change::default() }, "retry.confirm.tries");
        one(Change { first_ms: Some(9_000), ..Change::default() }, "retry.confirm.first_ms");
        one(Change { tries: Some(50), ..Change::default() }, "a shopper waiting");
        one(Change { cap_ms: Some(u64::MAX), ..Change::default() }, "longer than a week");
        assert!(told(Change { pace: Some(Pace::Never), cap_ms: Some(60_000), ..Change::default() }).is_empty());
    }
}

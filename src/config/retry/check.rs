//! Which of them a gateway must not start with.

use super::{PATIENCE, Pace, Retries, Retry};

/// The longest that all waits of a register or a confirm may take together: a shopper looks on, and a confirm must be
/// over before anybody asks what became of it.
const WAITED_MS: u64 = 10_000;
/// More would outlive any deadline.
const MOST_TRIES: u32 = 10_000;
/// A week.
const LONGEST_MS: u64 = 7 * 24 * 3_600_000;
/// Those for which a shopper waits. Each is repeated only while the PSP surely did nothing.
const WAITED_FOR: [&str; 2] = ["confirm", "register"];

impl Retries {
    /// What is wrong with these, as sentences that name the setting under `place`.
    pub(in crate::config) fn complaints(&self, place: &str) -> Vec<String> {
        let mut found = Vec::new();
        one(&format!("{place}.jobs"), self.jobs, &mut found);
        if !self.jobs.on.is_nothing() {
            found.push(format!(
                "{place}.jobs.on has no effect: a job that fails fails for a reason of ours, whatever a PSP said; set \
                 {place}.jobs itself"
            ));
        }
        for (name, retry) in self.operations() {
            let place = format!("{place}.{name}");
            one(&place, retry, &mut found);
            for (class, on, retry) in [
                ("unreachable", retry.on.unreachable, retry.unreachable()),
                ("busy", retry.on.busy, retry.busy()),
                ("unclear", retry.on.unclear, retry.unclear()),
            ] {
                if !on.is_nothing() {
                    one(&format!("{place}.on.{class}"), retry, &mut found);
                }
            }
            if WAITED_FOR.contains(&name) {
                waited_for(&place, retry, &mut found);
            }
        }
        found
    }
}

fn one(place: &str, retry: Retry, found: &mut Vec<String>) {
    if !(1..=MOST_TRIES).contains(&retry.tries) {
        found.push(format!("{place}.tries must lie between 1 and {MOST_TRIES}"));
    }
    if retry.first_ms.max(retry.step_ms).max(retry.cap_ms) > LONGEST_MS {
        found.push(format!("{place} waits longer than a week: shorten first_ms, step_ms or cap_ms"));
    }
    if matches!(retry.pace, Pace::Incremental | Pace::Exponential) && retry.first_ms > retry.cap_ms {
        found.push(format!("{place}.first_ms is above its cap_ms: lower it or raise the cap"));
    }
}

fn waited_for(place: &str, retry: Retry, found: &mut Vec<String>) {
    if !retry.on.unclear.is_nothing() {
        found.push(format!(
            "{place}.on.unclear has no effect: what a PSP may have done is not sent again while a shopper waits; \
             retry.recover says how it is asked about"
        ));
    }
    // A busy PSP may ask for more than our own wait.
    let asked = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let busy = (retry.busy().tries_made(), retry.busy().longest_ms().max(asked));
    let away = (retry.unreachable().tries_made(), retry.unreachable().longest_ms());
    if together(busy, away) > WAITED_MS {
        found.push(format!(
            "{place} may keep a shopper waiting for more than {} seconds: fewer tries or shorter waits (a busy PSP is \
             waited for up to {} seconds each time)",
            WAITED_MS / 1000,
            PATIENCE.as_secs()
        ));
    }
}

/// The longest that the waits after failures of two kinds can take, however they follow each other: each kind gives its tries
/// and its longest wait.
fn together((tries, wait): (u32, u64), (other_tries, other_wait): (u32, u64)) -> u64 {
    let waits = |tries: u32| u64::from(tries.saturating_sub(1));
    let both = waits(tries.min(other_tries)).saturating_mul(wait.max(other_wait));
    let rest = |tries: u32, wait: u64, other: u32| waits(tries).saturating_sub(waits(other)).saturating_mul(wait);
    both.saturating_add(rest(tries, wait, other_tries)).saturating_add(rest(other_tries, other_wait, tries))
}

impl Retry {
    fn tries_made(&self) -> u32 {
        if self.pace == Pace::Never { 1 } else { self.tries }
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
    use super::super::{Change, On, Waits};
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Retries::default().complaints("retry"), Vec::<String>::new());
    }

    fn told(change: Change) -> String {
        let usual = Retries::default();
        Retries { confirm: change.of(usual.confirm), ..usual }.complaints("retry").join("\n")
    }

    #[test]
    fn unsound_ones_are_named() {
        let one = |change: Change, part: &str| {
            let told = told(change);
            assert!(told.contains(part), "{told}");
        };
        one(Change { tries: Some(0), ..Change::default() }, "retry.confirm.tries");
        one(Change { first_ms: Some(9_000), ..Change::default() }, "retry.confirm.first_ms");
        one(Change { tries: Some(50), ..Change::default() }, "a shopper waiting");
        one(Change { cap_ms: Some(u64::MAX), ..Change::default() }, "longer than a week");
        assert_eq!(told(Change { pace: Some(Pace::Never), cap_ms: Some(60_000), ..Change::default() }), "");
    }

    #[test]
    fn a_kind_of_failure_is_held_to_the_same() {
        let busy = |busy: Waits| told(Change { on: On { busy, ..On::default() }, ..Change::default() });
        let slow = busy(Waits { first_ms: Some(9_000), ..Waits::default() });
        assert!(slow.contains("retry.confirm.on.busy.first_ms"), "{slow}");
        let often = busy(Waits { tries: Some(5), ..Waits::default() });
        assert!(often.contains("a shopper waiting"), "a PSP may ask for three seconds each time: {often}");
        assert_eq!(busy(Waits { pace: Some(Pace::Never), tries: Some(50), ..Waits::default() }), "");
        let unclear = Waits { tries: Some(2), ..Waits::default() };
        let told = told(Change { on: On { unclear, ..On::default() }, ..Change::default() });
        assert!(told.contains("retry.confirm.on.unclear has no effect"), "{told}");
        let usual = Retries::default();
        let on = On { busy: unclear, ..On::default() };
        let jobs = Retries { jobs: Retry { on, ..usual.jobs }, ..usual }.complaints("retry").join("\n");
        assert!(jobs.contains("retry.jobs.on has no effect"), "{jobs}");
    }

    #[test]
    fn waits_of_two_kinds_are_added_up_at_their_worst() {
        assert_eq!(together((3, 3_000), (3, 2_000)), 6_000);
        assert_eq!(together((2, 3_000), (5, 1_000)), 6_000);
        assert_eq!(together((1, 3_000), (1, 9_000)), 0);
        assert_eq!(together((u32::MAX, u64::MAX), (3, 1)), u64::MAX);
    }
}

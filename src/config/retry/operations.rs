//! What is tried again, by name, how unless somebody says otherwise, and what is different at one PSP.

use serde::{Deserialize, Serialize};

use super::{Change, On, Pace, Retry};

const fn paced(pace: Pace, tries: u32, first_ms: u64, step_ms: u64, cap_ms: u64) -> Retry {
    let nothing = super::Waits { pace: None, tries: None, first_ms: None, step_ms: None, cap_ms: None };
    Retry { pace, tries, first_ms, step_ms, cap_ms, on: On { unreachable: nothing, busy: nothing, unclear: nothing } }
}

/// Three tries.
const JOBS: Retry = paced(Pace::Exponential, 3, 2_000, 0, 300_000);
/// While a shopper waits.
const QUICK: Retry = paced(Pace::Incremental, 3, 200, 600, 2_000);
/// For a day or so: what is asked for so has a deadline, which comes before its last try.
const PATIENT: Retry = paced(Pace::Exponential, 1_000, 2_000, 0, 1_800_000);
/// As often as a question may be asked, with a deadline of its own too.
const ASKING: Retry = paced(Pace::Incremental, 10_000, 5_000, 10_000, 1_800_000);

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $usual:ident,)*) => {
        /// How jobs, and calls of every PSP that does not say otherwise, are tried again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(from = "Wanted")]
        pub struct Retries {
            /// Jobs that failed for a reason of ours; then they are dead letters.
            pub jobs: Retry,
            $($(#[$doc])* pub $name: Retry,)*
        }

        /// What somebody sets of it.
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Wanted {
            jobs: Change,
            $($name: Change,)*
        }

        impl From<Wanted> for Retries {
            fn from(wanted: Wanted) -> Self {
                Self { jobs: wanted.jobs.of(JOBS), $($name: wanted.$name.of($usual),)* }
            }
        }

        /// What is different at one PSP.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct PspRetries {
            $(#[doc = concat!("As [`Retries::", stringify!($name), "`].")] pub $name: Option<Change>,)*
        }

        impl Retries {
            /// With what is different at one PSP.
            #[must_use]
            pub fn at(self, psp: &PspRetries) -> Self {
                Self { jobs: self.jobs, $($name: psp.$name.unwrap_or_default().of(self.$name),)* }
            }

            /// All of them but the jobs, with their names.
            pub(super) fn operations(&self) -> impl Iterator<Item = (&'static str, Retry)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

operations! {
    /// Orders to take money that surely did not arrive, while the shopper waits.
    confirm = QUICK,
    /// Refunds that are not known to be done.
    refund = PATIENT,
    /// Captures and voids that are not known to be done.
    capture = PATIENT,
    /// Registrations that surely did nothing, while the shopper waits for the card form.
    register = QUICK,
    /// Questions what became of an attempt nobody heard of again.
    recover = ASKING,
    /// Payouts of which nothing is known.
    payout = PATIENT,
    /// Evidence against a dispute of which is not known whether the PSP has it.
    evidence = PATIENT,
}

impl Default for Retries {
    fn default() -> Self {
        Wanted::default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Waits;
    use super::*;

    #[test]
    fn a_psp_changes_what_it_names_and_nothing_else() {
        let psp = PspRetries {
            confirm: Some(Change { tries: Some(5), ..Change::default() }),
            recover: Some(Change { first_ms: Some(1), ..Change::default() }),
            ..PspRetries::default()
        };
        let at = Retries::default().at(&psp);
        let (confirm, recover) = (Retry { tries: 5, ..QUICK }, Retry { first_ms: 1, ..ASKING });
        assert_eq!(at, Retries { confirm, recover, ..Retries::default() });
    }

    #[test]
    fn a_kind_of_failure_wins_over_its_operation_and_a_psp_over_all_psps() {
        let on_busy = |busy: Waits| Change { on: On { busy, ..On::default() }, ..Change::default() };
        let minute = Waits { pace: Some(Pace::Fixed), first_ms: Some(60_000), ..Waits::default() };
        let everywhere = Wanted { refund: on_busy(minute), ..Wanted::default() };
        let four = Change { tries: Some(4), ..on_busy(Waits { first_ms: Some(90_000), ..Waits::default() }) };
        let here = Retries::from(everywhere).at(&PspRetries { refund: Some(four), ..PspRetries::default() }).refund;
        assert_eq!((here.unclear().pace, here.unclear().tries, here.unclear().first_ms), (Pace::Exponential, 4, 2_000));
        assert_eq!(here.unreachable(), here);
        assert_eq!((here.busy().pace, here.busy().tries, here.busy().first_ms), (Pace::Fixed, 4, 90_000));
    }
}

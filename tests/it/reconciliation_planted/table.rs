//! The table of this test: what each planted mistake must be found as, and how it ends.

use tollgate::reconciliation::breaks::{Break, Status};

/// What a mistake is found as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub source: &'static str,
    pub outcome: &'static str,
    pub class: &'static str,
    pub cause: &'static str,
}

macro_rules! table {
    ($($name:ident: $source:literal, $outcome:literal => $class:literal, $cause:literal;)*) => {
        $(pub const $name: Found = Found { source: $source, outcome: $outcome, class: $class, cause: $cause };)*
        /// Every row.
        pub const ALL: &[Found] = &[$($name),*];
    };
}

table! {
    // The PSP's list.
    CHARGE_LATE: "list", "late" => "automatic", "not_in_the_file_yet";
    CHARGE_MISSING: "list", "missing_at_psp" => "investigate", "psp_does_not_know_it";
    OTHER_AMOUNT: "list", "amount_differs" => "investigate", "amount_differs";
    OTHER_FEE: "list", "fee_differs" => "manual", "fee_not_as_contracted";
    OTHER_CURRENCY: "list", "currency_differs" => "manual", "settled_in_another_currency";
    CHARGED_TWICE: "list", "duplicate" => "investigate", "charged_twice";
    TOLD_TWICE: "list", "duplicate" => "investigate", "duplicate";
    LOST_WEBHOOK: "list", "state_differs" => "automatic", "lost_webhook";
    GIVEN_UP_HERE: "list", "state_differs" => "investigate", "taken_after_it_was_given_up";
    REFUND_FINISHED: "list", "state_differs" => "automatic", "refund_finished";
    REFUND_CAME_BACK: "list", "state_differs" => "automatic", "refund_came_back";
    REFUND_FAILED_HERE: "list", "state_differs" => "investigate", "refund_failed_here_only";
    DISPUTE_MOVED_ON: "list", "state_differs" => "automatic", "dispute_moved_on";
    DISPUTE_UNHEARD: "list", "missing_here" => "automatic", "dispute_not_heard_of";
    REFUND_ELSEWHERE: "list", "missing_here" => "manual", "refund_made_elsewhere";
    NOT_FROM_HERE: "list", "missing_here" => "investigate", "not_from_here";
    HELD_BACK: "list", "unknown" => "manual", "held_back_or_put_right";
    UNKNOWN: "list", "unknown" => "investigate", "unknown";
    NOT_ITS_BATCH: "list", "amount_differs" => "manual", "payout_is_not_its_batch";
    // The second list of the same PSP, which settles what was converted.
    ROUNDED: "card", "amount_differs" => "automatic", "rounding";
    TOO_FAR_TO_BE_ROUNDED: "card", "amount_differs" => "investigate", "amount_differs";
    // The bank.
    ON_ITS_WAY: "bank", "late" => "automatic", "payout_on_its_way";
    NOT_IN_BANK: "bank", "missing_at_psp" => "manual", "payout_not_in_bank";
    RECEIVED_OTHER_AMOUNT: "bank", "amount_differs" => "manual", "bank_received_another_amount";
    RECEIVED_OTHER_CURRENCY: "bank", "currency_differs" => "manual", "currency_differs";
    BOOKED_TWICE: "bank", "duplicate" => "investigate", "duplicate";
    PAYOUT_MOVED_ON: "bank", "state_differs" => "automatic", "seller_payout_moved_on";
    PAYOUT_FAILED_HERE: "bank", "state_differs" => "investigate", "seller_payout_moved_on";
    UNKNOWN_AT_BANK: "bank", "unknown" => "investigate", "unknown";
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// It came right without a person.
    Repaired,
    /// It waits, and this of it stands in suspense, in minor units by currency.
    Waits(Vec<(String, i64)>),
}

impl Stands {
    /// It waits, and moved no money.
    pub const WAITS: Self = Self::Waits(Vec::new());

    /// It waits, with these won in suspense.
    pub fn with(won: i64) -> Self {
        Self::Waits(vec![("KRW".to_owned(), won)])
    }

    /// It waits, with dollars and won in suspense.
    pub fn between(cents: i64, won: i64) -> Self {
        Self::Waits(vec![("KRW".to_owned(), won), ("USD".to_owned(), cents)])
    }
}

/// One difference: about which row of a list, or which movement of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub about: String,
    pub source: String,
    pub outcome: String,
    pub class: String,
    pub cause: String,
    pub stands: Stands,
}

impl Row {
    pub fn of(found: Found, about: &str, stands: Stands) -> Self {
        Self {
            about: about.to_owned(),
            source: found.source.to_owned(),
            outcome: found.outcome.to_owned(),
            class: found.class.to_owned(),
            cause: found.cause.to_owned(),
            stands,
        }
    }

    /// As it was found: `row` is what the list calls its row, where it has one.
    pub fn read(it: &Break, row: Option<String>, parked: Vec<(String, i64)>) -> Self {
        let about = row.unwrap_or_else(|| it.object.clone().map_or_else(String::new, |(_, id)| id));
        let stands = if it.status == Status::Resolved { Stands::Repaired } else { Stands::Waits(parked) };
        Self {
            about,
            source: it.source.clone(),
            outcome: it.outcome.as_str().to_owned(),
            class: it.class.as_str().to_owned(),
            cause: it.cause.clone(),
            stands,
        }
    }
}

//! Whose files are reconciled, how they are read, and when.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::words::{Currency, Money};

/// Reconciliation.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconciliation {
    /// Every list and statement that is read, each under a name of its own.
    pub sources: Vec<Source>,
    /// Known causes of differences, besides those that are built in; asked first, in this order.
    pub causes: Vec<Cause>,
}

/// A cause of differences that the operator knows.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Its name: lower-case letters, digits and `_`.
    pub name: String,
    /// For which differences, such as `unknown` or `amount_differs`.
    pub outcome: String,
    /// Only of a bank's lines (`true`), or only of a PSP's (`false`).
    #[serde(default)]
    pub bank: Option<bool>,
    /// Only of these kinds of line, such as `adjustment`.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Only where the row as it stands in the file contains this, letter case aside.
    #[serde(default)]
    pub text: Option<String>,
    /// Only of these sources.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Only where the amounts are in one of these currencies.
    #[serde(default)]
    pub currencies: Vec<String>,
    /// Only where it differs in one of these ways, such as `of_our_payment`.
    #[serde(default)]
    pub circumstances: Vec<String>,
    /// Only where the amount in question is at most this, in minor units of the currencies that are named.
    #[serde(default)]
    pub at_most: Option<u64>,
    /// Only what has been open for more days than this.
    #[serde(default)]
    pub older_than_days: Option<u16>,
    /// Who closes it: `automatic`, `manual` or `investigate`.
    pub class: String,
    /// What is done without a person; `automatic` needs one of the two bookings.
    #[serde(default)]
    pub repair: Remedy,
    /// What it is, for whoever reads the break.
    pub explanation: String,
}

/// What is done about a difference without a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing.
    #[default]
    None,
    /// The difference is booked as what the PSP charges.
    BookFee,
    /// The difference is booked as rounding.
    BookRounding,
}

/// One list of a PSP, or the statements of one bank account.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in commands, pages and reports: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// How its files are read.
    pub format: Format,
    /// The PSP whose account in the books it speaks of; for a bank, the PSP whose payouts land there.
    pub psp: String,
    /// For a bank: the other PSPs whose payouts land in the same account.
    #[serde(default)]
    pub also_psps: Vec<String>,
    /// The merchant whose books hold what belongs to no payment of ours.
    pub merchant: String,
    /// Whether it speaks of live money.
    #[serde(default)]
    pub livemode: bool,
    /// The time zone (IANA name) of its business days.
    #[serde(default = "utc")]
    pub zone: String,
    /// When its business day ends, `HH:MM` in its zone; what happens later belongs to the next day.
    #[serde(default = "midnight")]
    pub cutoff: String,
    /// When it is reconciled every night, `HH:MM` in its zone.
    #[serde(default = "five")]
    pub at: String,
    /// How many days after a business day its file is there.
    #[serde(default = "one")]
    pub lag_days: u16,
    /// How many days money may be on its way until somebody is told.
    #[serde(default = "five_days")]
    pub in_transit_days: u16,
    /// A folder into which its files are put. Unset: it is asked for by API, or handed in.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// What the PSP takes of a charge by contract. Unset: whatever it says is believed.
    #[serde(default)]
    pub fee: Option<ContractFee>,
    /// The most that one row's fee may be, by currency, as a decimal string, where no contract says what it is: also of rows that are
    /// nothing but a fee. Unset: whatever is told is believed.
    #[serde(default)]
    pub fee_at_most: BTreeMap<String, String>,
    /// Minor units by which an amount that was converted may differ from ours: rounding.
    #[serde(default)]
    pub rounding_tolerance: u32,
    /// For a bank: in which fields a payout's reference may stand, in the order of the search. Empty: in all of them.
    #[serde(default)]
    pub reference_fields: Vec<String>,
    /// For `csv`: which column is what.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

impl Source {
    /// The PSPs it speaks of: one, or for a bank all whose payouts land there.
    pub fn psps(&self) -> Vec<&str> {
        std::iter::once(&self.psp).chain(&self.also_psps).map(String::as_str).collect()
    }

    /// Whether its files are a bank's.
    fn is_bank(&self) -> bool {
        self.format == Format::Camt053 || self.columns.get("@side").is_some_and(|side| side == "bank")
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The stand-in PSP's settlement list, by API or as a file of the same JSON.
    Simulator,
    /// Stripe's itemized payout reconciliation report, CSV.
    Stripe,
    /// Toss Payments' settlement rows, JSON.
    Tosspayments,
    /// Adyen's settlement details report, CSV.
    Adyen,
    /// A bank's statement, ISO 20022 camt.053, XML.
    Camt053,
    /// A CSV file of another's making; the settings name its columns.
    Csv,
}

impl Format {
    /// As the settings write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Stripe => "stripe",
            Self::Tosspayments => "tosspayments",
            Self::Adyen => "adyen",
            Self::Camt053 => "camt053",
            Self::Csv => "csv",
        }
    }
}

/// What a PSP takes of a charge: both parts, added up, rounded half up.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContractFee {
    /// Parts per million of the charge.
    pub ppm: u32,
    /// A fixed amount by currency, as a decimal string, such as `USD = "0.30"`.
    pub fixed: BTreeMap<String, String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn midnight() -> String {
    "00:00".to_owned()
}

fn five() -> String {
    "05:00".to_owned()
}

fn one() -> u16 {
    1
}

fn five_days() -> u16 {
    5
}

/// What can be said of a cause, and nothing else.
const OUTCOMES: [&str; 9] = [
    "missing_at_psp",
    "missing_here",
    "amount_differs",
    "fee_differs",
    "currency_differs",
    "state_differs",
    "duplicate",
    "late",
    "unknown",
];

/// Kinds of line that a cause may be about.
pub const KINDS: [&str; 11] = [
    "charge",
    "charge_reversal",
    "refund",
    "refund_failure",
    "dispute",
    "dispute_reversal",
    "fee",
    "payout",
    "payout_reversal",
    "adjustment",
    "bank_entry",
];
/// In which ways sides differ, as a cause may name them.
pub const CIRCUMSTANCES: [&str; 14] = [
    "within_rounding",
    "other_amount",
    "other_currency",
    "other_fee",
    "above_limit",
    "under_way",
    "given_up",
    "again",
    "of_our_payment",
    "written_off",
    "strange",
    "peculiar",
    "still_time",
    "overdue",
];
/// What stands before the kind of a line whose word no parser knows.
pub const UNKNOWN_KIND: &str = "unknown:";
/// Characters of an explanation: it is also how a break ends.
const EXPLANATION: usize = 500;

/// A time of day, `HH:MM`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let digits = text.len() == 5 && text.bytes().enumerate().all(|(at, byte)| at == 2 || byte.is_ascii_digit());
    let (hour, minute) = text.split_once(':').filter(|_| digits)?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl Reconciliation {
    /// Every reason why the sources cannot be read, as sentences; `psps` are those that are configured.
    pub(super) fn source_complaints(&self, psps: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for source in &self.sources {
            let name = &source.name;
            let mut tell = |what: String| found.push(format!("reconciliation.sources: {what}"));
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
            if !(1..=60).contains(&name.len()) || !name.bytes().all(word) {
                tell(format!("the name {name:?} must be lower-case letters, digits, - and _"));
            }
            if self.sources.iter().filter(|other| other.name == *name).count() > 1 {
                tell(format!("{name} is named twice: give each source its own name"));
            }
            let of_source = source.psps();
            if let Some(psp) = of_source.iter().find(|psp| !psps.contains(psp)) {
                tell(format!("psp {psp:?} of {name} is not configured: it must be one of: {}", psps.join(", ")));
            }
            if let Some(psp) = of_source.iter().find(|psp| of_source.iter().filter(|other| other == psp).count() > 1) {
                tell(format!("psp {psp:?} of {name} is named twice in psp and also_psps: once is enough"));
            }
            if !source.also_psps.is_empty() && !source.is_bank() {
                tell(format!(
                    "also_psps of {name} is for a bank, which may receive from several: a PSP's own list is one PSP's"
                ));
            }
            if TimeZone::get(&source.zone).is_err() {
                let zone = &source.zone;
                tell(format!("zone {zone:?} of {name} is no time zone of the IANA database, such as Asia/Seoul"));
            }
            let fixed = source.fee.iter().flat_map(|fee| &fee.fixed).map(|it| ("fee.fixed", it));
            for (setting, (code, text)) in fixed.chain(source.fee_at_most.iter().map(|it| ("fee_at_most", it))) {
                if !Currency::parse(code).is_ok_and(|currency| Money::parse(text, currency).is_ok()) {
                    tell(format!(
                        "{setting} of {name}: {code} = {text:?} is no currency with an amount of it, such as USD = \"0.30\""
                    ));
                }
            }
            for (setting, text) in [("cutoff", &source.cutoff), ("at", &source.at)] {
                if time_of_day(text).is_none() {
                    tell(format!("{setting} {text:?} of {name} is no time of day such as 17:30"));
                }
            }
        }
        found
    }

    /// Every reason why the added causes cannot be used, as sentences.
    pub(super) fn cause_complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        for cause in &self.causes {
            let name = &cause.name;
            let known = |kind: &&String| KINDS.contains(&kind.as_str()) || kind.starts_with(UNKNOWN_KIND);
            if let Some(kind) = cause.kinds.iter().find(|kind| !known(kind)) {
                found.push(format!(
                    "reconciliation.causes: kinds of {name}: {kind:?} is none of: {}, or {UNKNOWN_KIND} and a PSP's own word",
                    KINDS.join(", ")
                ));
            }
            if let Some(source) = cause.sources.iter().find(|it| self.sources.iter().all(|source| source.name != **it))
            {
                found.push(format!("reconciliation.causes: sources of {name}: no source is called {source:?}"));
            }
            if let Some(code) = cause.currencies.iter().find(|code| Currency::parse(code).is_err()) {
                found.push(format!("reconciliation.causes: currencies of {name}: {code:?} is no currency such as KRW"));
            }
            if let Some(way) = cause.circumstances.iter().find(|way| !CIRCUMSTANCES.contains(&way.as_str())) {
                found.push(format!(
                    "reconciliation.causes: circumstances of {name}: {way:?} is none of: {}",
                    CIRCUMSTANCES.join(", ")
                ));
            }
            if cause.at_most.is_some() && cause.currencies.is_empty() {
                found.push(format!(
                    "reconciliation.causes: at_most of {name} is in minor units: name the currencies for which it is meant"
                ));
            }
            if !(1..=EXPLANATION).contains(&cause.explanation.trim().chars().count()) {
                found.push(format!(
                    "reconciliation.causes: explanation of {name} must have 1 to {EXPLANATION} characters"
                ));
            }
            if cause.class == "automatic" && ["missing_at_psp", "late"].contains(&cause.outcome.as_str()) {
                found.push(format!(
                    "reconciliation.causes: {name} cannot be automatic, for there is no line whose amount could be booked"
                ));
            }
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if !(1..=60).contains(&name.len()) || !name.bytes().all(word) {
                found
                    .push(format!("reconciliation.causes: the name {name:?} must be lower-case letters, digits and _"));
            }
            if self.causes.iter().filter(|other| other.name == *name).count() > 1 {
                found.push(format!("reconciliation.causes: {name} is named twice: give each cause its own name"));
            }
            if !OUTCOMES.contains(&cause.outcome.as_str()) {
                found.push(format!("reconciliation.causes: outcome of {name} must be one of: {}", OUTCOMES.join(", ")));
            }
            let books = cause.repair != Remedy::None;
            if !["automatic", "manual", "investigate"].contains(&cause.class.as_str()) {
                found.push(format!("reconciliation.causes: class of {name} must be automatic, manual or investigate"));
            } else if (cause.class == "automatic") != books {
                found.push(format!(
                    "reconciliation.causes: {name} must be automatic with a repair of book_fee or book_rounding, or neither"
                ));
            }
        }
        found
    }
}

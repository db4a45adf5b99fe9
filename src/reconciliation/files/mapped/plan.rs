//! The settings of a mapped CSV file, understood before a row is read.

use std::collections::BTreeMap;

use crate::reconciliation::files::refused::Refused;
use crate::reconciliation::line::{LineKind, Side};

/// Our names for columns.
const NAMES: &[&str] = &[
    "identity",
    "kind",
    "date",
    "occurred_at",
    "currency",
    "gross",
    "fee",
    "net",
    "psp_payment",
    "psp_movement",
    "our_key",
    "ours",
    "batch",
    "text",
    "reversal",
];

/// Where something is taken from.
pub enum From {
    /// The column of this heading.
    Column(String),
    /// It is the same in every row.
    Always(String),
}

/// How a file is read.
pub struct Plan {
    names: BTreeMap<String, From>,
    /// What the file's words for kinds are in ours.
    kinds: BTreeMap<String, LineKind>,
    ignored: Vec<String>,
    /// Between two fields.
    pub delimiter: u8,
    /// Whether amounts are whole numbers of minor units.
    pub minor_units: bool,
    /// Whether `,` stands before the decimals, and `.` may stand between thousands.
    pub decimal_comma: bool,
    /// How days are written, as for `strptime`; as `2025-10-06` when unset.
    pub date_format: Option<String>,
    /// How times are written, as for `strptime`; as `2025-10-06 01:00:00`, or with a zone, when unset.
    pub time_format: Option<String>,
    /// Whose lines they are.
    pub side: Side,
}

impl Plan {
    /// Understands the settings, or says which of them means nothing.
    pub fn of(columns: &BTreeMap<String, String>) -> Result<Self, Refused> {
        let mut plan = Self {
            names: BTreeMap::new(),
            kinds: BTreeMap::new(),
            ignored: Vec::new(),
            delimiter: b',',
            minor_units: false,
            decimal_comma: false,
            date_format: None,
            time_format: None,
            side: Side::Psp,
        };
        for (key, value) in columns {
            plan.take(key, value).map_err(|reason| Refused::whole(&format!("settings, columns.{key}"), reason))?;
        }
        for (name, why) in [("identity", "what tells a row from others"), ("currency", "the currency")] {
            if !plan.names.contains_key(name) {
                return Err(Refused::whole(
                    &format!("settings, columns.{name}"),
                    format!("not set: say where {why} is"),
                ));
            }
        }
        for [one, other] in [["gross", "net"], ["date", "occurred_at"]] {
            if !plan.names.contains_key(one) && !plan.names.contains_key(other) {
                return Err(Refused::whole(
                    &format!("settings, columns.{one}"),
                    format!("neither this nor {other} is set"),
                ));
            }
        }
        Ok(plan)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let one_of = |known: &[&str]| format!("{value:?} is none of {}", known.join(", "));
        match key {
            "@delimiter" => {
                self.delimiter = match value {
                    "," => b',',
                    ";" => b';',
                    "|" => b'|',
                    "tab" | "\t" => b'\t',
                    _ => return Err(one_of(&[",", ";", "|", "tab"])),
                }
            }
            "@units" => {
                self.minor_units = match value {
                    "minor" => true,
                    "major" => false,
                    _ => return Err(one_of(&["major", "minor"])),
                }
            }
            "@decimal" => {
                self.decimal_comma = match value {
                    "," => true,
                    "." => false,
                    _ => return Err(one_of(&[".", ","])),
                }
            }
            "@side" => {
                self.side = match value {
                    "psp" => Side::Psp,
                    "bank" => Side::Bank,
                    _ => return Err(one_of(&["psp", "bank"])),
                }
            }
            "@date_format" => self.date_format = Some(value.to_owned()),
            "@time_format" => self.time_format = Some(value.to_owned()),
            "@ignore" => self.ignored = value.split('|').map(|column| column.trim().to_owned()).collect(),
            _ => {
                if let Some(word) = key.strip_prefix("@kind:") {
                    let kind = ours(value).ok_or_else(|| format!("{value:?} is no kind of line, such as charge"))?;
                    self.kinds.insert(word.to_owned(), kind);
                } else if NAMES.contains(&key) {
                    let from = match value.strip_prefix('=') {
                        Some(text) => From::Always(text.to_owned()),
                        None => From::Column(value.to_owned()),
                    };
                    self.names.insert(key.to_owned(), from);
                } else {
                    return Err(format!("no such name; known are {} and those with @", NAMES.join(", ")));
                }
            }
        }
        Ok(())
    }

    /// Where `name` is taken from.
    pub fn from(&self, name: &str) -> Option<&From> {
        self.names.get(name)
    }

    /// The headings that must be there.
    pub fn columns(&self) -> Vec<&str> {
        let columns = self.names.values().filter_map(|from| match from {
            From::Column(column) => Some(column.as_str()),
            From::Always(_) => None,
        });
        columns.collect()
    }

    /// Whether the settings say what this column is, or that it does not matter.
    pub fn knows(&self, column: &str) -> bool {
        self.columns().contains(&column) || self.ignored.iter().any(|ignored| ignored == column)
    }

    /// What a word of the file's column `kind` means.
    pub fn kind(&self, word: &str) -> LineKind {
        let known = self.kinds.get(word).cloned().or_else(|| ours(&word.to_ascii_lowercase()));
        known.unwrap_or_else(|| LineKind::Unknown(word.to_owned()))
    }
}

fn ours(word: &str) -> Option<LineKind> {
    Some(match word {
        "charge" => LineKind::Charge,
        "charge_reversal" => LineKind::ChargeReversal,
        "refund" => LineKind::Refund,
        "refund_failure" => LineKind::RefundFailure,
        "dispute" => LineKind::Dispute,
        "dispute_reversal" => LineKind::DisputeReversal,
        "fee" => LineKind::Fee,
        "payout" => LineKind::Payout,
        "payout_reversal" => LineKind::PayoutReversal,
        "adjustment" => LineKind::Adjustment,
        _ => return None,
    })
}

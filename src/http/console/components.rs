//! The console's small parts. Each one is a value with a template of its own, so that a page can only show a status, a sum or a
//! time in the one way that is right, and so that whatever it holds is escaped exactly once.

use askama::Template;
use rust_decimal::Decimal;

use crate::words::{Currency, Mode, Money, Timestamp};

/// What a colour says. The word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done, as it should be.
    Good,
    /// Failed; somebody may have to act.
    Bad,
    /// Not failed, but look at it.
    Warn,
    /// On its way.
    Wait,
    /// Nothing is happening, and nothing should.
    Idle,
}

impl Tone {
    /// The ending of the CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Wait => "wait",
            Self::Idle => "idle",
        }
    }
}

/// A status as a word with a colour.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "components/chip.html")]
pub struct Chip {
    tone: Tone,
    label: String,
}

impl Chip {
    /// A chip with this word.
    pub fn new(tone: Tone, label: impl Into<String>) -> Self {
        Self { tone, label: label.into() }
    }

    /// What it says about how things stand.
    pub fn tone(&self) -> Tone {
        self.tone
    }

    /// The word.
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// An amount for people: digits in groups of three, the currency behind it.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "components/sum.html")]
pub struct Sum {
    amount: String,
    currency: String,
}

impl Sum {
    /// The sum of this money.
    pub fn of(money: Money) -> Self {
        Self { amount: grouped(&money.to_string()), currency: money.currency().code().to_owned() }
    }

    /// An amount that a row holds as text. Shown as it stands if it should not be a number.
    pub fn text(amount: &str, currency: &str) -> Self {
        Self { amount: grouped(amount), currency: currency.to_owned() }
    }

    /// The same as plain text, for a heading or a sentence.
    pub fn plain(&self) -> String {
        format!("{} {}", self.amount, self.currency)
    }
}

/// Minor units of a currency that may be below zero, for people.
pub fn signed(minor: i64, currency: Currency) -> String {
    grouped(&Decimal::new(minor, currency.exponent()).to_string())
}

/// `1234567.50` as `1,234,567.50`. Anything that is not a decimal number is left alone.
#[must_use]
pub fn grouped(amount: &str) -> String {
    let (sign, rest) = match amount.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", amount),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return amount.to_owned();
    }
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// An instant: UTC to the second for the eye, RFC 3339 for machines and the tooltip.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "components/moment.html")]
pub struct Moment {
    iso: String,
    text: String,
}

impl Moment {
    /// Date and time.
    pub fn of(at: Timestamp) -> Self {
        let iso = at.to_string();
        let text = match (iso.get(0..10), iso.get(11..19)) {
            (Some(date), Some(time)) => format!("{date} {time}"),
            _ => iso.clone(),
        };
        Self { iso, text }
    }

    /// The same as plain text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Time of day with milliseconds, for a timeline where the day is known.
    pub fn clock(at: Timestamp) -> Self {
        let iso = at.to_string();
        let millis = at.micros().rem_euclid(1_000_000) / 1_000;
        let text = match iso.get(11..19) {
            Some(time) => format!("{time}.{millis:03}"),
            None => iso.clone(),
        };
        Self { iso, text }
    }
}

/// The mark on everything that is not real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(path = "components/mode.html")]
pub struct ModeTag {
    /// Whether real money is meant.
    pub live: bool,
}

impl From<Mode> for ModeTag {
    fn from(mode: Mode) -> Self {
        Self { live: mode.is_live() }
    }
}

/// Newer and older pages of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/pager.html")]
pub struct Pager {
    /// Where newer rows are.
    pub newer: Option<String>,
    /// Where older rows are.
    pub older: Option<String>,
}

/// The button that sends a webhook once more.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "components/resend.html")]
pub struct Resend {
    /// The delivery's id.
    pub delivery: String,
    /// The session's form token.
    pub csrf: String,
    /// What is sent again, for people who hear the page.
    pub what: String,
}

/// One entry of a choice box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Whether it is the chosen one.
    pub chosen: bool,
}

/// Choices from pairs of value and label.
#[must_use]
pub fn choices<V: AsRef<str>, L: AsRef<str>>(pairs: &[(V, L)], chosen: &str) -> Vec<Choice> {
    pairs
        .iter()
        .map(|(value, label)| Choice {
            value: value.as_ref().to_owned(),
            label: label.as_ref().to_owned(),
            chosen: value.as_ref() == chosen,
        })
        .collect()
}

/// A named value in a list of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Whether it is set as code.
    pub is_id: bool,
}

impl Fact {
    /// A fact in words.
    pub fn words(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), is_id: false }
    }

    /// A fact that people copy.
    pub fn id(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), is_id: true }
    }
}

// Each of these escapes what it holds in its own template, so a page puts it in as it is.
impl askama::filters::HtmlSafe for Chip {}
impl askama::filters::HtmlSafe for Sum {}
impl askama::filters::HtmlSafe for Moment {}
impl askama::filters::HtmlSafe for ModeTag {}
impl askama::filters::HtmlSafe for Pager {}
impl askama::filters::HtmlSafe for Resend {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        for (given, shown) in [
            ("0", "0"),
            ("100", "100"),
            ("1000", "1,000"),
            ("1234567.50", "1,234,567.50"),
            ("-1234.5", "\u{2212}1,234.5"),
            ("<b>", "<b>"),
            ("", ""),
        ] {
            assert_eq!(grouped(given), shown);
        }
    }

    #[test]
    fn a_chip_escapes_its_word() {
        let chip = Chip::new(Tone::Bad, "<script>alert(1)</script>");
        let html = chip.to_string();
        assert!(!html.contains("<script>"), "{html}");
    }
}

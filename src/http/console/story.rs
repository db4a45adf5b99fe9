//! The timeline of one payment: everything that any part of the gateway wrote down about it, in order of time.

use super::components::{Chip, Moment};
use crate::words::Timestamp;

/// Who wrote a moment down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A call of ours to the PSP.
    Call,
    /// A webhook of the PSP to us.
    Heard,
    /// The payment, its session, its attempts.
    Payment,
    /// A journal of the ledger.
    Ledger,
    /// A fact that merchants can hear of.
    Event,
    /// A try to tell one endpoint of it.
    Told,
}

impl Lane {
    /// The ending of the CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Call => "call",
            Self::Heard => "heard",
            Self::Ledger => "ledger",
            Self::Event => "event",
            Self::Told => "told",
        }
    }

    /// The word before a moment.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "Payment",
            Self::Call => "PSP call",
            Self::Heard => "PSP webhook",
            Self::Ledger => "Ledger",
            Self::Event => "Event",
            Self::Told => "Delivery",
        }
    }
}

/// A moment before it has its place.
#[derive(Debug, Clone)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// Who wrote it down.
    pub lane: Lane,
    /// What happened, in a few words.
    pub title: String,
    /// How it came out, if that can be good or bad.
    pub chip: Option<Chip>,
    /// The rest of the sentence.
    pub detail: String,
    /// What was written down, word for word.
    pub raw: Vec<RawPart>,
    /// Whether it is the cause of what else happened in the same instant.
    first: bool,
}

impl Happening {
    /// A happening without outcome, detail or record.
    pub fn new(at: Timestamp, lane: Lane, title: impl Into<String>) -> Self {
        Self { at, lane, title: title.into(), chip: None, detail: String::new(), raw: Vec::new(), first: false }
    }

    /// Before everything else of its instant: what was written down to be done next.
    pub fn first(mut self) -> Self {
        self.first = true;
        self
    }

    /// With its outcome.
    pub fn chip(mut self, chip: Chip) -> Self {
        self.chip = Some(chip);
        self
    }

    /// With the rest of the sentence.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With a record, unless it is empty. JSON is laid out for reading; a card number that should not be there is not shown.
    pub fn raw(mut self, name: &'static str, text: &str) -> Self {
        if !text.is_empty() {
            self.raw.push(RawPart { name, text: readable(text) });
        }
        self
    }
}

/// One recorded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPart {
    /// What it is.
    pub name: &'static str,
    /// The text.
    pub text: String,
}

/// A moment in its place.
#[derive(Debug, Clone)]
pub struct StoryMoment {
    pub lane: Lane,
    pub clock: Moment,
    pub since: String,
    pub title: String,
    pub chip: Option<Chip>,
    pub detail: String,
    pub raw: Vec<RawPart>,
    pub raw_name: &'static str,
}

/// Puts happenings in order of time. What happened in the same instant keeps the order of cause: the PSP answers, the payment
/// moves, the books follow, the event is written, the merchant is told.
pub fn in_order(mut happenings: Vec<Happening>) -> Vec<StoryMoment> {
    happenings.sort_by_key(|h| (h.at, !h.first, h.lane));
    let Some(start) = happenings.first().map(|h| h.at) else {
        return Vec::new();
    };
    let mut day = start.to_string().get(0..10).map(str::to_owned);
    happenings
        .into_iter()
        .enumerate()
        .map(|(index, h)| {
            let its_day = h.at.to_string().get(0..10).map(str::to_owned);
            let new_day = index == 0 || its_day != day;
            day = its_day;
            StoryMoment {
                lane: h.lane,
                clock: if new_day { Moment::of(h.at) } else { Moment::clock(h.at) },
                since: since(start, h.at),
                title: h.title,
                chip: h.chip,
                detail: h.detail,
                raw: h.raw,
                raw_name: "Record",
            }
        })
        .collect()
}

/// How long after the start, in the largest unit that still says something.
fn since(start: Timestamp, at: Timestamp) -> String {
    let millis = (at.micros() - start.micros()).max(0) / 1_000;
    match millis {
        0 => String::new(),
        1..1_000 => format!("+{millis} ms"),
        1_000..60_000 => format!("+{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("+{} min {} s", millis / 60_000, millis / 1_000 % 60),
        3_600_000..86_400_000 => format!("+{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
        _ => format!("+{} d {} h", millis / 86_400_000, millis / 3_600_000 % 24),
    }
}

/// JSON laid out over lines, other text as it is; card numbers masked whatever it is.
pub fn readable(text: &str) -> String {
    let laid_out = serde_json::from_str::<serde_json::Value>(text)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| text.to_owned());
    crate::words::pan::scrub(&laid_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::console::frame::sample_time;

    #[test]
    fn the_same_instant_keeps_the_order_of_cause() {
        let at = sample_time(0);
        let moments = in_order(vec![
            Happening::new(at, Lane::Told, "told"),
            Happening::new(at, Lane::Event, "event"),
            Happening::new(sample_time(-5), Lane::Call, "call"),
            Happening::new(at, Lane::Payment, "paid"),
            Happening::new(at, Lane::Call, "answered"),
            Happening::new(at, Lane::Payment, "opened").first(),
            Happening::new(at, Lane::Ledger, "booked"),
        ]);
        let titles: Vec<_> = moments.iter().map(|m| m.title.as_str()).collect();
        assert_eq!(titles, ["call", "opened", "answered", "paid", "booked", "event", "told"]);
    }

    #[test]
    fn spans_are_told_in_units_people_use() {
        for (millis, told) in [
            (0, ""),
            (7, "+7 ms"),
            (1_250, "+1.2 s"),
            (61_000, "+1 min 1 s"),
            (3_660_000, "+1 h 1 min"),
            (90_000_000, "+1 d 1 h"),
        ] {
            assert_eq!(since(sample_time(0), sample_time(millis)), told);
        }
    }
}

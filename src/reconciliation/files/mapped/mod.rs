//! A CSV file of another's making: the source's settings say which column is what.
//!
//! A key is a name of ours, its value the heading of the file's column, or `=text` for what is the same in every row. Keys with
//! `@` are about the file as a whole. Columns that are not named are refused, unless `@ignore` lists them.

mod plan;

use std::io::Read;

use jiff::civil::{Date, DateTime};

use super::amount::{major, minor, with_point};
use super::refused::{ReadError, Refused};
use super::table::{Row, Table};
use super::taken::Out;
use crate::config::reconciliation::Source;
use crate::reconciliation::calendar::Calendar;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

use plan::From;
pub use plan::Plan;

/// Reads a file as the source's settings say.
pub fn read(source: &Source, calendar: &Calendar, input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    let plan = Plan::of(&source.columns)?;
    let columns = plan.columns();
    let mut table = Table::open(input, plan.delimiter, |column| plan.knows(column), &columns)?;
    while let Some(row) = table.next()? {
        if !row.is_blank() {
            out.line(line(&plan, calendar, &row)?)?;
        }
    }
    Ok(())
}

/// A row, with the settings by which it is read.
struct Reading<'a> {
    plan: &'a Plan,
    row: &'a Row<'a>,
}

impl Reading<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let text = match self.plan.from(name)? {
            From::Column(column) => self.row.get(column),
            From::Always(text) => text,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    fn some(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| self.refuse(name, "nothing stands here"))
    }

    /// Refused for what stands in the column that is `name`.
    fn refuse(&self, name: &str, reason: impl Into<String>) -> Refused {
        match self.plan.from(name) {
            Some(From::Column(column)) => self.row.refuse(column, reason),
            _ => self.row.refuse(name, reason),
        }
    }

    fn amount(&self, name: &str, currency: Currency) -> Result<Option<i64>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let text = if self.plan.decimal_comma {
            with_point(text).map_err(|reason| self.refuse(name, reason))?
        } else {
            text.to_owned()
        };
        let read = if self.plan.minor_units { minor(&text, currency) } else { major(&text, currency) };
        read.map(Some).map_err(|reason| self.refuse(name, reason))
    }
}

fn line(plan: &Plan, calendar: &Calendar, row: &Row<'_>) -> Result<Line, Refused> {
    let it = Reading { plan, row };
    let code = it.need("currency")?;
    let currency = Currency::parse(&code.to_ascii_uppercase())
        .map_err(|wrong| it.refuse("currency", format!("{code:.20?} is {wrong}")))?;
    let amounts = (it.amount("gross", currency)?, it.amount("fee", currency)?, it.amount("net", currency)?);
    let (gross, fee, net) =
        whole(amounts).ok_or_else(|| it.refuse("gross", "neither this nor net stands here, or too large"))?;
    let (occurred_at, business_date) = when(&it, calendar)?;
    let side = plan.side;
    let kind = match (side, it.get("kind")) {
        (Side::Bank, _) => LineKind::BankEntry,
        (Side::Psp, Some(word)) => plan.kind(word),
        (Side::Psp, None) if gross < 0 => LineKind::Refund,
        (Side::Psp, None) => LineKind::Charge,
    };
    Ok(Line {
        number: row.number,
        identity: it.need("identity")?.to_owned(),
        side,
        kind,
        occurred_at,
        business_date,
        currency,
        gross,
        fee,
        net,
        presented: None,
        reversal: it.get("reversal").is_some_and(|text| ["true", "1", "yes"].contains(&text)),
        references: References {
            psp_payment: it.some("psp_payment"),
            psp_movement: it.some("psp_movement"),
            our_key: it.some("our_key"),
            ours: it.some("ours"),
            batch: it.some("batch"),
            texts: it.some("text").into_iter().collect(),
        },
        raw: row.raw(),
    })
}

/// What a file does not tell of the three amounts follows from the others; nothing kept when two are missing.
fn whole(amounts: (Option<i64>, Option<i64>, Option<i64>)) -> Option<(i64, i64, i64)> {
    match amounts {
        (Some(gross), Some(fee), Some(net)) => Some((gross, fee, net)),
        (Some(gross), fee, None) => Some((gross, fee.unwrap_or(0), gross.checked_sub(fee.unwrap_or(0))?)),
        (Some(gross), None, Some(net)) => Some((gross, gross.checked_sub(net)?, net)),
        (None, fee, Some(net)) => Some((net.checked_add(fee.unwrap_or(0))?, fee.unwrap_or(0), net)),
        (None, _, None) => None,
    }
}

/// `date` is a day of the source's own; `occurred_at` an instant, or a time on the source's clocks.
fn when(it: &Reading<'_>, calendar: &Calendar) -> Result<(Option<Timestamp>, Date), Refused> {
    let occurred_at = match it.get("occurred_at") {
        None => None,
        Some(text) => {
            let format = it.plan.time_format.as_deref();
            let local = || match format {
                Some(format) => DateTime::strptime(format, text).ok(),
                None => text.parse().ok(),
            };
            let with_zone = if format.is_none() { Timestamp::parse(text) } else { None };
            let at = with_zone.or_else(|| local().and_then(|local| calendar.instant(local)));
            Some(at.ok_or_else(|| it.refuse("occurred_at", format!("{text:.40?} is no time")))?)
        }
    };
    if let Some(text) = it.get("date") {
        let date = match &it.plan.date_format {
            Some(format) => Date::strptime(format, text).ok(),
            None => super::tosspayments::day(text),
        };
        return Ok((occurred_at, date.ok_or_else(|| it.refuse("date", format!("{text:.40?} is no day")))?));
    }
    let at = occurred_at.ok_or_else(|| it.refuse("date", "neither this nor occurred_at stands here"))?;
    let date = calendar.day_of(at).ok_or_else(|| it.refuse("occurred_at", "outside the calendar"))?;
    Ok((Some(at), date))
}

//! Files of PSPs and banks: read, checked as a whole, kept as they came, and turned into lines.
//!
//! Promises: a file that is cut off, damaged, or does not add up is refused with the row and the field, before any line of it is
//! written; a file of any length is read in the memory of a row; the same file twice changes nothing. Refuses to guess: a column,
//! a currency or a direction that it does not know is named, never skipped. What a line means for us is not known here.

mod adyen;
mod amount;
mod arrival;
mod asked;
mod bounded;
mod camt053;
mod fetch;
mod file;
mod json;
mod mapped;
mod refused;
mod simulator;
mod store;
mod stored;
mod stripe;
mod table;
mod take_in;
mod taken;
#[cfg(test)]
mod tests;
mod tosspayments;
mod writing;

use std::io::Read;

pub use asked::{list_of, rehearse_asked};
pub use bounded::{LARGEST_FIELD, LARGEST_FILE, LARGEST_ROW};
pub use fetch::{comes_by_itself, fetch};
pub use file::{File, Status};
pub use refused::{ReadError, Refused};
pub use store::{find, list};
pub use stored::raw;
pub use take_in::{TakeInError, Taken, rehearse, take_in};
pub use taken::{Statement, Sums, Totals};
pub use writing::told_again;

use super::calendar::Calendar;
use super::line::Line;
use crate::config::reconciliation::{Format, Source};
use taken::Out;

/// Which version of the parser of a format this program has. It goes up when what is read out of the same bytes changes.
pub const fn parser_version(format: Format) -> i64 {
    match format {
        Format::Stripe | Format::Adyen => 1,
        // 2: of JSON, a row that has a field twice is refused; in a mapped CSV, a point in an amount with a decimal comma parts
        // thousands, or is refused.
        Format::Simulator | Format::Tosspayments | Format::Csv => 2,
        // 2: references that say nothing tell no entry from another; 3: what was exchanged is read from each amount that is told.
        Format::Camt053 => 3,
    }
}

/// Reads a file and gives `emit` each of its lines, in order. Touches nothing: what was given out before a refusal counts for
/// nothing.
///
/// # Errors
/// [`ReadError::Refused`] when the file is not what it must be, [`ReadError::Broken`] when it could not be read to its end.
pub fn read(source: &Source, input: impl Read, emit: &mut dyn FnMut(Line)) -> Result<Totals, ReadError> {
    let calendar = Calendar::of(source).map_err(|wrong| Refused::whole("settings", wrong.to_string()))?;
    let mut out = Out::new(emit);
    match source.format {
        Format::Simulator => simulator::read(input, &mut out),
        Format::Stripe => stripe::read(source, &calendar, input, &mut out),
        Format::Tosspayments => tosspayments::read(input, &mut out),
        Format::Adyen => adyen::read(&calendar, input, &mut out),
        Format::Camt053 => camt053::read(source, &calendar, input, &mut out),
        Format::Csv => mapped::read(source, &calendar, input, &mut out),
    }?;
    Ok(out.finish())
}

//! A seller's statement as a file.

use axum::response::Response;

use super::ROWS;
use super::sheet::Sheet;
use crate::app::App;
use crate::db::DbError;
use crate::ledger::csv::{Cell, line};
use crate::ledger::minor_text;
use crate::ledger::statements::{self, Entry, Payout, Period, Pockets};
use crate::words::{Currency, PaymentId, Tenant, Timestamp};

const NAMES: [&str; 16] = [
    "posted_at",
    "journal",
    "kind",
    "source",
    "payment",
    "pending",
    "available",
    "paying_out",
    "reserved",
    "total",
    "currency",
    // Of a payout: what it is made of.
    "carried_in",
    "lines",
    "line_count",
    "amount",
    "remainder",
];

/// Opening, lines and closing of a seller's statement; with each payout what it is made of.
///
/// # Errors
/// When the database fails before the first line is sent, or too many files are being written.
pub async fn statement(app: &App, tenant: &Tenant, period: &Period) -> Result<Response, DbError> {
    let (mut sheet, reader) = Sheet::begin(app).await?;
    let summary = statements::summary(&mut sheet.books, tenant, period).await?;
    let (tenant, period) = (tenant.clone(), period.clone());
    Ok(reader.answer("statement", async move {
        let standing = |name, at, pockets| standing(name, at, pockets, period.currency);
        sheet.write(line(&NAMES.map(Cell::text)) + &standing("opening", period.from, summary.opening)).await?;
        let (mut after, mut payouts) = (None, summary.payouts.iter().peekable());
        loop {
            let slice = statements::entries(&mut sheet.books, &tenant, &period, after.as_ref(), ROWS).await?;
            let lines = slice.items.iter().map(|entry| {
                let payout = payouts.next_if(|payout| payout.journal == entry.journal);
                entry_line(entry, payout, period.currency)
            });
            sheet.write(lines.collect()).await?;
            match slice.onward() {
                Some(last) => after = Some(last.journal.clone()),
                None => break,
            }
        }
        sheet.write(standing("closing", period.to, summary.closing)).await?;
        if !summary.unexplained.is_nothing() {
            sheet.write(standing("unexplained", period.to, summary.unexplained)).await?;
        }
        Ok(())
    }))
}

fn entry_line(entry: &Entry, payout: Option<&Payout>, currency: Currency) -> String {
    let payment = entry.payment.as_ref().map_or("", PaymentId::as_str);
    let mut cells = vec![
        Cell::Text(entry.created_at.to_string()),
        Cell::text(entry.journal.as_str()),
        Cell::text(&entry.kind),
        Cell::text(&entry.source_id),
        Cell::text(payment),
    ];
    cells.extend(amounts(entry.change, currency));
    cells.extend(made_of(payout, currency));
    line(&cells)
}

fn standing(name: &str, at: Timestamp, pockets: Pockets, currency: Currency) -> String {
    let mut cells = vec![Cell::Text(at.to_string()), Cell::text(""), Cell::text(name), Cell::text(""), Cell::text("")];
    cells.extend(amounts(pockets, currency));
    cells.extend(made_of(None, currency));
    line(&cells)
}

fn amounts(pockets: Pockets, currency: Currency) -> Vec<Cell> {
    let amount = |minor| Cell::Amount(minor_text(minor, currency));
    let total = pockets.total().map_or_else(|| Cell::text(""), amount);
    let each = [pockets.pending, pockets.available, pockets.paying_out, pockets.reserved];
    each.into_iter().map(amount).chain([total, Cell::text(currency.code())]).collect()
}

fn made_of(payout: Option<&Payout>, currency: Currency) -> [Cell; 5] {
    let Some(payout) = payout else { return [""; 5].map(Cell::text) };
    let amount = |minor| Cell::Amount(minor_text(minor, currency));
    let count = Cell::Amount(payout.count.to_string());
    [amount(payout.carried), amount(payout.lines), count, amount(payout.amount), amount(payout.remainder)]
}

//! Journals with their signed lines as a file, a row for each line.

use axum::response::Response;

use super::ROWS;
use super::sheet::Sheet;
use crate::app::App;
use crate::db::DbError;
use crate::ledger::csv::{Cell, line};
use crate::ledger::{self, Journal, Line, minor_text};
use crate::words::{Page, PaymentId, Tenant};

const NAMES: [&str; 9] =
    ["posted_at", "journal", "kind", "source", "payment", "account", "direction", "amount", "currency"];

/// Every journal, the newest first; of one payment or all.
///
/// # Errors
/// When the database fails before the first line is sent, or too many files are being written.
pub async fn journals(app: &App, tenant: &Tenant, payment: Option<PaymentId>) -> Result<Response, DbError> {
    let (mut sheet, reader) = Sheet::begin(app).await?;
    let tenant = tenant.clone();
    Ok(reader.answer("journals", async move {
        sheet.write(line(&NAMES.map(Cell::text))).await?;
        let mut page = Page::newest(ROWS);
        loop {
            let slice = ledger::journals(&mut sheet.books, &tenant, payment.as_ref(), &page).await?;
            sheet.write(slice.items.iter().map(journal_lines).collect()).await?;
            match slice.onward() {
                Some(last) => page = Page::after(ROWS, last.id.to_string()),
                None => return Ok(()),
            }
        }
    }))
}

fn journal_lines(journal: &Journal) -> String {
    journal.lines.iter().map(|one| journal_line(journal, one)).collect()
}

fn journal_line(journal: &Journal, one: &Line) -> String {
    line(&[
        Cell::Text(journal.created_at.to_string()),
        Cell::text(journal.id.as_str()),
        Cell::text(&journal.kind),
        Cell::text(&journal.source_id),
        Cell::text(journal.payment.as_ref().map_or("", PaymentId::as_str)),
        Cell::text(&one.account),
        Cell::text(one.direction()),
        Cell::Amount(minor_text(one.amount, one.currency)),
        Cell::text(one.currency.code()),
    ])
}

//! A trial balance as a file.

use axum::response::Response;

use super::ROWS;
use super::sheet::Sheet;
use crate::app::App;
use crate::db::DbError;
use crate::ledger::balances::{self, Balance, BalanceFilter, Total};
use crate::ledger::csv::{Cell, line};
use crate::ledger::{self, minor_text};
use crate::words::{Tenant, Timestamp};

/// Every account with its column, and the sums of both.
///
/// # Errors
/// When the database fails before the first line is sent, or too many files are being written.
pub async fn trial_balance(app: &App, tenant: &Tenant, at: Timestamp) -> Result<Response, DbError> {
    let (mut sheet, reader) = Sheet::begin(app).await?;
    let totals = balances::totals(&mut sheet.books, tenant, Some(at)).await?;
    let tenant = tenant.clone();
    Ok(reader.answer("trial-balance", async move {
        sheet.write(line(&["account", "class", "currency", "debit", "credit"].map(Cell::text))).await?;
        let mut filter = BalanceFilter { at: Some(at), ..BalanceFilter::default() };
        loop {
            let slice = ledger::balances(&mut sheet.books, &tenant, &filter, ROWS).await?;
            sheet.write(slice.items.iter().map(account).collect()).await?;
            match slice.onward().and_then(Balance::name) {
                Some(last) => filter.after = Some(last),
                None => break,
            }
        }
        sheet.write(totals.iter().map(total).collect()).await
    }))
}

fn account(balance: &Balance) -> String {
    let view = ledger::trial_line(balance);
    let text = |name: &str| view[name].as_str().unwrap_or_default().to_owned();
    line(&[
        Cell::Text(text("account")),
        Cell::Text(text("class")),
        Cell::Text(text("currency")),
        Cell::Amount(text("debit")),
        Cell::Amount(text("credit")),
    ])
}

fn total(total: &Total) -> String {
    let amount = |minor| Cell::Amount(minor_text(minor, total.currency));
    let currency = Cell::text(total.currency.code());
    line(&[Cell::text("total"), Cell::text(""), currency, amount(total.debit), amount(total.credit)])
}

//! What stands on the accounts as a file.

use axum::response::Response;

use super::ROWS;
use super::sheet::Sheet;
use crate::app::App;
use crate::db::DbError;
use crate::ledger::balances::{Balance, BalanceFilter};
use crate::ledger::csv::{Cell, line};
use crate::ledger::{self, balance_view};
use crate::words::Tenant;

const NAMES: [&str; 6] = ["account", "class", "currency", "debits", "credits", "balance"];

/// Every account that was ever used, with its sums.
///
/// # Errors
/// When the database fails before the first line is sent, or too many files are being written.
pub async fn balances(app: &App, tenant: &Tenant, filter: BalanceFilter) -> Result<Response, DbError> {
    let (mut sheet, reader) = Sheet::begin(app).await?;
    let (tenant, mut filter) = (tenant.clone(), filter);
    Ok(reader.answer("balances", async move {
        sheet.write(line(&NAMES.map(Cell::text))).await?;
        loop {
            let slice = ledger::balances(&mut sheet.books, &tenant, &filter, ROWS).await?;
            sheet.write(slice.items.iter().map(|balance| balance_line(&tenant, balance)).collect()).await?;
            match slice.onward().and_then(Balance::name) {
                Some(last) => filter.after = Some(last),
                None => return Ok(()),
            }
        }
    }))
}

fn balance_line(tenant: &Tenant, balance: &Balance) -> String {
    let view = balance_view(tenant, balance);
    let text = |name: &str| view[name].as_str().unwrap_or_default().to_owned();
    let sums = ["debits", "credits", "balance"].map(|name| Cell::Amount(text(name)));
    let names = ["account", "class", "currency"].map(|name| Cell::Text(text(name)));
    line(&names.into_iter().chain(sums).collect::<Vec<_>>())
}

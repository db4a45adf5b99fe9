//! The books as CSV files, for the API and for the console alike: read page by page while they are sent, from the same reads as the pages.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};

use crate::app::App;
use crate::db::DbError;
use crate::ledger::balances::{self, Balance, BalanceFilter};
use crate::ledger::csv::{Cell, line};
use crate::ledger::statements::{self, Entry, Period, Pockets};
use crate::ledger::{self, minor_text};
use crate::words::{Currency, JournalId, PaymentId, Slice, Tenant, Timestamp};

/// Rows read at once.
const ROWS: u32 = 500;

/// Whether the caller asked for a file.
pub fn wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().split(';').next() == Some("text/csv"))
}

/// Every account with its column, and the sums of both.
///
/// # Errors
/// When the database fails before the first line is sent.
pub async fn trial_balance(app: &App, tenant: &Tenant, at: Timestamp) -> Result<Response, DbError> {
    let totals = balances::totals(&app.db, tenant, Some(at)).await?;
    let head = line(&["account", "class", "currency", "debit", "credit"].map(Cell::text));
    let end: String = totals
        .iter()
        .map(|total| {
            let amount = |minor| Cell::Amount(minor_text(minor, total.currency));
            let currency = Cell::text(total.currency.code());
            line(&[Cell::text("total"), Cell::text(""), currency, amount(total.debit), amount(total.credit)])
        })
        .collect();
    let (app, tenant) = (app.clone(), tenant.clone());
    let pages = pages(async move |after: Option<Balance>| {
        let after = after.and_then(|last| Some((last.currency, last.account.parse().ok()?)));
        let filter = BalanceFilter { at: Some(at), after, currency: None };
        let slice = ledger::balances(&app.db, &tenant, &filter, ROWS).await?;
        Ok((slice.items.iter().map(balance_line).collect(), slice))
    });
    Ok(file("trial-balance", head, pages, end))
}

fn balance_line(balance: &Balance) -> String {
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

/// Opening, lines and closing of a seller's statement.
///
/// # Errors
/// When the database fails before the first line is sent.
pub async fn statement(app: &App, tenant: &Tenant, period: &Period) -> Result<Response, DbError> {
    let summary = statements::summary(&app.db, tenant, period).await?;
    let names = [
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
    ];
    let head = line(&names.map(Cell::text)) + &standing("opening", period.from, summary.opening, period.currency);
    let mut end = standing("closing", period.to, summary.closing, period.currency);
    if !summary.unexplained.is_nothing() {
        end += &standing("unexplained", period.to, summary.unexplained, period.currency);
    }
    let (app, tenant, period) = (app.clone(), tenant.clone(), period.clone());
    let pages = pages(async move |after: Option<Entry>| {
        let after: Option<JournalId> = after.map(|last| last.journal);
        let slice = statements::entries(&app.db, &tenant, &period, after.as_ref(), ROWS).await?;
        Ok((slice.items.iter().map(|entry| entry_line(entry, period.currency)).collect(), slice))
    });
    Ok(file("statement", head, pages, end))
}

fn entry_line(entry: &Entry, currency: Currency) -> String {
    let payment = entry.payment.as_ref().map_or("", PaymentId::as_str);
    let mut cells = vec![
        Cell::Text(entry.created_at.to_string()),
        Cell::text(entry.journal.as_str()),
        Cell::text(&entry.kind),
        Cell::text(&entry.source_id),
        Cell::text(payment),
    ];
    cells.extend(amounts(entry.change, currency));
    line(&cells)
}

fn standing(name: &str, at: Timestamp, pockets: Pockets, currency: Currency) -> String {
    let mut cells = vec![Cell::Text(at.to_string()), Cell::text(""), Cell::text(name), Cell::text(""), Cell::text("")];
    cells.extend(amounts(pockets, currency));
    line(&cells)
}

fn amounts(pockets: Pockets, currency: Currency) -> Vec<Cell> {
    let amount = |minor| Cell::Amount(minor_text(minor, currency));
    let total = pockets.total().map_or_else(|| Cell::text(""), amount);
    let each = [pockets.pending, pockets.available, pockets.paying_out, pockets.reserved];
    each.into_iter().map(amount).chain([total, Cell::text(currency.code())]).collect()
}

/// The pages of a list, each asked for with the last item of the one before.
fn pages<T: Clone>(
    next: impl AsyncFn(Option<T>) -> Result<(String, Slice<T>), DbError>,
) -> impl Stream<Item = Result<String, DbError>> {
    stream::try_unfold((next, Some(None::<T>)), async |(next, after)| {
        let Some(after) = after else { return Ok(None) };
        let (text, slice) = next(after).await?;
        let last = slice.items.last().filter(|_| slice.has_more).cloned();
        Ok(Some((text, (next, last.map(Some)))))
    })
}

fn file(
    name: &str,
    head: String,
    pages: impl Stream<Item = Result<String, DbError>> + Send + 'static,
    end: String,
) -> Response {
    use futures_util::StreamExt as _;
    let whole = stream::iter([Ok(head)]).chain(pages).chain(stream::iter([Ok(end)]));
    let mut response = Body::from_stream(whole).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

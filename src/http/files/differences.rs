//! Differences of reconciliation as a file.

use axum::response::Response;

use super::ROWS;
use super::sheet::Sheet;
use crate::app::App;
use crate::db::DbError;
use crate::reconciliation::breaks::{self, Filter};
use crate::reconciliation::shown::{break_line, breaks_head};
use crate::words::Page;

/// Every difference in all books that the list is narrowed to, the newest first.
///
/// # Errors
/// When the database fails before the first line is sent, or too many files are being written.
pub async fn differences(app: &App, filter: Filter) -> Result<Response, DbError> {
    let (mut sheet, reader) = Sheet::begin(app).await?;
    Ok(reader.answer("differences", async move {
        sheet.write(breaks_head()).await?;
        let mut page = Page::newest(ROWS);
        loop {
            let slice = breaks::list(&mut sheet.books, None, &filter, &page).await?;
            sheet.write(slice.items.iter().map(break_line).collect()).await?;
            match slice.onward() {
                Some(last) => page = Page::after(ROWS, last.id.to_string()),
                None => return Ok(()),
            }
        }
    }))
}

//! Lines on their way into the database.
//!
//! A row that stands there already, from this file or a former one, is not written again. One that says something else under the
//! same name, or that stands twice in its own file, is written under a name of its own, so that matching finds it told twice. The batch
//! of a row may be told later than the row.

use tokio::sync::mpsc;

use super::store::{self, Standing};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::{DbError, Tx, retrying};
use crate::reconciliation::line::{Line, Side};
use crate::reconciliation::progress::{Progress, Stage};
use crate::words::FileId;

/// Rows of one statement.
const ROWS: usize = 200;

/// Writes down every batch that comes, each in a transaction of its own: payments need the database too.
pub async fn write(
    app: &App,
    source: &Source,
    file: &FileId,
    mut batches: mpsc::Receiver<Vec<Line>>,
    of: u64,
    progress: &Progress,
) -> Result<(), DbError> {
    let mut done = 0_u64;
    while let Some(batch) = batches.recv().await {
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            for lines in batch.chunks(ROWS) {
                some(&mut tx, source, file, lines).await?;
            }
            tx.commit().await
        })
        .await?;
        done = done.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
        progress.tell(Stage::Writing, done, Some(of));
    }
    Ok(())
}

async fn some(tx: &mut Tx, source: &Source, file: &FileId, lines: &[Line]) -> Result<(), DbError> {
    let named: Vec<(String, &Line)> = lines.iter().map(|line| (line.identity.clone(), line)).collect();
    let mut written = store::insert_lines(tx, file, source, &named).await?;
    let mut again = Vec::new();
    for line in lines {
        // The first of two with one name is the one that was written.
        if written.remove(&line.identity) {
            continue;
        }
        let standing = store::standing(tx, &source.name, &line.identity).await?;
        let standing = standing.ok_or_else(|| DbError::corrupt("identity", "it stands there and cannot be read"))?;
        if told_anew(&standing, file, line) {
            again.push((told_again(line, file), line));
        } else if standing.batch != line.references.batch && line.references.batch.is_some() {
            store::join_batch(tx, &source.name, line).await?;
        }
    }
    if !again.is_empty() {
        store::insert_lines(tx, file, source, &again).await?;
    }
    Ok(())
}

/// The name under which a line stands when another has its own.
pub fn told_again(line: &Line, file: &FileId) -> String {
    format!("{} again {file} {}", line.identity, line.number)
}

/// Whether a line says more than the one that stands under its name.
fn told_anew(standing: &Standing, file: &FileId, line: &Line) -> bool {
    if standing.file == *file {
        // Its own row, when the writing of a file is taken up again; else the file tells it twice.
        return i64::try_from(line.number) != Ok(standing.number);
    }
    let same = standing.kind == line.kind.to_text()
        && standing.currency == line.currency
        && (standing.gross, standing.fee) == (line.gross, line.fee)
        && standing.psp_payment == line.references.psp_payment
        && standing.psp_movement == line.references.psp_movement
        && (line.side == Side::Psp || is_same_entry(standing, line));
    // What has landed with one batch cannot be on its way with another.
    let moved = standing.landed && line.references.batch.is_some() && standing.batch != line.references.batch;
    !same || moved
}

/// Banks use a reference more than once: entries that are one are of one day and say the same.
fn is_same_entry(standing: &Standing, line: &Line) -> bool {
    standing.business_date == line.business_date.to_string() && standing.texts == line.references.texts
}

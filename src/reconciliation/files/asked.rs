//! A source's list of a day as its PSP gives it when it is asked, page by page.

use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::mpsc;

use super::stored::{self, Pieces};
use super::take_in::TakeInError;
use super::taken::Totals;
use super::{Format, Line, Source};
use crate::app::App;
use crate::psp::{ListKind, ListRequest, NotDone, Psp};
use crate::reconciliation::progress::{Progress, Stage};

/// Pages of a list.
const MOST_PAGES: usize = 10_000;

/// Which list a source is asked for, and what it is called. None for one whose files are only put somewhere or handed in.
pub fn list_of(source: &Source) -> Option<(ListKind, &'static str)> {
    match source.format {
        _ if source.directory.is_some() => None,
        Format::Simulator => Some((ListKind::Settlements, "settlements")),
        Format::Camt053 => Some((ListKind::BankStatement, "bank statement")),
        Format::Stripe | Format::Tosspayments | Format::Adyen | Format::Csv => None,
    }
}

/// The pages of a list that have not come yet.
pub(super) struct Pages {
    /// What the list is called.
    pub(super) what: &'static str,
    psp: Arc<dyn Psp>,
    next: Option<ListRequest>,
    came: usize,
}

impl Pages {
    /// All of them.
    pub(super) fn of(app: &App, source: &Source, day: Date) -> Result<Self, TakeInError> {
        let name = &source.name;
        let (kind, what) = list_of(source).ok_or_else(|| {
            let reason =
                format!("files of the source {name} cannot be asked for: set its directory, or hand a file in");
            TakeInError::NoPlace(reason)
        })?;
        let psp = app.psps.get(&source.psp);
        let psp = psp.ok_or_else(|| TakeInError::NoPlace(format!("the PSP {} is not configured", source.psp)))?;
        Ok(Self { what, psp: Arc::clone(psp), next: Some(ListRequest { kind, day, after: None }), came: 0 })
    }

    /// The bytes of the next one, until there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, TakeInError> {
        let Some(request) = self.next.take() else { return Ok(None) };
        if self.came >= MOST_PAGES {
            let reason = format!("the list has more than {MOST_PAGES} pages");
            return Err(NotDone::Refused { code: "endless".to_owned(), reason }.into());
        }
        let page = self.psp.list(&request).await?;
        self.came = self.came.saturating_add(1);
        self.next = page.after.map(|after| ListRequest { after: Some(after), ..request });
        Ok(Some(page.bytes))
    }
}

/// What the PSP says of `day` at this moment: its lines, in batches. Nothing is kept of it.
///
/// # Errors
/// [`TakeInError::Refused`] when the list would be refused, and then its lines count for nothing; else as for a list that is taken in.
pub async fn rehearse_asked(
    app: &App,
    source: &Source,
    day: Date,
    batches: mpsc::Sender<Vec<Line>>,
) -> Result<Totals, TakeInError> {
    let pages = Pages::of(app, source, day)?;
    let (pieces, coming) = mpsc::channel(2);
    stored::run(source, &Progress::nobody(), Stage::Reading, Some(batches), coming, feed(pages, pieces)).await
}

async fn feed(mut pages: Pages, pieces: Pieces) -> Result<(), TakeInError> {
    loop {
        let piece = match pages.next().await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => return Ok(()),
            Err(error) => {
                // The parser must not take the end of what it has for the end of the list.
                let _ = pieces.send(Err(())).await;
                return Err(error);
            }
        };
        if pieces.send(piece).await.is_err() {
            return Ok(());
        }
    }
}

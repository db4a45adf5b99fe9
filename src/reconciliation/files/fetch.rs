//! Getting what a source says of a day: by asking its PSP page by page, or from the folder into which its files are put.

use std::fs::File as OnDisk;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::arrival::Arrival;
use super::take_in::{TakeInError, Taken, decide, go_on, take_in};
use crate::app::App;
use crate::config::reconciliation::{Format, Source};
use crate::psp::{ListKind, ListRequest, NotDone, Psp};
use crate::reconciliation::progress::Progress;

/// Files of a folder that are looked at.
const MOST_FILES: usize = 1_000;
/// Pages of a list.
const MOST_PAGES: usize = 10_000;

/// Takes in what a source has to say of `day`: one list when its PSP is asked, every file that lies in its folder otherwise.
///
/// # Errors
/// [`TakeInError`]. Of several files the sound ones are taken, and the first that was refused is the error.
pub async fn fetch(
    app: &App,
    source: &Source,
    day: Date,
    by: &str,
    progress: &Progress,
) -> Result<Vec<Taken>, TakeInError> {
    if let Some(folder) = &source.directory {
        return from_folder(app, source, folder, by, progress).await;
    }
    let (kind, what) = match source.format {
        Format::Simulator => (ListKind::Settlements, "settlements"),
        Format::Camt053 => (ListKind::BankStatement, "bank statement"),
        Format::Stripe | Format::Tosspayments | Format::Adyen | Format::Csv => {
            let name = &source.name;
            return Err(TakeInError::NoPlace(format!(
                "files of the source {name} cannot be asked for: set its directory, or hand a file in"
            )));
        }
    };
    let psp = app.psps.get(&source.psp);
    let psp = psp.ok_or_else(|| TakeInError::NoPlace(format!("the PSP {} is not configured", source.psp)))?;
    go_on(app, source).await?;
    let mut arrival = Arrival::begin(app, source, &format!("{what} {day}"), by).await?;
    match pages(psp.as_ref(), kind, day, &mut arrival).await {
        Ok(()) => Ok(vec![decide(app, source, arrival.end().await?, progress).await?]),
        Err(error) => {
            arrival.give_up().await?;
            Err(error)
        }
    }
}

async fn pages(psp: &dyn Psp, kind: ListKind, day: Date, arrival: &mut Arrival<'_>) -> Result<(), TakeInError> {
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let page = psp.list(&ListRequest { kind, day, after }).await?;
        arrival.add(&page.bytes).await?;
        match page.after {
            None => return Ok(()),
            more => after = more,
        }
    }
    let reason = format!("the list has more than {MOST_PAGES} pages");
    Err(NotDone::Refused { code: "endless".to_owned(), reason }.into())
}

async fn from_folder(
    app: &App,
    source: &Source,
    folder: &Path,
    by: &str,
    progress: &Progress,
) -> Result<Vec<Taken>, TakeInError> {
    let listed = {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || files_in(&folder)).await
    };
    let cannot = |error: &dyn std::fmt::Display| {
        TakeInError::NoPlace(format!("the folder {} cannot be read: {error}", folder.display()))
    };
    let paths = listed.map_err(|error| cannot(&error))?.map_err(|error| cannot(&error))?;
    let (mut taken, mut refused) = (Vec::new(), None);
    for path in paths {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let file = OnDisk::open(&path).map_err(TakeInError::Broken)?;
        match take_in(app, source, &name, file, by, progress).await {
            Ok(file) => taken.push(file),
            Err(TakeInError::Refused(reason)) => refused = refused.or(Some((name, reason))),
            Err(error) => return Err(error),
        }
    }
    match refused {
        None => Ok(taken),
        Some((name, mut reason)) => {
            reason.reason = format!("{} (in {name})", reason.reason);
            Err(reason.into())
        }
    }
}

/// The files of a folder, in the order of their names; folders and hidden files are none.
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type()?.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths.truncate(MOST_FILES);
    Ok(paths)
}

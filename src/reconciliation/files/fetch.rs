//! Getting what a source says of a day: by asking its PSP page by page, or from the folder into which its files are put.

use std::fs::File as OnDisk;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::arrival::Arrival;
use super::asked::{Pages, list_of};
use super::refused::Refused;
use super::store;
use super::take_in::{TakeInError, Taken, decide, go_on, take_in};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::reconciliation::calendar::Calendar;
use crate::reconciliation::progress::Progress;

/// Files of a folder that are looked at: with more it would be a question of names which of them are read.
const MOST_FILES: usize = 10_000;

/// Whether a source's files can be had without somebody who hands them in.
pub fn comes_by_itself(source: &Source) -> bool {
    source.directory.is_some() || list_of(source).is_some()
}

/// Takes in what a source has to say of `day`: one list when its PSP is asked, every file that lies in its folder otherwise.
///
/// # Errors
/// [`TakeInError`]. Of several files the sound ones are taken, and the first that was not is the error; a folder in which no file
/// of `day` lies is one, for the day would pass for done.
pub async fn fetch(
    app: &App,
    source: &Source,
    day: Date,
    by: &str,
    progress: &Progress,
) -> Result<Vec<Taken>, TakeInError> {
    if let Some(folder) = &source.directory {
        return from_folder(app, source, folder, day, by, progress).await;
    }
    let pages = Pages::of(app, source, day)?;
    go_on(app, source).await?;
    let mut arrival = Arrival::begin(app, source, &format!("{} {day}", pages.what), by).await?;
    match keep(pages, &mut arrival).await {
        Ok(()) => Ok(vec![decide(app, source, arrival.end().await?, progress).await?]),
        Err(error) => {
            arrival.give_up().await?;
            Err(error)
        }
    }
}

async fn keep(mut pages: Pages, arrival: &mut Arrival<'_>) -> Result<(), TakeInError> {
    while let Some(bytes) = pages.next().await? {
        arrival.add(&bytes).await?;
    }
    Ok(())
}

async fn from_folder(
    app: &App,
    source: &Source,
    folder: &Path,
    day: Date,
    by: &str,
    progress: &Progress,
) -> Result<Vec<Taken>, TakeInError> {
    go_on(app, source).await?;
    let listed = {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || files_in(&folder)).await
    };
    let cannot = |error: &dyn std::fmt::Display| {
        TakeInError::NoPlace(format!("the folder {} cannot be read: {error}", folder.display()))
    };
    let paths = listed.map_err(|error| cannot(&error))?.map_err(|error| cannot(&error))?;
    if paths.len() > MOST_FILES {
        let reason = format!("more than {MOST_FILES} files lie in {}: move away what was taken", folder.display());
        return Err(TakeInError::NoPlace(reason));
    }
    let (mut taken, mut failed) = (Vec::new(), None);
    for path in paths {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let read = match OnDisk::open(&path) {
            Ok(file) => take_in(app, source, &name, file, by, progress).await,
            Err(error) => Err(TakeInError::Broken(error)),
        };
        match read {
            Ok(file) => taken.push(file),
            Err(TakeInError::Db(error)) => return Err(error.into()),
            Err(error) => failed = failed.or(Some(of_file(error, &name))),
        }
    }
    match failed {
        Some(error) => Err(error),
        None if has_come(app, source, day).await? => Ok(taken),
        None => Err(TakeInError::NotThere(day, folder.display().to_string())),
    }
}

/// What is wrong, with the name of the file in which it is.
fn of_file(error: TakeInError, name: &str) -> TakeInError {
    match error {
        TakeInError::Refused(refused) => {
            let reason = format!("{} (in {name})", refused.reason);
            Refused { reason, ..refused }.into()
        }
        TakeInError::Broken(error) => TakeInError::Broken(std::io::Error::other(format!("{error} ({name})"))),
        other => other,
    }
}

/// Whether a file tells `day`. One that came after its end does too, whatever stands in it: on some days nothing is settled.
async fn has_come(app: &App, source: &Source, day: Date) -> Result<bool, TakeInError> {
    let end = Calendar::of(source).ok().and_then(|calendar| calendar.end_of(day)).unwrap_or(app.now());
    Ok(store::has_come(&app.db, &source.name, day, end).await?)
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
    Ok(paths)
}

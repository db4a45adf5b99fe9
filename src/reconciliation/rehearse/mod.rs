//! Rehearsal of days: today's parsers and today's causes over what was taken in of them, beside what stands; of days of which
//! nothing was, over what the PSP says when it is asked.
//!
//! Promises to write nothing, to keep nothing that it was given, and to name each day of which there is nothing to rehearse, and
//! why. What was closed since it was found has changed by that, not by settings: it counts as changed only
//! when it would be found as a third thing.

mod changes;
mod store;
mod untaken;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::causes::days_open;
use super::files::{self, TakeInError};
use super::line::Line;
use super::matching::{self, Context};
use super::missing;
use super::progress::{Progress, Stage};
use super::reconcile::ReconcileError;
use super::report::Rehearsal;
use crate::words::FileId;
use changes::{Changes, Now};
pub use untaken::file;

/// Days for which a PSP is asked in one rehearsal.
const MOST_ASKED: usize = 100;

/// Why nobody is asked about a day of which nothing was taken in.
const NOT_ASKED: &str =
    "nothing of this day was taken in, and this source is not asked by API: rehearse a file of it with --file";

/// What would be found in one day.
pub async fn day(context: &Context<'_>, day: Date, progress: &Progress) -> Result<Value, ReconcileError> {
    let told = store::days_told(&context.app.db, &context.source.name, day, day).await?;
    let nothing = |reason: String| Ok(with_days(Rehearsal::default().view(), &[], &[(day, reason)]));
    if !told.is_empty() {
        let mut found = Rehearsal::default();
        matching::rehearse_day(context, day, &mut |entry, cause| found.entry(entry, cause)).await?;
        let mut view = with_days(found.view(), &[], &[]);
        view["without_line"] = missing::look(context, day, progress).await?.into();
        return Ok(view);
    }
    if files::list_of(context.source).is_none() {
        return nothing(NOT_ASKED.to_owned());
    }
    match untaken::asked(context, day).await? {
        Ok(view) => Ok(with_days(view, &[day], &[])),
        Err(reason) => nothing(reason),
    }
}

/// A report with the days for which the PSP was asked, and those of which there was nothing to rehearse.
fn with_days(mut view: Value, asked: &[Date], nothing: &[(Date, String)]) -> Value {
    view["asked"] = asked.iter().map(Date::to_string).collect();
    let why = |(day, reason): &(Date, String)| json!({ "day": day.to_string(), "reason": reason });
    view["nothing"] = nothing.iter().map(why).collect();
    view
}

/// What would be found in the days from `from` to `to`, and what of that is not what stands.
pub async fn range(context: &Context<'_>, from: Date, to: Date, progress: &Progress) -> Result<Value, ReconcileError> {
    let mut whole = Whole { from, to, lines: 0, found: Rehearsal::default(), changes: Changes::default() };
    let files = store::files(&context.app.db, &context.source.name, from, to).await?;
    let mut refused = Vec::new();
    for file in &files {
        if let Some(reason) = whole.file(context, file, progress).await? {
            refused.push(json!({ "file": file, "reason": reason }));
        }
    }
    let told = store::days_told(&context.app.db, &context.source.name, from, to).await?;
    let (mut asked, mut nothing) = (Vec::new(), Vec::new());
    for day in from.series(1.day()).take_while(|day| *day <= to).filter(|day| !told.contains(day)) {
        let why_not = if files::list_of(context.source).is_none() {
            Some(NOT_ASKED.to_owned())
        } else if asked.len().saturating_add(nothing.len()) >= MOST_ASKED {
            Some(format!("only {MOST_ASKED} days are asked for at a time"))
        } else {
            whole.asked(context, day, progress).await?
        };
        match why_not {
            None => asked.push(day),
            Some(reason) => nothing.push((day, reason)),
        }
    }
    whole.without_line(context).await?;
    let mut view = with_days(whole.found.view(), &asked, &nothing);
    view["files"] = files.len().into();
    view["lines"] = whole.lines.into();
    view["refused"] = refused.into();
    view["changes"] = whole.changes.view();
    Ok(view)
}

struct Whole {
    from: Date,
    to: Date,
    lines: u64,
    found: Rehearsal,
    changes: Changes,
}

impl Whole {
    /// Reads one file again; gives why it would be refused now, if it would.
    async fn file(
        &mut self,
        context: &Context<'_>,
        file: &FileId,
        progress: &Progress,
    ) -> Result<Option<String>, ReconcileError> {
        let (sender, mut coming) = mpsc::channel(2);
        let mut still_told: u64 = 0;
        let holding = async {
            while let Some(lines) = coming.recv().await {
                still_told = still_told.saturating_add(self.hold(context, Some(file), lines).await?);
                progress.tell(Stage::Matching, self.lines, None);
            }
            Ok::<_, ReconcileError>(())
        };
        // Boxed: a file is read by as much as everything that may read one.
        let (read, held) = tokio::join!(Box::pin(files::rehearse(context.app, context.source, file, sender)), holding);
        held?;
        match read {
            Ok(_) => {
                let told = store::count(&context.app.db, file, &context.source.name, self.from, self.to).await?;
                self.changes.gone(told.saturating_sub(still_told));
                Ok(None)
            }
            Err(TakeInError::Refused(refused)) => Ok(Some(refused.to_string())),
            Err(TakeInError::Db(error)) => Err(error.into()),
            Err(error) => Err(ReconcileError::Files(error.to_string())),
        }
    }

    /// Asks the PSP about a day of which nothing was taken in; gives why there is nothing of it, if there is not.
    async fn asked(
        &mut self,
        context: &Context<'_>,
        day: Date,
        progress: &Progress,
    ) -> Result<Option<String>, ReconcileError> {
        let (sender, mut coming) = mpsc::channel(2);
        let holding = async {
            while let Some(lines) = coming.recv().await {
                self.hold(context, None, lines).await?;
                progress.tell(Stage::Matching, self.lines, None);
            }
            Ok::<_, ReconcileError>(())
        };
        let asking = Box::pin(files::rehearse_asked(context.app, context.source, day, sender));
        let (read, held) = tokio::join!(asking, holding);
        held?;
        match untaken::told(read)? {
            Ok(()) => Ok(None),
            Err(reason) => Ok(Some(reason)),
        }
    }

    /// Holds lines against ours, and what is found against what stands; gives how many of them stand as this file's. Without one they
    /// are what the PSP says now.
    async fn hold(
        &mut self,
        context: &Context<'_>,
        file: Option<&FileId>,
        mut lines: Vec<Line>,
    ) -> Result<u64, ReconcileError> {
        lines.retain(|line| (self.from..=self.to).contains(&line.business_date));
        let again: Vec<String> =
            file.map_or_else(Vec::new, |file| lines.iter().map(|line| files::told_again(line, file)).collect());
        let identities: Vec<&str> = lines.iter().map(|line| &line.identity).chain(&again).map(String::as_str).collect();
        let standing = store::standing(&context.app.db, &context.source.name, &identities).await?;
        // A row that was told again stands under a name of its own.
        for (line, again) in lines.iter_mut().zip(again) {
            if standing.contains_key(&again) {
                line.identity = again;
            }
        }
        // What an earlier file told is rehearsed with that.
        lines.retain(|line| standing.get(&line.identity).is_none_or(|it| Some(&it.file) == file));
        let known = lines.iter().filter(|line| standing.contains_key(&line.identity)).count();
        self.lines = self.lines.saturating_add(u64::try_from(lines.len()).unwrap_or(0));
        let ids = standing.iter().map(|(identity, it)| (identity.clone(), it.line.clone())).collect();
        let (found, changes) = (&mut self.found, &mut self.changes);
        matching::rehearse_told(context, lines, ids, &mut |identity, entry, cause| {
            found.entry(entry, cause);
            let now = Now { outcome: entry.decided.outcome, cause: cause.map(|it| (it.name.as_str(), it.class)) };
            changes.line(standing.get(identity).map(|it| &it.stands), &now);
        })
        .await?;
        Ok(u64::try_from(known).unwrap_or(0))
    }

    /// What waits for a line, or never got one: only its cause may be another.
    async fn without_line(&mut self, context: &Context<'_>) -> Result<(), ReconcileError> {
        let (from, to) = (context.expected_by(self.from), context.expected_by(self.to));
        let mut after = String::new();
        loop {
            let some = store::without_line(&context.app.db, &context.source.name, (from, to), &after).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = last.id.to_string();
            for store::Waiting { currency, opened_at, stands, .. } in &some {
                let days = days_open(*opened_at, context.app.now());
                let cause = missing::cause(context, stands.outcome, (stands.amount, *currency), days);
                let now = Now { outcome: stands.outcome, cause: cause.map(|it| (it.name.as_str(), it.class)) };
                self.changes.line(Some(stands), &now);
            }
        }
    }
}

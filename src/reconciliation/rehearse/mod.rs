//! Rehearsal of what was taken in: today's parsers and today's causes over the files of some days, beside what stands.
//!
//! Promises to write nothing. What was closed since it was found has changed by that, not by settings: it counts as changed only
//! when it would be found as a third thing.

mod changes;
mod store;

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
    whole.without_line(context).await?;
    let mut view = whole.found.view();
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
                still_told = still_told.saturating_add(self.hold(context, file, lines).await?);
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

    /// Holds lines against ours, and what is found against what stands; gives how many of them stand as this file's.
    async fn hold(
        &mut self,
        context: &Context<'_>,
        file: &FileId,
        mut lines: Vec<Line>,
    ) -> Result<u64, ReconcileError> {
        lines.retain(|line| (self.from..=self.to).contains(&line.business_date));
        let identities: Vec<&str> = lines.iter().map(|line| line.identity.as_str()).collect();
        let standing = store::standing(&context.app.db, &context.source.name, &identities).await?;
        // What an earlier file told is rehearsed with that.
        lines.retain(|line| standing.get(&line.identity).is_none_or(|it| it.file == *file));
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

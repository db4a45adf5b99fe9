//! `tollgate reconcile`: holds a day or a file of a source against the books, or says what that would find.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use futures_util::TryStreamExt as _;
use jiff::civil::Date;

use super::start::{self, Settings};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::operators::{NewEntry, record};
use crate::reconciliation::causes::Causes;
use crate::reconciliation::files;
use crate::reconciliation::progress::{Progress, Stage};
use crate::reconciliation::runs::{Run, Status, Trigger};
use crate::reconciliation::{self, What, shown};
use crate::words::{FileId, Mode};

/// Who the record names.
const BY: &str = "command";
/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a source in the settings; needed with --date and --file
    #[arg(long)]
    source: Option<String>,
    /// The business day to reconcile, as 2026-01-31
    #[arg(long, value_name = "DAY", conflicts_with = "file")]
    date: Option<Date>,
    /// A file of the source to take in and reconcile
    #[arg(long)]
    file: Option<PathBuf>,
    /// With --to and --dry-run: the first of the days whose files are read again, and held against what stands
    #[arg(long, value_name = "DAY", requires_all = ["to", "dry_run"], conflicts_with_all = ["date", "file"])]
    from: Option<Date>,
    /// The last of them
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,
    /// Change nothing: say what would be found
    #[arg(long)]
    dry_run: bool,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print a file that was taken in, or refused, byte for byte as it came
    #[arg(long, value_name = "FILE_ID", conflicts_with_all = ["source", "date", "file", "from"])]
    take_out: Option<FileId>,
    /// List the known causes of differences, built in and of the settings
    #[arg(long)]
    causes: bool,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// As the API gives it.
    Json,
    /// Two columns: the name of a figure, and the figure.
    Csv,
}

pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    if args.causes {
        return causes(settings);
    }
    let app = start::app(settings).await?;
    if let Some(id) = args.take_out {
        return take_out(&app, id).await;
    }
    let complaints = app.config.reconciliation_complaints();
    if !complaints.is_empty() {
        bail!("nothing was reconciled, because of the settings:\n  - {}", complaints.join("\n  - "));
    }
    let source = source(&app.config.reconciliation.sources, args.source.as_deref())?.clone();
    let what = what(&args)?;
    let bar = Bar::on_terminal();
    let progress =
        bar.map_or_else(Progress::nobody, |bar| Progress::to(move |stage, done, of| bar.draw(stage, done, of)));
    let ran = reconciliation::reconcile(&app, &source, what, Trigger::Command, args.dry_run, BY, &progress).await;
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    let run = ran?;
    app.db.close().await;
    let mode = if source.livemode { Mode::Live } else { Mode::Test };
    match args.format {
        Format::Text => print!("{}", text(&run, mode)),
        Format::Json => println!("{:#}", shown::run_view(&run, mode)),
        Format::Csv => print!("{}", shown::run_csv(&run, mode)),
    }
    Ok(if run.status == Status::Completed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn source<'a>(sources: &'a [Source], name: Option<&str>) -> anyhow::Result<&'a Source> {
    let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let Some(name) = name else { bail!("--source is needed; the settings name these: {}", listed(&known)) };
    let found = sources.iter().find(|source| source.name == name);
    found.with_context(|| format!("no source is called {name:?}; the settings name these: {}", listed(&known)))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none (add [[reconciliation.sources]])".to_owned() } else { names.join(", ") }
}

fn what(args: &Args) -> anyhow::Result<What> {
    if let (Some(from), Some(to)) = (args.from, args.to) {
        anyhow::ensure!(from <= to, "--from {from} is after --to {to}");
        return Ok(What::Days { from, to });
    }
    match (&args.date, &args.file) {
        (Some(day), None) => Ok(What::Day(*day)),
        (None, Some(path)) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
            Ok(What::File { name, bytes: Box::new(std::io::BufReader::new(file)) })
        }
        _ => bail!("what is to be reconciled? --date 2026-01-31, or --file list.csv"),
    }
}

/// Prints the bytes of a file. That they were taken out stands in the audit log.
async fn take_out(app: &App, id: FileId) -> anyhow::Result<ExitCode> {
    let file = files::find(&app.db, &id).await?.with_context(|| format!("there is no file {id}"))?;
    let mut tx = app.db.begin().await?;
    let entry = NewEntry::from_here("file.download", app.now()).about(id.as_str());
    let note = format!("{} of {}", file.name, file.source).chars().take(500).collect();
    record(&mut tx, &NewEntry { note, ..entry }).await?;
    tx.commit().await?;
    let mut pieces = std::pin::pin!(files::raw(app, id));
    while let Some(piece) = pieces.try_next().await? {
        std::io::stdout().write_all(&piece)?;
    }
    std::io::stdout().flush()?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

fn text(run: &Run, mode: Mode) -> String {
    let state = match run.status {
        Status::Completed if run.dry => "rehearsed: nothing was changed",
        Status::Completed => "reconciled",
        Status::Failed => "FAILED",
        Status::Running => "still at work",
    };
    let what = run.business_date.map_or_else(String::new, |day| format!(" {day}"));
    let mut text = format!("{}{what}: {state} ({})\n", run.source, run.id);
    if let Some(failure) = &run.failure {
        let _ = writeln!(text, "    {failure}");
    }
    for (name, value) in shown::figures(&shown::run_view(run, mode)["totals"]) {
        let _ = writeln!(text, "    {name:<44} {value}");
    }
    text
}

/// A line that is drawn over and over.
struct Bar(Mutex<Option<Instant>>);

impl Bar {
    /// A bar, when somebody is looking.
    fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(|| Self(Mutex::new(None)))
    }

    fn draw(&self, stage: Stage, done: u64, of: Option<u64>) {
        let Ok(mut last) = self.0.lock() else { return };
        if last.is_some_and(|last| last.elapsed() < DRAW) {
            return;
        }
        *last = Some(Instant::now());
        let mut out = std::io::stderr().lock();
        // A terminal that has gone away is no reason to stop.
        let _ = write!(out, "\r\x1b[K{}", drawn(stage, done, of));
        let _ = out.flush();
    }
}

fn drawn(stage: Stage, done: u64, of: Option<u64>) -> String {
    const WIDTH: u64 = 30;
    let what = match stage {
        Stage::Reading => "reading and checking rows",
        Stage::Writing => "writing lines",
        Stage::Matching => "matching lines",
        Stage::Missing => "looking for what is missing",
    };
    match of.filter(|of| *of > 0) {
        None => format!("{what}: {done}"),
        Some(of) => {
            let full = usize::try_from(done.min(of).saturating_mul(WIDTH).checked_div(of).unwrap_or(0)).unwrap_or(0);
            let rest = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
            format!("[{}{}] {what}: {done} of {of}", "#".repeat(full), "-".repeat(rest))
        }
    }
}

fn causes(settings: &Settings) -> anyhow::Result<ExitCode> {
    let config = settings.read()?;
    for cause in Causes::of(&config.reconciliation.causes).all() {
        let from = if cause.added { "settings" } else { "built in" };
        println!("{:<30} {:<16} {:<12} {from}", cause.name, cause.outcome.as_str(), cause.class.as_str());
        println!("    {}", cause.explanation);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_far_the_work_is() {
        assert_eq!(drawn(Stage::Reading, 7, None), "reading and checking rows: 7");
        let half = format!("[{}{}] matching lines: 5 of 10", "#".repeat(15), "-".repeat(15));
        assert_eq!(drawn(Stage::Matching, 5, Some(10)), half);
        assert!(drawn(Stage::Writing, 20, Some(10)).starts_with(&format!("[{}]", "#".repeat(30))));
    }

    #[test]
    fn an_unknown_source_is_told_with_those_that_are_known() {
        let error = source(&[], Some("x")).unwrap_err().to_string();
        assert!(error.contains("no source is called \"x\""), "{error}");
    }
}

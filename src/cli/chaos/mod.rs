//! `tollgate chaos`: shows that nobody is charged twice and no payment is lost, whatever fails.
//!
//! Promises to run the real program, kill it at random moments, give the PSP bad days, and then to compare what clients
//! were told, our tables, our books, the PSP's own record and what the merchant heard. Everything random is drawn from the
//! printed seed. Refuses to know how the gateway does it: it sees HTTP and, when it is quiet again, the database.

mod dice;
mod disputes;
mod holds;
mod mischief;
mod net;
mod payouts;
mod process;
mod quiet;
mod receiver;
mod record;
mod refunds;
mod relay;
mod report;
mod saved;
mod shopper;
mod stage;
mod store;
mod told;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use self::process::Process;
use self::report::Report;
use self::stage::{Stage, Wish};
use self::told::Told;
use self::verdict::Witnesses;
use crate::integrity::{self, Scope};
use crate::sabotage;
use crate::words::random_bytes;

/// How often it says how far it is.
const PROGRESS: Duration = Duration::from_secs(30);

/// What can be chosen about a run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many checkouts are opened and paid
    #[arg(long, default_value_t = 200)]
    payments: u64,
    /// Where all chance begins; drawn and printed when absent
    #[arg(long)]
    seed: Option<u64>,
    /// A PostgreSQL database of its own, empty: `postgres://..`. Without it: SQLite in a temporary folder
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Gateway processes [default: 3 on PostgreSQL, 1 on SQLite]
    #[arg(long, value_name = "COUNT")]
    processes: Option<usize>,
    /// Checkouts at the same time
    #[arg(long, default_value_t = 16, value_name = "COUNT")]
    shoppers: usize,
    /// Of a hundred checkouts, how many only have the money held until the shop takes it or lets it go
    #[arg(long, default_value_t = 20, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    held: u64,
    /// How many times a dozen calls a fault may strike [default: one for each sixteen shoppers]
    #[arg(long, value_name = "TIMES")]
    crowd: Option<u64>,
    /// The longest time between two kills
    #[arg(long, default_value_t = 2500, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(200..))]
    lull: u64,
    /// After so many minutes no new checkout is opened
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// When it is not quiet so many seconds after the last shopper, what is left counts as stuck
    #[arg(long, default_value_t = 240, value_name = "SECONDS")]
    quiet_within: u64,
    /// Write the report to this file, too: JSON when its name ends so, else Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Take one protection out of the gateways, to see that it is missed (debug builds only)
    #[arg(long = "break", value_name = "PROTECTION", value_enum)]
    sabotage: Option<sabotage::Protection>,
}

/// Runs, prints the report, and ends with 0 only when the witnesses agree.
///
/// # Errors
/// The stage cannot be put up, or a gateway does not come up again.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let seed = args.seed.unwrap_or_else(|| u64::from_le_bytes(random_bytes::<8>()));
    let several = if args.database.is_some() { 3 } else { 1 };
    let wish = Wish {
        seed,
        held: args.held,
        processes: args.processes.unwrap_or(several),
        database: args.database.clone(),
        sabotage: args.sabotage.map(sabotage::Protection::name),
    };
    println!("tollgate chaos --seed {seed}");
    let (stage, mut processes) = Stage::build(&wish).await?;
    let report = play(&stage, &mut processes, &wish, &args).await;
    for process in &mut processes {
        process.kill()?;
    }
    let clean = report.as_ref().is_ok_and(Report::is_clean);
    let folder = stage.folder.display().to_string();
    stage.strike(!clean).await;
    if !clean {
        eprintln!("tollgate chaos: logs and databases are in {folder}");
    }
    let report = report?;
    if let Some(file) = &args.report {
        let json = file.extension().is_some_and(|ending| ending == "json");
        let text = if json { report.json() } else { report.markdown() };
        std::fs::write(file, text).with_context(|| format!("the report cannot be written to {}", file.display()))?;
    }
    print!("{}", report.text());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(stage: &Stage, processes: &mut [Process], wish: &Wish, args: &Args) -> anyhow::Result<Report> {
    let began = Instant::now();
    let stop = CancellationToken::new();
    let crowd = args.crowd.unwrap_or(u64::try_from(args.shoppers.div_ceil(16))?).max(1);
    let gone = AtomicU64::new(0);
    let shopping = async {
        let open = |_: &u64| std::future::ready(began.elapsed() < Duration::from_mins(args.minutes));
        let days = stream::iter(0..args.payments).take_while(open).map(|number| shopper::play(stage, number));
        let days = days.buffer_unordered(args.shoppers.max(1)).inspect(|_| {
            gone.fetch_add(1, Ordering::Relaxed);
        });
        let told: Vec<Told> = days.flat_map(stream::iter).collect().await;
        stop.cancel();
        told
    };
    let (told, faults, kills, ()) = tokio::join!(
        shopping,
        mischief::bad_days(stage, crowd, stop.clone()),
        mischief::murders(stage, processes, Duration::from_millis(args.lull), stop.clone()),
        progress(&gone, args.payments, began, stop.clone())
    );
    let kills = kills.context("a gateway was not to be started again")?;
    let shopped = began.elapsed();
    let stuck = quiet::wait(stage, Duration::from_secs(args.quiet_within)).await?;

    let books = integrity::check(&stage.db, Scope::Tenant(&stage.tenant)).await?;
    let heard = stage.receiver.heard();
    let mut gave_up: Vec<String> = told.iter().filter_map(|told| told.gave_up.clone()).collect();
    gave_up.extend((heard.forged > 0).then(|| format!("{} webhooks with a signature that does not fit", heard.forged)));
    let witnesses = Witnesses {
        told,
        payments: store::payments(&stage.db).await?,
        keys: store::keys(&stage.db).await?,
        refunds: store::refunds(&stage.db).await?,
        delivered: store::delivered(&stage.db).await?,
        payouts: store::payouts(&stage.db).await?,
        disputes: store::disputes(&stage.db).await?,
        saved: store::saved_cards(&stage.db).await?,
        psp_balances: store::psp_balances(&stage.db).await?,
        bank_balances: store::bank_balances(&stage.db).await?,
        record: record::read(stage).await?,
        facts: heard.facts,
    };
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for payment in &witnesses.payments {
        *outcomes.entry(payment.status.clone()).or_default() += 1;
    }
    for refund in &witnesses.refunds {
        *outcomes.entry(format!("refund {}", refund.status)).or_default() += 1;
    }
    for payout in &witnesses.payouts {
        *outcomes.entry(format!("payout {}", payout.status)).or_default() += 1;
    }
    for dispute in &witnesses.disputes {
        *outcomes.entry(format!("dispute {}", dispute.status)).or_default() += 1;
    }
    let engine = if wish.database.is_some() { "PostgreSQL" } else { "SQLite" };
    let counts = vec![
        ("payments", u64::try_from(witnesses.payments.len())?),
        ("kills", kills),
        ("captures at the PSP", u64::try_from(witnesses.record.captures.len())?),
        ("refunds at the PSP", u64::try_from(witnesses.record.refunds.len())?),
        ("payouts at the PSP", u64::try_from(witnesses.record.payouts.len())?),
        ("disputes at the PSP", u64::try_from(witnesses.record.disputes.len())?),
        ("cards saved", u64::try_from(witnesses.saved.len())?),
        ("webhooks heard", heard.messages),
        ("PSP webhooks repeated", stage.relay.repeated.load(Ordering::Relaxed)),
        ("PSP webhooks held back", stage.relay.held_back.load(Ordering::Relaxed)),
        ("answers given again", stage.net.replayed.load(Ordering::Relaxed)),
        ("answers of 409, running", stage.net.in_flight.load(Ordering::Relaxed)),
        ("answers of 500", stage.net.answers_500.load(Ordering::Relaxed)),
        ("seconds of shopping", shopped.as_secs()),
        ("seconds until quiet", began.elapsed().saturating_sub(shopped).as_secs()),
    ];
    Ok(Report {
        heading: format!("{engine}, {} gateway(s), seed {}", wish.processes, wish.seed),
        counts,
        outcomes,
        faults,
        bad: report::bad(verdict::compare(&witnesses), &books, stuck, gave_up),
    })
}

/// Says on standard error every half minute how far it is.
async fn progress(gone: &AtomicU64, of: u64, began: Instant, stop: CancellationToken) {
    while tokio::time::timeout(PROGRESS, stop.cancelled()).await.is_err() {
        let (gone, seconds) = (gone.load(Ordering::Relaxed), began.elapsed().as_secs());
        eprintln!("tollgate chaos: {gone} of {of} payments after {seconds} seconds");
    }
}

//! `tollgate demo --once`: one purchase without a browser, each step shown as it was really seen.
//!
//! Promises to believe nothing: every line is printed after its fact was read back, over HTTP where there is an interface
//! for it. A fact that does not come within its time is named, and the command fails.

mod buyer;
mod look;
mod night;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::ports;
use super::town::Town;
use buyer::Buyer;

/// For the whole purchase; it takes about a second.
const WITHIN: Duration = Duration::from_secs(30);

/// Buys once, in `data` or in a folder that is gone afterwards.
///
/// # Errors
/// A step was not seen.
pub async fn run(data: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let (data, passing) = match data {
        Some(data) => (data, false),
        None => (std::env::temp_dir().join(format!("tollgate-once-{}", crate::words::random_base62(12))), true),
    };
    let done = buy(&data).await;
    if passing {
        let _ = std::fs::remove_dir_all(&data);
    }
    done?;
    println!("\nevery step was seen");
    Ok(ExitCode::SUCCESS)
}

async fn buy(data: &std::path::Path) -> anyhow::Result<()> {
    let (town, _) = Town::build(data, &ports::choose(Some(0))).await?;
    let seen = tokio::time::timeout(WITHIN, steps(&town)).await;
    let stopped = town.shut_down().await;
    seen.with_context(|| format!("the next step was not seen within {} seconds", WITHIN.as_secs()))??;
    stopped
}

async fn steps(town: &Town) -> anyhow::Result<()> {
    let steps = &mut Steps(0);
    let buyer = Buyer::new(town);

    let session = buyer.order().await.context("session")?;
    steps.seen(
        "session",
        &format!("{} of {} {} for {} sellers", session.id, session.amount, session.currency, session.orders),
    );

    let page = buyer.open_page(&session.url).await.context("page")?;
    steps.seen("page", "served over HTTP with its own short-lived token");

    let form = buyer.register(&page).await.context("register")?;
    steps.seen("register", "the PSP knows the payment and gave a token; its card form is on another origin");

    let card = buyer.type_card(&form).await.context("token")?;
    steps.seen("token", &format!("the PSP turned the {} ending in {} into a token", card.brand, card.last4));

    buyer.confirm(&page, &card).await.context("confirm")?;
    steps.seen("confirm", "the page says: succeeded");

    let payment = look::payment(town, &session).await.context("payment")?;
    steps.seen("payment", &format!("{} succeeded, {} captured", payment.id, payment.captured));

    let notice = look::webhook_in(town, &payment.id).await.context("webhook in")?;
    steps.seen("webhook in", &format!("{notice} from the PSP: signature verified, kept raw, processed by the worker"));

    for line in look::ledger(town, &payment, &session).await.context("ledger lines")? {
        steps.seen("ledger line", &line);
    }
    for wallet in look::wallets(town, &session).await.context("wallets")? {
        steps.seen("wallet", &wallet);
    }
    for webhook in look::webhooks_out(town, &session).await.context("webhook out")? {
        steps.seen("webhook out", &webhook);
    }
    for fact in night::pass(town, &payment).await.context("reconciliation")? {
        steps.seen("reconciled", &fact);
    }
    let checks = look::integrity(town).await.context("integrity")?;
    steps.seen("integrity", &format!("{checks} invariants hold"));
    Ok(())
}

/// Prints what was seen.
struct Steps(u32);

impl Steps {
    fn seen(&mut self, step: &str, what: &str) {
        self.0 = self.0.saturating_add(1);
        println!("{:>2}  {step:<12} {what}", self.0);
    }
}

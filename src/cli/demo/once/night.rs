//! The night after the purchase: the PSP's business day ends, it pays out, and the three sides are held against each other.

use anyhow::{Context as _, ensure};
use jiff::ToSpan as _;
use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::town::Town;
use super::buyer::text;
use super::look::{Paid, pause};
use crate::outbound::Call;
use crate::reconciliation::progress::Progress;
use crate::reconciliation::runs::{Run, Status, Trigger};
use crate::reconciliation::{ReconcileError, What, reconcile};

/// Lets the day end, reconciles the PSP's list and the bank's statement, and tells what was seen.
pub async fn pass(town: &Town, paid: &Paid) -> anyhow::Result<Vec<String>> {
    let (date, ended) = close_day(town).await?;
    let list = run(town, "simulator", date).await?;
    let matched = list.totals.pointer("/types/matched/count").and_then(Value::as_i64).unwrap_or(0);
    ensure!(matched > 0, "nothing of the settlement list of {date} was matched: {}", list.totals);
    // The bank books by its own calendar what the PSP sends when its day has ended.
    let landed = run(town, "bank", ended).await?;
    let open = landed.totals.pointer("/open_breaks").and_then(Value::as_object).cloned().unwrap_or_default();
    ensure!(open.values().all(|count| *count == 0), "the bank differs: {}", landed.totals);
    let accounts = landed.totals["psp_account"].as_array().cloned().unwrap_or_default();
    ensure!(!accounts.is_empty(), "the PSP's account is not in the report: {}", landed.totals);
    for account in &accounts {
        for name in ["balance", "difference"] {
            let amount: rust_decimal::Decimal = text(account, name)?.parse()?;
            ensure!(amount.is_zero(), "the PSP still owes something after its payout has landed: {account}");
        }
    }
    Ok(vec![
        format!("the PSP's list of {date}: {matched} lines are ours, {} among them", paid.id),
        "the bank's statement: the PSP's payout has landed, and the PSP owes nothing more".to_owned(),
        "the three sides agree; no difference is open".to_owned(),
    ])
}

/// Ends the stand-in's business day; gives it, and the calendar day in Seoul on which that was.
async fn close_day(town: &Town) -> anyhow::Result<(Date, Date)> {
    let url = format!("{}/admin/settlements/close", town.addresses.psp);
    let headers = vec![
        ("authorization", format!("Bearer {}", town.kept.psp_admin_key)),
        ("content-type", "application/json".to_owned()),
    ];
    let body = json!({}).to_string().into_bytes();
    let answer = town.app.outbound.psp().send(Call { headers, body, ..Call::new(Method::POST, &url) }).await?;
    ensure!(answer.status.is_success(), "the stand-in answered {}", answer.status);
    let told: Value = serde_json::from_slice(&answer.body)?;
    let date = text(&told, "date")?.parse().context("the day that was closed")?;
    let ended: jiff::Timestamp = text(&told, "ends_at")?.parse().context("when the day ended")?;
    let seoul = ended.checked_add(9.hours()).context("when the day ended")?.to_zoned(jiff::tz::TimeZone::UTC);
    Ok((date, seoul.date()))
}

async fn run(town: &Town, name: &str, day: Date) -> anyhow::Result<Run> {
    let source = town.app.config.reconciliation.sources.iter().find(|source| source.name == name);
    let source = source.with_context(|| format!("the demo has no source {name}"))?;
    loop {
        let nobody = Progress::nobody();
        match reconcile(&town.app, source, What::Day(day), Trigger::Command, false, "demo", &nobody).await {
            Ok(run) => {
                let why = run.failure.clone().unwrap_or_default();
                ensure!(run.status == Status::Completed, "{name} of {day} could not be reconciled: {why}");
                return Ok(run);
            }
            // The night of the gateway itself is at it.
            Err(ReconcileError::Busy(_)) => pause().await,
            Err(error) => return Err(error.into()),
        }
    }
}

//! What can be seen afterwards, by whom it concerns: the merchant through its API, the shop by its webhooks.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rust_decimal::Decimal;
use serde_json::Value;

use super::super::town::Town;
use super::buyer::{Bought, text};
use crate::payments::notices;
use crate::words::PaymentId;

/// Between two looks.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The payment as the merchant sees it.
pub struct Paid {
    /// `pay_...`
    pub id: String,
    /// Decimal text.
    pub captured: String,
    sellers: Vec<(String, Decimal)>,
}

/// `GET /v1/payments/{id}`: succeeded, and each order executed, in the wallet and in the ledger.
pub async fn payment(town: &Town, session: &Bought) -> anyhow::Result<Paid> {
    let payment = town.shop.api.read(&format!("/v1/payments/{}", session.payment)).await?;
    ensure!(payment["status"] == "succeeded", "the payment is {}", payment["status"]);
    let captured = text(&payment, "captured")?;
    ensure!(captured == session.amount, "{captured} was captured, {} was asked for", session.amount);
    let mut sellers = Vec::new();
    for order in list(&payment, "orders")? {
        ensure!(
            order["status"] == "SUCCESS" && order["wallet_updated"] == true && order["ledger_updated"] == true,
            "an order is not done: {order}"
        );
        sellers.push((text(order, "seller")?, amount(order, "amount")?));
    }
    ensure!(sellers.len() == session.orders, "{} orders for {} sellers", sellers.len(), session.orders);
    Ok(Paid { id: session.payment.clone(), captured, sellers })
}

/// The PSP's webhook: what it said, once the worker has dealt with it.
pub async fn webhook_in(town: &Town, payment: &str) -> anyhow::Result<String> {
    let id = PaymentId::parse(payment)?;
    loop {
        let notices = notices::of_payment(&town.app.db, &id).await?;
        if let Some(notice) = notices.iter().find(|it| it.processed_at.is_some()) {
            return Ok(notice.kind.clone());
        }
        pause().await;
    }
}

/// `GET /v1/ledger/journals?payment=`: one sale per order; the signed lines sum to zero; the PSP owes what was captured.
pub async fn ledger(town: &Town, paid: &Paid, session: &Bought) -> anyhow::Result<Vec<String>> {
    let journals = town.shop.api.read(&format!("/v1/ledger/journals?payment={}", paid.id)).await?;
    let journals = list(&journals, "data")?;
    ensure!(journals.len() == session.orders, "{} journals for {} orders", journals.len(), session.orders);
    let (mut told, mut sum, mut owed) = (Vec::new(), Decimal::ZERO, Decimal::ZERO);
    for journal in journals {
        for line in list(journal, "lines")? {
            let (account, amount) = (text(line, "account")?, amount(line, "amount")?);
            sum = sum.checked_add(amount).context("the lines overflow")?;
            if account.starts_with("psp:") {
                owed = owed.checked_add(amount).context("the lines overflow")?;
            }
            told.push(format!("{:<6} {amount:>8} {} {account}", text(line, "direction")?, session.currency));
        }
    }
    ensure!(sum.is_zero(), "the lines sum to {sum}, not to zero");
    ensure!(owed == session.amount.parse()?, "the PSP owes {owed}, {} was paid", session.amount);
    Ok(told)
}

/// `GET /v1/wallets/{seller}`: each seller's share is pending.
pub async fn wallets(town: &Town, session: &Bought) -> anyhow::Result<Vec<String>> {
    let paid = payment(town, session).await?;
    let mut told = Vec::new();
    for (seller, share) in &paid.sellers {
        let wallet = town.shop.api.read(&format!("/v1/wallets/{seller}")).await?;
        let balance = list(&wallet, "balances")?.iter().find(|it| it["currency"] == session.currency.as_str());
        let pending = amount(balance.context("the wallet has no such currency")?, "pending")?;
        ensure!(pending >= *share, "{seller} has {pending} pending, {share} was just sold");
        told.push(format!("{seller}: {pending} {} pending", session.currency));
    }
    Ok(told)
}

/// What the shop heard about the session and verified with its own secret.
pub async fn webhooks_out(town: &Town, session: &Bought) -> anyhow::Result<Vec<String>> {
    loop {
        let order = town.shop.orders.find(&session.id).context("the shop has lost the order")?;
        let heard = |kind: &str| order.heard.iter().any(|it| it.kind == kind);
        if order.paid && heard("checkout.session.completed") && heard("payment.succeeded") {
            ensure!(town.shop.orders.refused() == 0, "the shop refused a webhook of ours");
            return Ok(order
                .heard
                .iter()
                .map(|it| format!("{} {}: the shop verified its signature", it.kind, it.id))
                .collect());
        }
        pause().await;
    }
}

/// `GET /v1/integrity`: how many invariants hold, when all do.
pub async fn integrity(town: &Town) -> anyhow::Result<usize> {
    let report = town.shop.api.read("/v1/integrity").await?;
    ensure!(report["state"] == "holds", "the books are broken: {report}");
    let checks = list(&report, "checks")?;
    ensure!(checks.iter().all(|it| it["state"] != "broken"), "a check is broken: {report}");
    Ok(checks.iter().filter(|it| it["state"] == "holds").count())
}

fn list<'v>(object: &'v Value, field: &str) -> anyhow::Result<&'v Vec<Value>> {
    object[field].as_array().with_context(|| format!("the answer has no list {field}: {object}"))
}

fn amount(object: &Value, field: &str) -> anyhow::Result<Decimal> {
    text(object, field)?.parse().with_context(|| format!("{field} is no amount"))
}

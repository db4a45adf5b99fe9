//! Carry out: the job that orders a payout under its one key, and asks until it is known what became of it.

use std::time::Duration;

use super::gate::gate;
use super::settle::{fail_unsent, settle_call};
use super::status::Change;
use super::{Payout, PayoutError, PayoutStatus, calls, store};
use crate::app::App;
use crate::db::retrying;
use crate::merchants::sellers;
use crate::payments::{self, believable};
use crate::psp::{Finding, NotDone, PayoutOutcome, PayoutProvider, PayoutRequest, still_waits};
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::{LookFirst, PayoutKey};
use crate::wallets::{self, Wallet};
use crate::words::{CallId, PayoutId, random_bytes};

/// How long a payout may stay without a word of its provider before a person gets it.
const SILENCE: Duration = Duration::from_hours(24);
/// How long a provider may go on saying that it is on its way before a person gets it: ten working days.
const RAIL: Duration = Duration::from_hours(14 * 24);

/// Orders the payout `id`, once; from then on asks what became of it, and orders again only what the provider has surely
/// never seen, under the same key.
pub async fn carry_out(app: &App, id: &PayoutId) -> Result<Verdict, PayoutError> {
    let Some(payout) = store::find(&app.db, id).await? else { return Ok(Verdict::Done) };
    let provider = provider(app, &payout)?;
    let heard = match payout.status {
        PayoutStatus::Pending => {
            if let Some(code) = refusal(app, &payout).await? {
                fail_unsent(app, &payout, code).await?;
                return Ok(Verdict::Done);
            }
            let Some(call) = begun(app, &payout).await? else { return Ok(Verdict::Done) };
            order(app, provider.as_ref(), &payout, &call).await?
        }
        // Whoever ordered it may have died, or been contradicted, after somebody else had it failed: only a look can tell.
        PayoutStatus::Failed if payout.sent_at.is_some() => return look(app, id).await,
        PayoutStatus::Processing => {
            if let Some(at) = still_waits(calls::not_before(&app.db, id).await?, app.now()) {
                return Ok(Verdict::Again { at });
            }
            ask_again(app, provider.as_ref(), &payout).await?
        }
        _ => return Ok(Verdict::Done),
    };
    next(app, id, heard).await
}

/// Asks what has become of a payout that was ordered, whatever is known of it: what was paid may have come back.
pub async fn look(app: &App, id: &PayoutId) -> Result<Verdict, PayoutError> {
    let Some(payout) = store::find(&app.db, id).await? else { return Ok(Verdict::Done) };
    let provider = provider(app, &payout)?;
    let call = written(app, &payout, "look_up_payout").await?;
    match provider.look_up_payout(payout.id.as_str()).await {
        Ok(Finding::Found(outcome)) => {
            let change = settle_call(app, id, &call, &outcome).await?;
            contradicted(&payout, change)?;
            Ok(Verdict::Done)
        }
        Ok(Finding::NotFound) => {
            note(app, &call, "not found").await?;
            Ok(Verdict::Done)
        }
        Err(not_done) => {
            did_nothing(app, &call, &not_done).await?;
            let tries = calls::count_since(&app.db, id, payout.seen_at.unwrap_or(payout.created_at)).await?;
            Ok(later(app, &payout, tries, class(&not_done)))
        }
    }
}

/// What a call brought, when it brought nothing that ends the payout.
struct Heard {
    /// The provider has it and said so just now.
    known: bool,
    /// What kind of failure it is that nothing is known.
    class: Class,
}

/// First look, then order: a payout that is found is not ordered again, and none under a key that the provider has forgotten.
async fn ask_again(app: &App, provider: &dyn PayoutProvider, payout: &Payout) -> Result<Heard, PayoutError> {
    if LookFirst.is_absent() {
        let call = written(app, payout, "payout").await?;
        return order(app, provider, payout, &call).await;
    }
    let call = written(app, payout, "look_up_payout").await?;
    match provider.look_up_payout(payout.id.as_str()).await {
        Ok(Finding::Found(outcome)) => settled(app, payout, &call, &outcome).await,
        Ok(Finding::NotFound) => {
            note(app, &call, "not found").await?;
            let age = app.now().since(payout.sent_at.unwrap_or(payout.created_at));
            if provider.key_lifetime().is_some_and(|lifetime| age >= lifetime) {
                return Ok(Heard { known: false, class: Class::Unclear { after: None } });
            }
            let call = written(app, payout, "payout").await?;
            order(app, provider, payout, &call).await
        }
        Err(not_done) => {
            did_nothing(app, &call, &not_done).await?;
            Ok(Heard { known: false, class: class(&not_done) })
        }
    }
}

/// Orders it. A refusal is believed when no order before it can still arrive; otherwise the money of that one could be
/// sent, and the seller's again too.
async fn order(app: &App, provider: &dyn PayoutProvider, payout: &Payout, call: &CallId) -> Result<Heard, PayoutError> {
    let key = if PayoutKey.is_absent() { PayoutId::new() } else { payout.id.clone() };
    let (destination, key) = (payout.destination.clone(), key.to_string());
    let request = PayoutRequest { destination, amount: payout.amount, key };
    match provider.pay_out(&request).await {
        Ok(outcome) => settled(app, payout, call, &outcome).await,
        Err(NotDone::Refused { code, reason }) => {
            if !believable(calls::earlier(&app.db, &payout.id, call).await?, app.now()) {
                note(app, call, &format!("refused ({code}), and an earlier order may still arrive")).await?;
                return Ok(Heard { known: false, class: Class::Unclear { after: None } });
            }
            tracing::error!(payout = %payout.id, code, reason, "the payout provider refuses our request");
            settled(app, payout, call, &PayoutOutcome::Failed { code, of_destination: false }).await
        }
        Err(not_done) => {
            did_nothing(app, call, &not_done).await?;
            Ok(Heard { known: false, class: class(&not_done) })
        }
    }
}

async fn settled(app: &App, payout: &Payout, call: &CallId, outcome: &PayoutOutcome) -> Result<Heard, PayoutError> {
    let change = settle_call(app, &payout.id, call, outcome).await?;
    contradicted(payout, change)?;
    let after = match outcome {
        PayoutOutcome::Unknown(doubt) => doubt.after,
        _ => None,
    };
    Ok(Heard { known: matches!(outcome, PayoutOutcome::Processing { .. }), class: Class::Unclear { after } })
}

/// Money that was given back to the seller and sent all the same is for a person, at once.
fn contradicted(payout: &Payout, change: Change) -> Result<(), PayoutError> {
    if change == Change::Contradiction {
        return Err(PayoutError::Contradiction {
            id: payout.id.clone(),
            status: payout.status.as_str(),
            provider: payout.provider.clone(),
        });
    }
    Ok(())
}

/// Done when its end is known; else again, later and later. Past its deadline it fails, so that a person gets it; the
/// money stays held meanwhile.
async fn next(app: &App, id: &PayoutId, heard: Heard) -> Result<Verdict, PayoutError> {
    let Some(payout) = store::find(&app.db, id).await?.filter(|payout| payout.status.is_open()) else {
        return Ok(Verdict::Done);
    };
    let now = app.now();
    let sent_at = payout.sent_at.unwrap_or(payout.created_at);
    if now.since(sent_at) > RAIL {
        let error = format!("ordered from {} at {sent_at}, still not paid past its deadline", payout.provider);
        return Ok(Verdict::Failed { error });
    }
    if heard.known {
        return Ok(Verdict::Again { at: now.plus(pause(now.since(sent_at))) });
    }
    let word = payout.seen_at.unwrap_or(sent_at);
    if now.since(word) > SILENCE {
        let error = format!("{} has said nothing of it since {word}, past its deadline", payout.provider);
        return Ok(Verdict::Failed { error });
    }
    let tries = calls::count_since(&app.db, id, word).await?;
    Ok(later(app, &payout, tries, heard.class))
}

/// Again, as `[retry]` says.
fn later(app: &App, payout: &Payout, tries: u32, class: Class) -> Verdict {
    let policies = Policies::from(app.config.retries_at(&payout.provider).payout);
    match policies.after(class, tries.max(1), u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: app.now().plus(wait) },
        Next::GiveUp => Verdict::Failed { error: format!("{} gave no answer after {tries} tries", payout.provider) },
    }
}

/// How long to wait before asking again about a payout that is on its way for so long: banks take days.
fn pause(age: Duration) -> Duration {
    match age.as_secs() {
        0..60 => Duration::from_secs(5),
        60..600 => Duration::from_secs(30),
        600..3600 => Duration::from_mins(5),
        _ => Duration::from_mins(30),
    }
}

/// Why a payout that was taken on may not be ordered any more: the seller may have been refused, the account changed, or the
/// seller owes by now, and what is held for it pays that back.
async fn refusal(app: &App, payout: &Payout) -> Result<Option<&'static str>, PayoutError> {
    let Some(seller) = sellers::get(&app.db, &payout.tenant, &payout.seller).await? else {
        return Ok(Some("seller_missing"));
    };
    Ok(match gate(&seller, app.now()) {
        Ok(destination) if destination.token == payout.destination => {
            let wallets = wallets::of_seller(&app.db, &payout.tenant, &payout.seller).await?;
            let owes = |wallet: &Wallet| wallet.currency == payout.amount.currency() && wallet.available < 0;
            wallets.iter().any(owes).then_some("seller_owes")
        }
        Ok(_) => Some("payout_destination_changed"),
        Err(closed) => Some(closed.code()),
    })
}

fn provider(app: &App, payout: &Payout) -> Result<std::sync::Arc<dyn PayoutProvider>, PayoutError> {
    app.psps.payout_provider(&payout.provider).cloned().ok_or_else(|| PayoutError::NoProvider(payout.provider.clone()))
}

/// Writes that it is being ordered, with the call that orders it; from here on it cannot be taken back. `None` when
/// somebody was faster.
async fn begun(app: &App, payout: &Payout) -> Result<Option<CallId>, PayoutError> {
    retrying(|| async {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        if !store::begin(&mut tx, &payout.id, now).await? {
            return Ok(None);
        }
        let call = calls::sent(&mut tx, payout, "payout", now).await?;
        tx.commit().await?;
        Ok::<_, PayoutError>(Some(call))
    })
    .await
}

async fn written(app: &App, payout: &Payout, operation: &str) -> Result<CallId, PayoutError> {
    let mut tx = app.db.begin().await?;
    let call = calls::sent(&mut tx, payout, operation, app.now()).await?;
    tx.commit().await?;
    Ok(call)
}

/// Closes the record of a call that surely did nothing, and keeps before when the provider wants no other.
async fn did_nothing(app: &App, call: &CallId, not_done: &NotDone) -> Result<(), PayoutError> {
    let (mut tx, now) = (app.db.begin().await?, app.now());
    calls::answered(&mut tx, call, now, &not_done.to_string()).await?;
    let not_before = class(not_done).asked_to_wait().map(|after| now.plus(after));
    payments::calls::wait(&mut tx, call, not_before).await?;
    Ok(tx.commit().await?)
}

async fn note(app: &App, call: &CallId, result: &str) -> Result<(), PayoutError> {
    let mut tx = app.db.begin().await?;
    calls::answered(&mut tx, call, app.now(), result).await?;
    Ok(tx.commit().await?)
}

/// What kind of failure it is that a call did nothing. That a repeat or a look is refused says nothing of the payout, which
/// may have been sent long ago.
fn class(not_done: &NotDone) -> Class {
    match payments::class(not_done) {
        Class::Refused => Class::Unclear { after: None },
        class => class,
    }
}

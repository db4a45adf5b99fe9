//! A turn of a seller's schedule: what may be paid out is, per currency, once, whoever looks first.

use std::time::Duration;

use serde_json::json;

use super::schedule::{self, Funds, Schedule, Turn};
use super::store::{self, Batch};
use super::{AskError, NewPayout, PayoutError, ask, jobs};
use crate::app::App;
use crate::db::{DbError, MayRetry as _, On, retrying};
use crate::merchants::sellers::{self, Seller};
use crate::queue::Verdict;
use crate::wallets::{self, Wallet, WalletError};
use crate::words::{Currency, SellerId, Timestamp};

/// Who asks when nobody does.
pub(super) const SCHEDULE: &str = "schedule";
/// Somebody else may take of the same money between our look and our hold.
const TRIES: u32 = 5;
pub(super) const DAY: Duration = Duration::from_hours(24);

/// Leaves a job for each seller whose schedule is due, and says when it is due next, both at once.
pub(super) async fn leave_due(app: &App) -> Result<(), PayoutError> {
    let now = app.now();
    for (seller, due_at) in sellers::due(&app.db, now, 200).await? {
        let (turn, next) = match schedule::read(&seller.payout_schedule) {
            Ok((Some(schedule), _)) => (schedule.latest(now), schedule.next(now).map(|next| next.at)),
            Ok((None, _)) => (None, None),
            Err(fault) => {
                tracing::error!(seller = %seller.id, %fault, "a seller's payout schedule cannot be read");
                (None, Some(now.plus(DAY)))
            }
        };
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            if sellers::next_due(&mut tx, &seller.id, due_at, next).await?
                && let Some(turn) = &turn
            {
                jobs::turn(&mut tx, &seller, &turn.period, now).await?;
            }
            tx.commit().await
        })
        .await?;
        app.wake.notify_one();
    }
    Ok(())
}

/// Puts schedules back to their next turn that a clock which ran ahead has put off beyond it.
///
/// # Errors
/// When the database fails.
pub async fn pull_back(app: &App) -> Result<(), DbError> {
    let now = app.now();
    let [day, week, month] = [1, 7, 31].map(|days| now.furthest(DAY * days));
    for (seller, due_at) in sellers::due_beyond(&app.db, day, week, month, 1000).await? {
        let next = match schedule::read(&seller.payout_schedule) {
            Ok((schedule, _)) => first_due(schedule.as_ref(), now),
            Err(_) => Some(now.plus(DAY)),
        };
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            sellers::next_due(&mut tx, &seller.id, due_at, next).await?;
            tx.commit().await
        })
        .await?;
    }
    Ok(())
}

/// Takes one turn; the key names seller and period.
pub async fn take_turn(app: &App, key: &str) -> Result<Verdict, PayoutError> {
    let Some((seller, period)) = key.split_once(':') else { return Ok(Verdict::Done) };
    let Ok(seller) = SellerId::parse(seller) else { return Ok(Verdict::Done) };
    let Some(seller) = sellers::find(&app.db, &seller).await? else { return Ok(Verdict::Done) };
    let Ok((Some(schedule), _)) = schedule::read(&seller.payout_schedule) else { return Ok(Verdict::Done) };
    for wallet in wallets::of_seller(&app.db, &seller.tenant, &seller.id).await? {
        for tried in 1.. {
            match pay(app, &seller, &schedule, period, &wallet).await {
                Err(AskError::Books(WalletError::NotEnough { .. })) if tried < TRIES => {}
                Err(AskError::Db(error) | AskError::Books(WalletError::Db(error)))
                    if error.may_retry() && tried < TRIES => {}
                Err(AskError::Db(error)) => return Err(error.into()),
                Err(AskError::Books(error)) => return Err(error.into()),
                _ => break,
            }
        }
    }
    app.wake.notify_one();
    Ok(Verdict::Done)
}

/// One currency of a turn, in one transaction with the row that says that it was taken.
async fn pay(app: &App, seller: &Seller, schedule: &Schedule, period: &str, wallet: &Wallet) -> Result<(), AskError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let (tenant, currency) = (&seller.tenant, wallet.currency);
    let mut batch = Batch { seller, currency, period, available: 0, payable: 0, payout: None, outcome: "begun" };
    if !store::begin_batch(&mut tx, &batch, now).await? {
        return Ok(());
    }
    let wallets = wallets::of_seller(&mut tx, tenant, &seller.id).await?;
    batch.available = wallets.iter().find(|it| it.currency == currency).map_or(0, |it| it.available);
    let young = came_within(&mut tx, seller, schedule.delay_days, currency, now).await?;
    let recent = came_within(&mut tx, seller, schedule.reserve_days, currency, now).await?;
    match schedule::payable(schedule, currency, Funds { available: batch.available, young, recent }) {
        Err(short) => batch.outcome = short.as_str(),
        Ok(amount) => {
            batch.payable = amount.minor();
            let new = NewPayout {
                seller: seller.id.clone(),
                amount: amount.to_string(),
                currency,
                metadata: json!({}),
                period: Some(period.to_owned()),
                asked_by: SCHEDULE.to_owned(),
            };
            match ask(app, &mut tx, tenant, new, now).await {
                Ok(payout) => {
                    batch.payout = Some(payout.id);
                    batch.outcome = "paid_out";
                }
                // Refused before anything was written.
                Err(AskError::Closed(closed)) => batch.outcome = closed.code(),
                Err(AskError::NoProvider(_)) => batch.outcome = "no_provider",
                Err(other) => return Err(other),
            }
        }
    }
    store::finish_batch(&mut tx, &batch).await?;
    Ok(tx.commit().await?)
}

/// What became available within so many days, in minor units.
pub(super) async fn came_within(
    on: impl Into<On<'_>>,
    seller: &Seller,
    days: u16,
    currency: Currency,
    now: Timestamp,
) -> Result<i64, DbError> {
    if days == 0 {
        return Ok(0);
    }
    store::became_available(on, &seller.tenant, &seller.id, currency, now.minus(DAY * u32::from(days))).await
}

/// When a schedule that is set now is first due: not for a turn that lies behind.
#[must_use]
pub fn first_due(schedule: Option<&Schedule>, now: Timestamp) -> Option<Timestamp> {
    schedule.and_then(|schedule| schedule.next(now)).map(|Turn { at, .. }| at)
}

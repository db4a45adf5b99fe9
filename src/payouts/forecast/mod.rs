//! Forecast: when money that a seller is about to be paid could leave for their bank, how much of it, and what would keep it.
//!
//! It is reckoned with what turns of a schedule and payouts by hand are reckoned with, as if nothing else happened meanwhile.
//! Writes nothing.

mod reckon;

use crate::db::{Db, DbError};
use crate::merchants::policies::Policies;
use crate::merchants::sellers::{self, Seller};
use crate::wallets;
use crate::words::{Money, SellerId, Tenant, Timestamp};

use super::schedule::{self, Schedule};
use super::{gate, turn};

pub use reckon::{Forecast, Reason};
use reckon::{Terms, reckon};

/// What a seller is about to be paid.
#[derive(Debug, Clone)]
pub struct Coming {
    /// Who.
    pub seller: SellerId,
    /// How much, after the platform's fee.
    pub net: Money,
    /// When it counts as delivered if nobody says so before; never by itself when absent.
    pub fulfilled_at: Option<Timestamp>,
}

/// Says when `coming` could leave; `None` when there is no such seller.
///
/// # Errors
/// When the database fails.
pub async fn forecast(
    db: &Db,
    tenant: &Tenant,
    policies: &Policies,
    coming: &Coming,
    now: Timestamp,
) -> Result<Option<Forecast>, DbError> {
    let Some(seller) = sellers::get(db, tenant, &coming.seller).await? else { return Ok(None) };
    let currency = coming.net.currency();
    let wallets = wallets::of_seller(db, tenant, &seller.id).await?;
    let available = wallets.iter().find(|wallet| wallet.currency == currency).map_or(0, |wallet| wallet.available);
    let schedule = schedule_of(&seller);
    let recent = match &schedule {
        Some(schedule) => turn::came_within(db, &seller, schedule.reserve_days, currency, now).await?,
        None => 0,
    };
    let terms = Terms {
        schedule: schedule.as_ref(),
        interval: seller.payout_schedule["interval"].as_str().unwrap_or("manual").to_owned(),
        closed: gate(&seller, now).err(),
        approval_above: policies.payout_approval_above.get(&currency).copied(),
        available,
        recent,
    };
    Ok(Some(reckon(&terms, coming, now)))
}

/// One that cannot be read pays nothing by itself, and the turns say so in the log.
fn schedule_of(seller: &Seller) -> Option<Schedule> {
    schedule::read(&seller.payout_schedule).ok().and_then(|(schedule, _)| schedule)
}

//! Looking at the invariants all the time without reading everything all the time.
//!
//! Promises: each payment that changed (a journal of it was sealed, or it has a new event) is held against the very laws of the full
//! check, and each seller account that moved against its wallet, once per change; every six hours everything is looked at, which also
//! finds what changed without a trace. A break stays shown until a later look finds it mended. Refuses to repair.

mod chain;
mod found;
mod standing;
mod store;

use std::time::Duration;

use super::check::{Finding, Scope, State, check_kept};
use super::store::{CHAIN, CHECKS, Question, open as listed};
use crate::db::{Db, DbError};
use crate::queue::renewing;
use crate::words::{Tenant, Timestamp};
use tokio::sync::Mutex;

pub use chain::chain_goes_on;
use found::{Count, Found};
pub use standing::{Law, Standing, StandingError, standing};
use store::Touched;
pub use store::{Break, Seen};

/// How often everything is looked at.
const FULL: Duration = Duration::from_hours(6);
/// Sealed journals, and events, of one question. The laws join what a stretch is about with itself, and no database knows
/// beforehand how much that is, so it is kept little.
const STRIDE: i64 = 100;
/// How long one process has the watch to itself without a word, unless it lets go before.
const TURN: Duration = Duration::from_mins(2);
/// How often it says that it is still at it.
const RENEWAL: Duration = Duration::from_secs(30);

/// The laws that can be asked of some payments and payouts alone. Wallets have a question of their own; the others wait for the look
/// at everything.
const NARROW: [&str; 8] = [
    "debits_equal_credits",
    "orders_are_posted",
    "refunds_within_captured",
    "one_capture_per_checkout",
    "final_states_are_told",
    "orders_wait_for_delivery",
    "payouts_are_posted",
    "provider_agrees",
];

/// The stretch of the chain and of the log of events that a look is about: after the first number, up to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    sealed: (i64, i64),
    events: (i64, i64),
}

impl Stretch {
    /// The next one after these places of the chain and the log, of which these are the ends.
    fn after((position, event_position): (i64, i64), (sealed, events): (i64, i64)) -> Self {
        let upto = |from: i64, end: i64| (from, end.min(from.saturating_add(STRIDE)).max(from));
        Self { sealed: upto(position, sealed), events: upto(event_position, events) }
    }

    /// Whether there is more after it.
    const fn ends_before(self, (sealed, events): (i64, i64)) -> bool {
        self.sealed.1 < sealed || self.events.1 < events
    }
}

/// Looks at what changed since the last look, unless another process does; says whether there is more.
///
/// # Errors
/// When the database fails.
pub async fn look(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let until = Mutex::new(now.plus(TURN));
    if !store::take(db, now, *until.lock().await, now.furthest(TURN)).await? {
        return Ok(false);
    }
    let more = renewing(RENEWAL, || keep(db, &until), look_on(db, now)).await;
    store::leave(db, until.into_inner()).await?;
    more
}

/// Keeps the watch for as long again as has passed. When that fails, another process may look at the same: it is found once.
async fn keep(db: &Db, until: &Mutex<Timestamp>) {
    let mut until = until.lock().await;
    let longer = until.plus(RENEWAL);
    match store::renew(db, *until, longer).await {
        Ok(true) => *until = longer,
        Ok(false) => tracing::warn!("another process watches the books as well"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the watch over the books cannot be kept");
        }
    }
}

async fn look_on(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let seen = store::seen(db).await?;
    if seen.full_at.is_none_or(|at| now >= at.plus(FULL) || at > now.furthest(FULL)) {
        return everything(db, now).await.map(|()| true);
    }
    let ends = store::ends(db).await?;
    let stretch = Stretch::after((seen.position, seen.event_position), ends);
    let touched = store::touched(db, stretch).await?;
    let found = changed(db, stretch, &touched).await?;
    let payments = i64::try_from(touched.payments.len()).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    if store::advance(&mut tx, &seen, stretch, payments, now).await? {
        found.keep(&mut tx, now).await?;
        tx.commit().await?;
    }
    Ok(stretch.ends_before(ends))
}

/// What the laws say of the payments and sellers of a stretch, every break confirmed by asking the tenant's whole books: only then can
/// it not be that a law looked beyond the stretch.
async fn changed(db: &Db, stretch: Stretch, touched: &Touched) -> Result<Found, DbError> {
    let mut found = Found::default();
    if suspicious(db, stretch, touched).await? {
        for tenant in store::tenants(db, stretch).await? {
            found.add(broken(db, Scope::Tenant(&tenant), Some(&tenant)).await?);
        }
    }
    Ok(found)
}

/// Whether any law is broken by what a stretch alone shows.
async fn suspicious(db: &Db, stretch: Stretch, touched: &Touched) -> Result<bool, DbError> {
    let mut suspects = store::wallets(db, stretch).await?;
    if !(touched.payments.is_empty() && touched.payouts.is_empty()) {
        for outline in CHECKS.iter().filter(|outline| NARROW.contains(&outline.name)) {
            if let Question::Ask { broken, .. } | Question::AskIfTold { broken, .. } = outline.question {
                suspects |= store::any_broken(db, broken, touched).await?;
            }
        }
    }
    Ok(suspects)
}

/// Looks at everything, and forgets the breaks that are mended.
async fn everything(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let seen = store::seen(db).await?;
    let (sealed, events) = store::ends(db).await?;
    let house = broken(db, Scope::Everything, None).await?;
    let mut found = Found::default();
    if !house.breaks.is_empty() {
        // Whose they are is asked one by one, so that each merchant is told of its own; what is nobody's is kept too.
        for tenant in store::all_tenants(db).await? {
            found.add(broken(db, Scope::Tenant(&tenant), Some(&tenant)).await?);
        }
        let left = house.without(&found);
        found.add(left);
    }
    let mut tx = db.begin().await?;
    if store::begin_anew(&mut tx, &seen, (sealed, events), now).await? {
        found.keep(&mut tx, now).await?;
        store::forget_mended(&mut tx, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn broken(db: &Db, scope: Scope<'_>, tenant: Option<&Tenant>) -> Result<Found, DbError> {
    let mut found = Found::default();
    for check in check_kept(db, scope).await?.checks.into_iter().filter(|check| check.state == State::Broken) {
        found.counts.push(Count { check: check.name, tenant: tenant.cloned(), broken: check.broken });
        found.breaks.extend(check.findings.into_iter().map(|Finding { subject, detail }| Break {
            check: check.name.to_owned(),
            tenant: tenant.cloned(),
            subject,
            detail,
        }));
    }
    Ok(found)
}

/// How far the watch has looked, and the breaks it knows of: of one tenant or, for who runs the gateway, of all.
///
/// # Errors
/// When the database fails.
pub async fn seen(db: &Db) -> Result<Seen, DbError> {
    store::seen(db).await
}

/// The breaks of one tenant that no later look has found mended, the first found first.
///
/// # Errors
/// When the database fails.
pub async fn breaks(db: &Db, tenant: &Tenant) -> Result<Vec<(Break, Timestamp)>, DbError> {
    store::breaks(db, tenant).await
}

/// How many breaks there are, by the name of every check.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &Db) -> Result<Vec<(&'static str, i64)>, DbError> {
    let kept = store::counts(db).await?;
    let mut counts = Vec::with_capacity(CHECKS.len());
    for outline in CHECKS {
        let kept = kept.iter().find(|(of, _)| of == outline.name).map_or(0, |(_, count)| *count);
        let open = match outline.question {
            Question::AskIfTold { open, .. } => listed(db, Scope::Everything, open).await?.0,
            Question::Ask { .. } | Question::Guards | Question::Sealer => 0,
        };
        counts.push((outline.name, kept.saturating_add(open)));
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::GATEWAY;

    #[tokio::test]
    async fn a_watch_that_is_kept_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display()), 3).await.unwrap();
        db.migrate(&GATEWAY).await.unwrap();
        let now = Timestamp::from_unix_seconds(1_760_000_000);
        let taken = async |at: Timestamp| store::take(&db, at, at.plus(TURN), at.furthest(TURN)).await.unwrap();
        let until = Mutex::new(now.plus(TURN));
        assert!(taken(now).await);
        keep(&db, &until).await;
        assert!(!taken(now.plus(TURN)).await, "it is kept");
        let later = now.plus(TURN + RENEWAL);
        assert!(taken(later).await);
        let before = *until.lock().await;
        keep(&db, &until).await;
        assert_eq!(*until.lock().await, before, "it was lost");
        // Nor is it left to a clock that ran ahead.
        assert!(taken(later.minus(TURN * 3)).await);
    }
}

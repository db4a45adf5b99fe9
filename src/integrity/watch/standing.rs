//! How one merchant's books stand, said without reading them all: what the watch has found, and what changed since it looked.

use super::store::{self, Seen};
use super::{CHECKS, Found, Question, Scope, Stretch, broken, listed, suspicious};
use crate::db::{Db, DbError};
use crate::integrity::check::{Check, Finding, State, guards};
use crate::integrity::store::has_told;
use crate::words::{Tenant, Timestamp};
use tokio::sync::Semaphore;

/// Stretches that one answer looks at, at most.
const STRETCHES: u32 = 10;

/// Why it is not said how the books stand.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// Others have everything asked at this moment.
    #[error("the books are being checked already")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How the books of one merchant stand.
#[derive(Debug, Clone)]
pub struct Standing {
    /// How far the watch had looked.
    pub seen: Seen,
    /// Whether more has changed since than one answer looks at. What nobody has looked at is not said to hold.
    pub behind: bool,
    /// In the order of the invariants.
    pub laws: Vec<Law>,
}

/// One invariant and how it stands.
#[derive(Debug, Clone)]
pub struct Law {
    /// What it says, its state and how many breaks are known; it does not say how many rows were looked at.
    pub check: Check,
    /// When each of its findings was found, in their order.
    pub found_at: Vec<Timestamp>,
}

/// How the books of `tenant` stand at `now`. Costs the same however much is in them; only before the watch has ever looked
/// or where something looks wrong is everything of the tenant asked; each of those takes one of `turns`.
///
/// # Errors
/// [`StandingError::Busy`] when everything would have to be asked and others have that done already.
pub async fn standing(db: &Db, turns: &Semaphore, tenant: &Tenant, now: Timestamp) -> Result<Standing, StandingError> {
    let seen = store::seen(db).await?;
    let mut known = if seen.full_at.is_none() { Vec::new() } else { store::breaks(db, tenant).await? };
    let (unseen, behind) = unseen(db, turns, tenant, &seen).await?;
    let mut counts = if seen.full_at.is_none() { Vec::new() } else { store::counts_of(db, tenant).await? };
    counts.extend(unseen.counts.into_iter().map(|count| (count.check.to_owned(), count.broken)));
    for one in unseen.breaks {
        if !known.iter().any(|(before, _)| (&before.check, &before.subject) == (&one.check, &one.subject)) {
            known.push((one, now));
        }
    }
    let mut laws = Vec::with_capacity(CHECKS.len());
    for outline in CHECKS {
        let (mut check, mut found_at) = (Check::unasked(outline), Vec::new());
        match outline.question {
            Question::Guards => {
                guards(db, &mut check).await?;
                found_at = check.findings.iter().map(|_| now).collect();
            }
            Question::Sealer => {
                (check.findings, found_at) = store::of_the_house(db, outline.name).await?.into_iter().unzip();
                check.broken = i64::try_from(check.findings.len()).unwrap_or(i64::MAX);
                check.state = if check.broken == 0 { State::Holds } else { State::Broken };
            }
            Question::Ask { .. } | Question::AskIfTold { .. } => {
                for (one, at) in known.iter().filter(|(one, _)| one.check == outline.name) {
                    check.findings.push(Finding { subject: one.subject.clone(), detail: one.detail.clone() });
                    found_at.push(*at);
                }
                // Only the first few are kept by name.
                let counted = counts.iter().filter(|(name, _)| name == outline.name).map(|(_, broken)| *broken);
                check.broken = counted.max().unwrap_or(0).max(i64::try_from(check.findings.len()).unwrap_or(i64::MAX));
                check.state = match check.broken {
                    0 if behind => State::NotChecked,
                    0 => State::Holds,
                    _ => State::Broken,
                };
                if let Question::AskIfTold { open, untold, .. } = outline.question {
                    let (found, open) = listed(db, Scope::Tenant(tenant), open).await?;
                    found_at.extend(open.iter().map(|(_, at)| *at));
                    check.add_open(found, open.into_iter().map(|(finding, _)| finding));
                    if check.broken == 0 && !has_told(db, tenant).await? {
                        check.state = State::NotChecked;
                        check.findings.push(Finding { subject: String::new(), detail: untold.to_owned() });
                    }
                }
            }
        }
        laws.push(Law { check, found_at });
    }
    Ok(Standing { seen, behind, laws })
}

/// What nobody has looked at yet: everything before the watch's first look, else what changed since its last one. And whether
/// there is more of that than an answer looks at.
async fn unseen(db: &Db, turns: &Semaphore, tenant: &Tenant, seen: &Seen) -> Result<(Found, bool), StandingError> {
    let mut behind = false;
    if seen.full_at.is_some() {
        let ends = store::ends(db).await?;
        let (mut from, mut suspects) = ((seen.position, seen.event_position), false);
        for _ in 0..STRETCHES {
            let stretch = Stretch::after(from, ends);
            let touched = store::touched(db, stretch).await?;
            suspects |= suspicious(db, stretch, &touched).await? && store::tenants(db, stretch).await?.contains(tenant);
            behind = stretch.ends_before(ends);
            if suspects || !behind {
                break;
            }
            from = (stretch.sealed.1, stretch.events.1);
        }
        if !suspects {
            return Ok((Found::default(), behind));
        }
    }
    let Ok(_turn) = turns.try_acquire() else { return Err(StandingError::Busy) };
    // Everything of the tenant was asked: nothing of it is behind.
    Ok((broken(db, Scope::Tenant(tenant), Some(tenant)).await?, false))
}

impl Standing {
    /// How all of it stands: broken when anything is, and nothing holds that nobody has looked at.
    #[must_use]
    pub fn state(&self) -> State {
        if self.laws.iter().any(|law| law.check.state == State::Broken) {
            State::Broken
        } else if self.behind {
            State::NotChecked
        } else {
            State::Holds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::GATEWAY;
    use crate::words::{MerchantId, Mode};

    #[tokio::test]
    async fn who_finds_no_turn_to_ask_everything_is_turned_away() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display()), 3).await.unwrap();
        db.migrate(&GATEWAY).await.unwrap();
        let (tenant, now) = (Tenant::new(MerchantId::new(), Mode::Test), Timestamp::from_unix_seconds(0));
        let turns = Semaphore::new(1);
        let taken = turns.acquire().await.unwrap();
        assert!(matches!(standing(&db, &turns, &tenant, now).await, Err(StandingError::Busy)));
        drop(taken);
        assert!(standing(&db, &turns, &tenant, now).await.is_ok());
    }
}

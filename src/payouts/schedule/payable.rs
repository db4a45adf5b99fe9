//! How much of what is available a turn pays out. Pure.

use super::Schedule;
use crate::words::{Currency, Money};

/// Why a turn pays nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// Nothing is there, or what is there is too young or held back.
    Nothing,
    /// Less than the schedule's minimum.
    BelowMinimum,
}

impl Short {
    /// As the record of turns says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing_payable",
            Self::BelowMinimum => "below_minimum",
        }
    }
}

/// What there is to pay out of, in minor units.
#[derive(Debug, Clone, Copy, Default)]
pub struct Funds {
    /// What is available; below zero when the seller owes.
    pub available: i64,
    /// What of it came within the schedule's delay.
    pub young: i64,
    /// What of it came within the days of the schedule's reserve; not looked at when it has none.
    pub recent: i64,
}

/// What of a seller's money a turn pays out.
///
/// What leaves is taken for the oldest money, so the young stays; the reserve stays too, rounded in its favor: of what came
/// within its days, or else of everything available. The two are not added: reserved money may be young.
///
/// More than an amount can be leaves in several turns.
///
/// # Errors
/// [`Short`] when it is nothing or not worth a transfer.
pub fn payable(schedule: &Schedule, currency: Currency, funds: Funds) -> Result<Money, Short> {
    let there = funds.available.max(0);
    let minor = there.saturating_sub(reserve(schedule, funds).max(funds.young.max(0)));
    let amount =
        Money::of(minor.min(Money::MOST), currency).filter(|amount| !amount.is_zero()).ok_or(Short::Nothing)?;
    match schedule.minimum.get(&currency) {
        Some(minimum) if amount.minor() < minimum.minor() => Err(Short::BelowMinimum),
        _ => Ok(amount),
    }
}

/// What the schedule's reserve keeps, in minor units.
pub(in crate::payouts) fn reserve(schedule: &Schedule, funds: Funds) -> i64 {
    let of = if schedule.reserve_days == 0 { funds.available } else { funds.recent };
    let kept = i128::from(of.max(0)) * i128::from(schedule.reserve_ppm);
    i64::try_from((kept + 999_999) / 1_000_000).unwrap_or(i64::MAX)
}

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

/// What of `available` is paid out, when `young` of it came within the schedule's delay. All in minor units; `available` is
/// below zero when the seller owes.
///
/// What leaves is taken for the oldest money, so the young stays; of everything available the reserve stays too, rounded
/// in its favor. The two are not added: reserved money may be young.
///
/// # Errors
/// [`Short`] when it is nothing or not worth a transfer.
pub fn payable(schedule: &Schedule, currency: Currency, available: i64, young: i64) -> Result<Money, Short> {
    let there = available.max(0);
    let kept = i128::from(there) * i128::from(schedule.reserve_ppm);
    let kept = i64::try_from((kept + 999_999) / 1_000_000).unwrap_or(i64::MAX);
    let minor = there.saturating_sub(kept.max(young.max(0)));
    let amount = Money::of(minor, currency).filter(|amount| !amount.is_zero()).ok_or(Short::Nothing)?;
    match schedule.minimum.get(&currency) {
        Some(minimum) if amount.minor() < minimum.minor() => Err(Short::BelowMinimum),
        _ => Ok(amount),
    }
}

//! The reckoning. Pure: `now` is an argument.

use super::Coming;
use crate::payouts::Closed;
use crate::payouts::schedule::{Funds, Schedule, Short, payable, reserve};
use crate::payouts::turn::DAY;
use crate::words::{Money, Timestamp};

/// What decides about a seller's next money.
pub(super) struct Terms<'a> {
    /// None when payouts are made by hand.
    pub schedule: Option<&'a Schedule>,
    /// Its name.
    pub interval: String,
    /// Why nothing may be paid out now.
    pub closed: Option<Closed>,
    /// Payouts above need a second person.
    pub approval_above: Option<Money>,
    /// What the seller has available already, in minor units; below zero when they owe.
    pub available: i64,
    /// What of it came within the days of the schedule's reserve.
    pub recent: i64,
}

/// When a seller's money could leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// How often the seller is paid out: manual, daily, weekly, monthly.
    pub interval: String,
    /// If it were delivered at once. None when it would not leave before somebody does something else.
    pub earliest_at: Option<Timestamp>,
    /// If nobody says before that it is delivered. None when only the merchant's word delivers it, too.
    pub expected_at: Option<Timestamp>,
    /// What could leave with it, of what the seller has available and this together. None when nothing would.
    pub amount: Option<Money>,
    /// What decides, each with a sentence.
    pub reasons: Vec<Reason>,
}

/// One thing that decides when a seller's money leaves, or keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing says when it is delivered.
    #[error("it stays pending until the merchant says that it is fulfilled")]
    AwaitsFulfillment,
    /// The merchant's days.
    #[error("it is pending until the merchant says that it is fulfilled, or by itself at {0}")]
    FulfilledByTime(Timestamp),
    /// No schedule.
    #[error("the seller has no schedule: a payout has to be asked for once the money is available")]
    ByHand,
    /// A schedule, and so its days and hours.
    #[error("the seller's schedule pays out on its own days only")]
    OnSchedule,
    /// The schedule's delay.
    #[error("the seller's schedule pays out only what has been available for {0} days")]
    Delay(u16),
    /// The schedule's reserve.
    #[error("the seller's schedule keeps {0} as a reserve")]
    Reserve(Money),
    /// The schedule's minimum.
    #[error("the seller's schedule pays out no less than {0} at once: it waits for more")]
    BelowMinimum(Money),
    /// The seller is in debt.
    #[error("the seller owes {0}, which is kept first")]
    Owes(Money),
    /// The seller's gate is shut, or opens later.
    #[error("{0}")]
    Closed(Closed),
    /// Too much for one person.
    #[error("a payout above {0} waits for a second person")]
    Approval(Money),
}

impl Reason {
    /// Its name in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitsFulfillment => "awaits_fulfillment",
            Self::FulfilledByTime(_) => "fulfilled_by_time",
            Self::ByHand => "paid_out_by_hand",
            Self::OnSchedule => "paid_out_by_schedule",
            Self::Delay(_) => "delay",
            Self::Reserve(_) => "reserve",
            Self::BelowMinimum(_) => "below_minimum",
            Self::Owes(_) => "seller_owes",
            Self::Closed(closed) => closed.code(),
            Self::Approval(_) => "needs_approval",
        }
    }
}

/// When `coming` could leave under these terms, and why then.
pub(super) fn reckon(terms: &Terms<'_>, coming: &Coming, now: Timestamp) -> Forecast {
    let currency = coming.net.currency();
    let mut reasons = vec![match coming.fulfilled_at {
        Some(at) => Reason::FulfilledByTime(at),
        None => Reason::AwaitsFulfillment,
    }];
    match terms.schedule {
        None => reasons.push(Reason::ByHand),
        Some(schedule) => {
            reasons.push(Reason::OnSchedule);
            reasons.extend((schedule.delay_days > 0).then_some(Reason::Delay(schedule.delay_days)));
        }
    }
    reasons.extend(Money::of(terms.available.saturating_neg(), currency).filter(|it| !it.is_zero()).map(Reason::Owes));
    let amount = amount(terms, coming, &mut reasons);
    reasons.extend(terms.closed.map(Reason::Closed));
    if let (Some(limit), Some(amount)) = (terms.approval_above, amount)
        && amount.minor() > limit.minor()
    {
        reasons.push(Reason::Approval(limit));
    }
    // Only time opens the gate by itself; a missing account or name is somebody's to give.
    let opens_at = match terms.closed {
        None => Some(now),
        Some(Closed::Cooling(until)) => Some(until),
        Some(Closed::NoDestination | Closed::NotVerified(_) | Closed::Failed(_)) => None,
    };
    let leaves = |delivered: Timestamp| {
        let (opens_at, _) = opens_at.zip(amount)?;
        let Some(schedule) = terms.schedule else { return Some(delivered.max(opens_at)) };
        let old_enough = delivered.plus(DAY * u32::from(schedule.delay_days));
        let before = Timestamp::from_micros(opens_at.micros().saturating_sub(1));
        schedule.next(old_enough.max(before)).map(|turn| turn.at)
    };
    Forecast {
        interval: terms.interval.clone(),
        earliest_at: leaves(now),
        expected_at: coming.fulfilled_at.and_then(leaves),
        amount,
        reasons,
    }
}

/// What would leave of what is there and what comes.
fn amount(terms: &Terms<'_>, coming: &Coming, reasons: &mut Vec<Reason>) -> Option<Money> {
    let (currency, net) = (coming.net.currency(), coming.net.minor());
    let available = terms.available.saturating_add(net);
    let Some(schedule) = terms.schedule else {
        return Money::of(available.min(net).min(Money::MOST), currency).filter(|amount| !amount.is_zero());
    };
    let funds = Funds { available, young: 0, recent: terms.recent.saturating_add(net) };
    let kept = Money::of(reserve(schedule, funds).min(Money::MOST), currency);
    reasons.extend(kept.filter(|kept| !kept.is_zero()).map(Reason::Reserve));
    match payable(schedule, currency, funds) {
        Ok(amount) => Some(amount),
        Err(Short::BelowMinimum) => {
            reasons.extend(schedule.minimum.get(&currency).copied().map(Reason::BelowMinimum));
            None
        }
        Err(Short::Nothing) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payouts::schedule::read;
    use crate::words::{Currency, SellerId};
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::of(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn coming(net: i64, fulfilled_at: Option<&str>) -> Coming {
        Coming { seller: SellerId::new(), net: usd(net), fulfilled_at: fulfilled_at.map(at) }
    }

    fn terms(schedule: Option<&Schedule>) -> Terms<'_> {
        Terms { schedule, interval: "x".to_owned(), closed: None, approval_above: None, available: 0, recent: 0 }
    }

    fn codes(forecast: &Forecast) -> Vec<&'static str> {
        forecast.reasons.iter().map(|reason| reason.code()).collect()
    }

    #[test]
    fn by_hand_it_may_leave_when_it_is_delivered_and_the_gate_is_open() {
        let now = at("2026-11-22T10:00:00Z");
        let said = reckon(&terms(None), &coming(900, Some("2026-11-29T10:00:00Z")), now);
        assert_eq!((said.earliest_at, said.expected_at), (Some(now), Some(at("2026-11-29T10:00:00Z"))));
        assert_eq!((said.amount, codes(&said)), (Some(usd(900)), vec!["fulfilled_by_time", "paid_out_by_hand"]));
        let cooling = Terms { closed: Some(Closed::Cooling(at("2026-11-23T00:00:00Z"))), ..terms(None) };
        let said = reckon(&cooling, &coming(900, None), now);
        assert_eq!((said.earliest_at, said.expected_at), (Some(at("2026-11-23T00:00:00Z")), None));
        assert_eq!(codes(&said), ["awaits_fulfillment", "paid_out_by_hand", "payout_destination_held"]);
        for closed in
            [Closed::NoDestination, Closed::NotVerified("rejected"), Closed::Failed(at("2026-11-22T00:00:00Z"))]
        {
            let said = reckon(&Terms { closed: Some(closed), ..terms(None) }, &coming(900, None), now);
            assert_eq!((said.earliest_at, codes(&said)[2]), (None, closed.code()));
        }
        let owing = Terms { available: -1_000, ..terms(None) };
        let said = reckon(&owing, &coming(900, None), now);
        assert_eq!((said.amount, said.earliest_at, codes(&said)[2]), (None, None, "seller_owes"));
        let said = reckon(&Terms { available: -100, ..terms(None) }, &coming(900, None), now);
        assert_eq!(said.amount, Some(usd(800)));
    }

    #[test]
    fn by_schedule_it_leaves_at_a_turn_in_the_sellers_zone_after_its_delay() {
        let weekly = json!({"interval": "weekly", "weekday": "monday", "time_zone": "Asia/Seoul", "delay_days": 2});
        let schedule = read(&weekly).unwrap().0.unwrap();
        // Sunday noon in UTC; Monday begins in Seoul at 15:00 UTC, and that one comes within the two days.
        let now = at("2026-11-22T12:00:00Z");
        let said = reckon(&terms(Some(&schedule)), &coming(900, Some("2026-11-27T15:00:00Z")), now);
        assert_eq!(said.earliest_at, Some(at("2026-11-29T15:00:00Z")));
        // Two days after its delivery the turn itself is not over: what is as old as the delay is still young.
        assert_eq!(said.expected_at, Some(at("2026-12-06T15:00:00Z")));
        assert_eq!(codes(&said), ["fulfilled_by_time", "paid_out_by_schedule", "delay"]);
        let cooling = Terms { closed: Some(Closed::Cooling(at("2026-11-29T15:00:00Z"))), ..terms(Some(&schedule)) };
        assert_eq!(reckon(&cooling, &coming(900, None), now).earliest_at, Some(at("2026-11-29T15:00:00Z")));
        let cooling = Terms { closed: Some(Closed::Cooling(at("2026-11-29T15:00:01Z"))), ..cooling };
        assert_eq!(reckon(&cooling, &coming(900, None), now).earliest_at, Some(at("2026-12-06T15:00:00Z")));
    }

    #[test]
    fn reserve_minimum_and_approval_are_said() {
        let daily =
            json!({"interval": "daily", "reserve_ppm": 100_000, "reserve_days": 30, "minimum": {"USD": "5.00"}});
        let schedule = read(&daily).unwrap().0.unwrap();
        let now = at("2026-11-22T12:00:00Z");
        let rich = Terms { available: 100, recent: 1_000, approval_above: Some(usd(500)), ..terms(Some(&schedule)) };
        let said = reckon(&rich, &coming(900, None), now);
        // A tenth of 10.00 and 9.00 stays of 1.00 and 9.00.
        assert_eq!((said.amount, said.earliest_at), (Some(usd(810)), Some(at("2026-11-23T00:00:00Z"))));
        assert_eq!(codes(&said), ["awaits_fulfillment", "paid_out_by_schedule", "reserve", "needs_approval"]);
        let said = reckon(&terms(Some(&schedule)), &coming(400, None), now);
        assert_eq!((said.amount, said.earliest_at), (None, None));
        assert_eq!(codes(&said), ["awaits_fulfillment", "paid_out_by_schedule", "reserve", "below_minimum"]);
        assert!(said.reasons.iter().any(|reason| reason.to_string().contains("5.00")));
    }
}

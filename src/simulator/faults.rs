//! Faults switched on by an admin call: what a real PSP does on its bad days, on demand and repeatable by seed.
//!
//! They live in memory: a restart of the stand-in ends them, its record stays.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What a call to the stand-in does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `POST /v1/payments`
    Register,
    /// `POST /v1/payments/{id}/confirm`
    Confirm,
    /// `POST /v1/payments/{id}/capture`
    Capture,
    /// `POST /v1/payments/{id}/void`
    Void,
    /// `POST /v1/payments/{id}/refund`
    Refund,
    /// `POST /v1/payments/{id}/abandon`
    Abandon,
    /// `POST /v1/disputes/{id}/evidence` and `/accept`
    Evidence,
    /// `GET /v1/payments/{id}`, `GET /v1/disputes/{id}` and the searches
    Lookup,
    /// `POST /v1/payouts`
    Payout,
    /// `GET /v1/payouts/{id}` and the search
    PayoutLookup,
    /// A payout that is paid, fails or comes back by itself: only webhook faults apply.
    PayoutCompletion,
    /// `GET /v1/settlements`
    Settlement,
    /// The shopper's verdict on the 3-D Secure page: only webhook faults apply.
    Challenge,
    /// A slow or pending payment that finishes by itself: only webhook faults apply.
    Completion,
    /// A dispute that is opened or decided: only webhook faults apply.
    Dispute,
}

/// One kind of bad day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Acts, then closes the connection without an answer.
    LoseResponse,
    /// Does not act; hangs for `delay_ms` and then closes the connection.
    TimeoutBefore,
    /// Does not act; answers 500.
    #[serde(rename = "error_500")]
    Error500,
    /// Acts, and answers 500 all the same.
    #[serde(rename = "error_500_after")]
    Error500After,
    /// Does not act; answers 429 with `Retry-After`.
    #[serde(rename = "rate_limit_429")]
    RateLimit429,
    /// Every webhook of the call is sent twice.
    DuplicateWebhooks,
    /// The webhook of the call is held back (`delay_ms`, default 1500) so that the next one overtakes it.
    WebhooksOutOfOrder,
    /// The webhook is delivered before the call is answered.
    WebhookBeforeResponse,
    /// The webhook comes `delay_ms` later.
    LateWebhook,
    /// The webhook never comes.
    NoWebhook,
    /// A payout is refused, whatever its destination.
    PayoutRejected,
    /// A payout is paid and then sent back, whatever its destination.
    PayoutReturned,
    /// A payout takes `delay_ms` (30000) until it is paid.
    PayoutSlow,
    /// A confirm call under another key charges the card again although the payment was paid: a PSP that knows charges
    /// and no payments. Strikes no call at random; it holds while it is switched on.
    ChargeAgain,
}

/// A switch as the admin sets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only calls of this operation; all when absent.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// How many matching calls it strikes before it ends; without end when absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// How many matching calls pass unharmed before it begins.
    #[serde(default)]
    pub skip: u64,
    /// Of a hundred matching calls, how many it strikes; all when absent.
    #[serde(default)]
    pub percent: Option<u8>,
    /// Where the dice of `percent` begin: the same seed strikes the same calls.
    #[serde(default)]
    pub seed: u64,
    /// For the kinds that wait.
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

/// A switch with what it has done so far.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Its number on the switchboard.
    pub id: u64,
    /// As it was ordered; `skip` counts down.
    #[serde(flatten)]
    pub order: FaultOrder,
    /// How many calls it struck.
    pub struck: u64,
    #[serde(skip)]
    dice: u64,
}

/// What a call meets instead of being executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No answer for so long, then the connection closes.
    Hang {
        /// How long.
        millis: u64,
    },
    /// An answer of 500.
    Error500,
    /// An answer of 429.
    RateLimit {
        /// What `Retry-After` says.
        retry_after_seconds: u64,
    },
}

/// What happens to the webhooks a call causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookFaults {
    /// Sent twice.
    pub twice: bool,
    /// Held back so long.
    pub delay_ms: u64,
    /// Not sent.
    pub never: bool,
    /// Delivered before the call is answered.
    pub before_response: bool,
}

/// What happens to the payout a call orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayoutFaults {
    /// Refused.
    pub reject: bool,
    /// Sent back after it was paid.
    pub comes_back: bool,
    /// Paid after so long.
    pub slow_ms: Option<u64>,
}

/// Everything drawn for one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// The call is not executed, and this is seen instead.
    pub obstacle: Option<Obstacle>,
    /// The answer is lost.
    pub lose_response: bool,
    /// The answer is 500.
    pub error_after: bool,
    /// What happens to its webhooks.
    pub webhooks: WebhookFaults,
    /// What happens to its payout.
    pub payouts: PayoutFaults,
}

/// The switchboard.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Board>);

#[derive(Debug, Default)]
struct Board {
    next_id: u64,
    faults: Vec<Fault>,
}

impl Faults {
    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a fault on.
    pub fn add(&self, order: FaultOrder) -> Fault {
        let mut board = self.board();
        board.next_id += 1;
        let fault = Fault { id: board.next_id, dice: order.seed, order, struck: 0 };
        board.faults.push(fault.clone());
        fault
    }

    /// All switches, the spent ones too.
    pub fn list(&self) -> Vec<Fault> {
        self.board().faults.clone()
    }

    /// Switches one off (`Some(id)`) or all. Says how many were there.
    pub fn remove(&self, id: Option<u64>) -> usize {
        let mut board = self.board();
        let before = board.faults.len();
        board.faults.retain(|fault| id.is_some_and(|id| fault.id != id));
        before - board.faults.len()
    }

    /// Whether a payment that was paid is charged again.
    pub fn charges_again(&self) -> bool {
        self.board().faults.iter().any(|fault| fault.order.kind == FaultKind::ChargeAgain)
    }

    /// Which faults strike this call.
    pub fn draw(&self, operation: Operation) -> Draw {
        let mut draw = Draw::default();
        for fault in &mut self.board().faults {
            let of_calls = fault.order.kind != FaultKind::ChargeAgain;
            if of_calls && fault.order.operation.is_none_or(|only| only == operation) && fault.strikes() {
                draw.add(&fault.order);
            }
        }
        draw
    }
}

impl Fault {
    fn strikes(&mut self) -> bool {
        if self.order.skip > 0 {
            self.order.skip -= 1;
            return false;
        }
        if self.order.count.is_some_and(|count| self.struck >= count) {
            return false;
        }
        let lucky = self.order.percent.is_some_and(|percent| splitmix(&mut self.dice) % 100 >= u64::from(percent));
        if !lucky {
            self.struck += 1;
        }
        !lucky
    }
}

impl Draw {
    fn add(&mut self, order: &FaultOrder) {
        let delay = order.delay_ms;
        match order.kind {
            FaultKind::LoseResponse => self.lose_response = true,
            FaultKind::Error500After => self.error_after = true,
            FaultKind::TimeoutBefore => {
                self.obstacle = Some(Obstacle::Hang { millis: delay.unwrap_or(60_000) });
            }
            FaultKind::Error500 => self.obstacle = Some(Obstacle::Error500),
            FaultKind::RateLimit429 => {
                let retry_after_seconds = delay.unwrap_or(1000).div_ceil(1000);
                self.obstacle = Some(Obstacle::RateLimit { retry_after_seconds });
            }
            FaultKind::DuplicateWebhooks => self.webhooks.twice = true,
            FaultKind::WebhooksOutOfOrder => self.webhooks.delay_ms = delay.unwrap_or(1500),
            FaultKind::LateWebhook => self.webhooks.delay_ms = delay.unwrap_or(5000),
            FaultKind::WebhookBeforeResponse => self.webhooks.before_response = true,
            FaultKind::NoWebhook => self.webhooks.never = true,
            FaultKind::PayoutRejected => self.payouts.reject = true,
            FaultKind::PayoutReturned => self.payouts.comes_back = true,
            FaultKind::PayoutSlow => self.payouts.slow_ms = Some(delay.unwrap_or(30_000)),
            FaultKind::ChargeAgain => {}
        }
    }
}

/// The splitmix64 generator: enough randomness for faults, and the same everywhere.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> FaultOrder {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_fault_strikes_its_operation_after_the_skipped_ones_and_as_often_as_ordered() {
        let faults = Faults::default();
        faults.add(order(r#"{"kind":"lose_response","operation":"confirm","count":2,"skip":1}"#));
        assert!(!faults.draw(Operation::Refund).lose_response);
        let struck: Vec<bool> = (0..5).map(|_| faults.draw(Operation::Confirm).lose_response).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!(faults.list()[0].struck, 2);
        assert_eq!(faults.remove(None), 1);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn the_same_seed_strikes_the_same_calls_about_as_often_as_asked() {
        let run = |seed: u64| {
            let faults = Faults::default();
            faults.add(order(&format!(r#"{{"kind":"error_500","percent":30,"seed":{seed}}}"#)));
            (0..1000).map(|_| faults.draw(Operation::Confirm).obstacle.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((250..350).contains(&hits), "{hits}");
    }

    #[test]
    fn an_unknown_kind_or_field_is_refused() {
        for json in
            [r#"{"kind":"explode"}"#, r#"{"kind":"error_500","often":true}"#, r#"{"kind":"error_500","percent":-1}"#]
        {
            assert!(serde_json::from_str::<FaultOrder>(json).is_err(), "{json}");
        }
    }
}

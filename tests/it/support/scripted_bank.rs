//! A payout provider that answers what a test tells it to, and keeps a record of its own of what was sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tollgate::psp::{Doubt, Finding, NotDone, PayoutOutcome, PayoutProvider, PayoutRequest};
use tollgate::words::Mode;

#[derive(Default)]
pub struct ScriptedBank {
    pub key_lifetime: Mutex<Option<Duration>>,
    /// What comes back from the next orders; `Err`, a failure and a wish for time send nothing, all else sends once per key.
    pub answers: Mutex<VecDeque<Result<PayoutOutcome, NotDone>>>,
    /// So many look-ups are not answered.
    pub away: Mutex<u32>,
    /// Every order that came, by key and minor units.
    pub orders: Mutex<Vec<(String, i64)>>,
    /// What was sent, by key: to where, minor units, and how it stands.
    pub sent: Mutex<BTreeMap<String, (String, i64, PayoutOutcome)>>,
}

impl ScriptedBank {
    pub fn will(&self, answer: Result<PayoutOutcome, NotDone>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// From now on everything that was sent stands so.
    pub fn all_are(&self, outcome: &PayoutOutcome) {
        for (.., state) in self.sent.lock().unwrap().values_mut() {
            *state = outcome.clone();
        }
    }

    /// How often money was sent, and how much in all.
    pub fn sent(&self) -> (usize, i64) {
        let sent = self.sent.lock().unwrap();
        (sent.len(), sent.values().map(|(_, minor, _)| minor).sum())
    }
}

pub fn processing() -> PayoutOutcome {
    PayoutOutcome::Processing { reference: "tr_1".to_owned() }
}

pub fn paid() -> PayoutOutcome {
    PayoutOutcome::Paid { reference: "tr_1".to_owned() }
}

pub fn returned() -> PayoutOutcome {
    PayoutOutcome::Returned { reference: "tr_1".to_owned(), code: "account_closed".to_owned() }
}

pub fn failed() -> PayoutOutcome {
    PayoutOutcome::Failed { code: "invalid_destination".to_owned(), of_destination: true }
}

pub fn lost() -> PayoutOutcome {
    PayoutOutcome::Unknown(Doubt::of("the connection was reset"))
}

#[async_trait::async_trait]
impl PayoutProvider for ScriptedBank {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn sends(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    fn key_lifetime(&self) -> Option<Duration> {
        *self.key_lifetime.lock().unwrap()
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, NotDone> {
        self.orders.lock().unwrap().push((request.key.clone(), request.amount.minor()));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(processing()));
        if let Ok(PayoutOutcome::Failed { .. } | PayoutOutcome::Unknown(Doubt { after: Some(_), .. })) | Err(_) = answer
        {
            return answer;
        }
        let state = answer.clone().ok().filter(|outcome| *outcome != lost()).unwrap_or_else(processing);
        let transfer = (request.destination.clone(), request.amount.minor(), state);
        self.sent.lock().unwrap().entry(request.key.clone()).or_insert(transfer);
        answer
    }

    async fn look_up_payout(&self, key: &str) -> Result<Finding<PayoutOutcome>, NotDone> {
        let mut away = self.away.lock().unwrap();
        if *away > 0 {
            *away -= 1;
            return Err(NotDone::Unreachable { reason: "too many calls".to_owned(), after: None });
        }
        let known = self.sent.lock().unwrap().get(key).map(|(.., state)| state.clone());
        Ok(known.map_or(Finding::NotFound, Finding::Found))
    }
}

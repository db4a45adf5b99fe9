//! The part of it that sends money to sellers' banks. As the rest it trusts keys and nothing else.

use std::time::Duration;

use async_trait::async_trait;
use tollgate::psp::{Doubt, Finding, NotDone, PayoutOutcome, PayoutProvider, PayoutRequest};
use tollgate::words::Mode;

use super::{LIFETIME, Mishap, ModelPsp, Record, answers, away, goes, lost};

/// Bank accounts, by what becomes of money sent there.
pub const FAST: &str = "dest_fast";
pub const SLOW: &str = "dest_slow";

/// What became of an order to send money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// On its way; whoever asks for it finds that it has arrived.
    OnItsWay,
    Arrived,
    /// The bank sent it back.
    CameBack,
    /// It never left.
    Rejected,
}

#[derive(Debug, Clone)]
pub struct Transfer {
    pub amount: i64,
    pub sent: Sent,
}

impl Record {
    /// Keys of what was sent, in the order of the keys.
    pub fn arrived(&self) -> Vec<String> {
        let arrived = self.transfers.iter().filter(|(_, transfer)| transfer.sent == Sent::Arrived);
        arrived.map(|(key, _)| key.clone()).collect()
    }
}

impl ModelPsp {
    /// The seller's bank sends back what arrived under `key`; says whether there was something.
    pub fn send_back(&self, key: &str) -> bool {
        let mut record = self.record();
        let transfer = record.transfers.get_mut(key).filter(|transfer| transfer.sent == Sent::Arrived);
        let Some(transfer) = transfer else { return false };
        transfer.sent = Sent::CameBack;
        record.tells(key, "payout.returned");
        true
    }
}

fn outcome(key: &str, sent: Sent) -> PayoutOutcome {
    let (reference, code) = (format!("tr_of_{key}"), "account_closed".to_owned());
    match sent {
        Sent::OnItsWay => PayoutOutcome::Processing { reference },
        Sent::Arrived => PayoutOutcome::Paid { reference },
        Sent::CameBack => PayoutOutcome::Returned { reference, code },
        Sent::Rejected => PayoutOutcome::Failed { code, of_destination: true },
    }
}

#[async_trait]
impl PayoutProvider for ModelPsp {
    fn name(&self) -> &'static str {
        "model"
    }

    fn sends(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    fn key_lifetime(&self) -> Option<Duration> {
        Some(LIFETIME)
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, NotDone> {
        goes("pay_out").await;
        let mishap = self.mishap();
        if mishap == Some(Mishap::Away) {
            return Err(away());
        }
        let mut name = request.key.clone();
        if mishap != Some(Mishap::OrderLost) {
            name = self.name(&request.key);
            let sent = match (mishap, request.destination.as_str()) {
                (Some(Mishap::Refused), _) => Sent::Rejected,
                (_, SLOW) => Sent::OnItsWay,
                _ => Sent::Arrived,
            };
            let mut record = self.record();
            if mishap == Some(Mishap::Late) {
                record.late_transfers.push((name.clone(), Transfer { amount: request.amount.minor(), sent }));
            } else if !record.transfers.contains_key(&name) {
                record.transfers.insert(name.clone(), Transfer { amount: request.amount.minor(), sent });
                record.tells(&name, "payout.changed");
            }
        }
        answers("pay_out").await;
        if matches!(mishap, Some(Mishap::AnswerLost | Mishap::OrderLost | Mishap::Late)) {
            return Ok(PayoutOutcome::Unknown(Doubt::of(lost())));
        }
        Ok(outcome(&name, self.record().transfers[&name].sent))
    }

    async fn look_up_payout(&self, key: &str) -> Result<Finding<PayoutOutcome>, NotDone> {
        goes("look_up_payout").await;
        let found = {
            let mut record = self.record();
            record.transfers.get_mut(key).map(|transfer| {
                if transfer.sent == Sent::OnItsWay {
                    transfer.sent = Sent::Arrived;
                }
                transfer.sent
            })
        };
        answers("look_up_payout").await;
        Ok(found.map_or(Finding::NotFound, |sent| Finding::Found(outcome(key, sent))))
    }
}

//! What shoppers' banks contest, and the evidence it was handed.

use tollgate::psp::{DisputeReason, DisputeStatus, Doubt, EvidenceOutcome, EvidenceRequest, NotDone, PspDispute};
use tollgate::words::{Currency, Money, Timestamp};

use super::super::stage::START;
use super::{Mishap, ModelPsp, Record, answers, away, goes, lost};

/// What it charges for a dispute, in minor units.
const FEE: i64 = 15;

impl Record {
    /// What of a payment is contested and was not won back.
    fn contested(&self, psp_payment: &str) -> i64 {
        let of_payment = self.contests.iter().filter(|it| it.psp_payment == psp_payment);
        of_payment.filter(|it| it.status != DisputeStatus::Won).map(|it| it.amount.minor()).sum()
    }
}

impl ModelPsp {
    /// The shopper's bank takes money of a payment back, as much of `minor` as was captured and is not contested yet; says
    /// whether there was any.
    pub fn contest(&self, psp_payment: &str, minor: i64) -> bool {
        let mut record = self.record();
        let minor = minor.min(record.taken(psp_payment).0 - record.contested(psp_payment));
        let currency = record.currency.unwrap_or_else(|| Currency::parse("USD").unwrap());
        let money = |minor| Money::of(minor, currency).unwrap();
        if minor <= 0 {
            return false;
        }
        let reference = format!("dsp_{}", record.contests.len() + 1);
        record.contests.push(PspDispute {
            reference,
            psp_payment: psp_payment.to_owned(),
            amount: money(minor),
            fee: Some(money(FEE)),
            reason: DisputeReason::Fraudulent,
            status: DisputeStatus::NeedsResponse,
            evidence_due_by: None,
            opened_at: START,
            evidence_key: None,
        });
        record.tells(psp_payment, "dispute.changed");
        true
    }

    /// The bank decides the oldest open dispute of a payment; says whether there was one.
    pub fn rule(&self, psp_payment: &str, won: bool) -> bool {
        let mut record = self.record();
        let mut contests = record.contests.iter_mut().filter(|it| it.psp_payment == psp_payment);
        let Some(open) = contests.find(|it| !it.status.is_closed()) else { return false };
        open.status = if won { DisputeStatus::Won } else { DisputeStatus::Lost };
        record.tells(psp_payment, "dispute.changed");
        true
    }

    pub(super) async fn disputes_of(&self, psp_payment: &str) -> Vec<PspDispute> {
        goes("disputes").await;
        let record = self.record().contests.clone();
        answers("disputes").await;
        record.into_iter().filter(|it| it.psp_payment == psp_payment).collect()
    }

    /// Where nothing is contested nobody stops, so that a worker's round has no more steps than it needs.
    pub(super) async fn all_disputes(&self, _since: Timestamp) -> Vec<PspDispute> {
        if self.record().contests.is_empty() {
            return Vec::new();
        }
        goes("disputes_since").await;
        let record = self.record().contests.clone();
        answers("disputes_since").await;
        record
    }

    /// The merchant gives in: the dispute is lost at once, whoever asks later.
    pub(super) async fn hear_acceptance(&self, dispute: &str, key: &str) -> Result<EvidenceOutcome, NotDone> {
        goes("accept_dispute").await;
        let mishap = self.mishap();
        if mishap == Some(Mishap::Away) {
            return Err(away());
        }
        let mut taken = false;
        if !matches!(mishap, Some(Mishap::OrderLost | Mishap::Refused)) {
            let mut record = self.record();
            let contest = record.contests.iter_mut().find(|it| it.reference == dispute);
            if let Some(contest) = contest
                && (!contest.status.is_closed() || contest.evidence_key.as_deref() == Some(key))
            {
                taken = true;
                contest.evidence_key = Some(key.to_owned());
                contest.status = DisputeStatus::Lost;
            }
        }
        answers("accept_dispute").await;
        Ok(match mishap {
            Some(Mishap::AnswerLost | Mishap::OrderLost | Mishap::Late) => EvidenceOutcome::Unknown(Doubt::of(lost())),
            _ if taken => EvidenceOutcome::Taken,
            _ => EvidenceOutcome::Refused { psp_code: "too_late".to_owned() },
        })
    }

    pub(super) async fn hear_evidence(&self, request: &EvidenceRequest) -> Result<EvidenceOutcome, NotDone> {
        goes("submit_evidence").await;
        let mishap = self.mishap();
        if mishap == Some(Mishap::Away) {
            return Err(away());
        }
        let mut taken = false;
        if mishap == Some(Mishap::Refused) {
            self.record().refused.insert(request.key.clone());
        }
        if mishap != Some(Mishap::OrderLost) && !self.record().refused.contains(&request.key) {
            let mut record = self.record();
            let contest = record.contests.iter_mut().find(|it| it.reference == request.dispute);
            let open = contest.filter(|it| !it.status.is_closed());
            if let Some(contest) = open {
                let key = contest.evidence_key.get_or_insert_with(|| request.key.clone());
                taken = *key == request.key;
                contest.status = DisputeStatus::UnderReview;
            }
        }
        answers("submit_evidence").await;
        Ok(match mishap {
            Some(Mishap::AnswerLost | Mishap::OrderLost | Mishap::Late) => EvidenceOutcome::Unknown(Doubt::of(lost())),
            _ if taken => EvidenceOutcome::Taken,
            _ => EvidenceOutcome::Refused { psp_code: "too_late".to_owned() },
        })
    }
}

//! A PSP that answers what a test tells it to: the outside world on a string, for moments a real one gives only by chance.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tollgate::psp::{
    Approval, CaptureRequest, ConfirmRequest, Decline, DeclineCode, DisputeReason, DisputeStatus, Doubt,
    EvidenceOutcome, EvidenceRequest, Finding, Hold, NotDone, NoticeRefused, Outcome, PageOrigins, Psp, PspDispute,
    PspNotice, RefundOutcome, RefundRequest, RegisterRequest, Registered, VoidRequest,
};
use tollgate::words::{Currency, Mode, Money, Timestamp};

/// What becomes of the next order to end a hold.
pub enum Ends {
    /// Done, and the answer is lost.
    Unheard,
    /// Lost on its way: not done, and no answer.
    Lost,
    /// Not done, which nobody can tell; the PSP wants no other call for so long.
    Waits(Duration),
    /// Turned away.
    Not(NotDone),
}

/// What the PSP does with the next confirm.
pub enum Answer {
    /// This comes back.
    Says(Result<Outcome, NotDone>),
    /// The program dies while it waits.
    Dies,
}

/// When the program dies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dies {
    Before,
    After,
}

#[derive(Default)]
pub struct ScriptedPsp {
    /// How long it remembers a key.
    pub key_lifetime: Mutex<Option<Duration>>,
    pub confirms: Mutex<VecDeque<Answer>>,
    pub look_ups: Mutex<VecDeque<Finding>>,
    /// So many look-ups are not answered.
    pub away: Mutex<u32>,
    /// What becomes of the next captures and voids; done and answered when there is nothing here.
    pub ends: Mutex<VecDeque<Ends>>,
    /// How the money of each payment stands; held when it is not here.
    pub holds: Mutex<HashMap<String, Hold>>,
    /// Every key under which a capture or void was ordered, in order.
    pub ordered: Mutex<Vec<String>>,
    /// Payments that were registered to be held and captured later.
    pub held: Mutex<Vec<String>>,
    /// How long it takes over the end of a hold.
    pub end_takes: Mutex<Duration>,
    pub refund_answers: Mutex<VecDeque<Result<RefundOutcome, NotDone>>>,
    /// Refunds by key, as the PSP keeps them.
    pub refunds: Mutex<Vec<(String, i64)>>,
    /// Which charge each order of a refund named, in order.
    pub named: Mutex<Vec<Option<String>>>,
    /// Whether its refunds know payments alone.
    pub knows_no_charges: Mutex<bool>,
    /// So many refund calls end with the program, before the PSP has seen them or after.
    pub refunds_die: Mutex<VecDeque<Dies>>,
    /// How long it takes over a refund.
    pub refund_takes: Mutex<Duration>,
    /// So many registrations do nothing.
    pub unregistered: Mutex<u32>,
    /// Refunds by key that came back from the shopper's bank after they had succeeded.
    pub returned: Mutex<Vec<String>>,
    /// The disputes the PSP tells of, as it keeps them.
    pub disputes: Mutex<Vec<PspDispute>>,
    /// It tells no more of them at once.
    pub dispute_page: Mutex<Option<usize>>,
    /// What it answers to the next evidence.
    pub evidence_answers: Mutex<VecDeque<Result<EvidenceOutcome, NotDone>>>,
    /// Every key under which evidence came, in order.
    pub evidence: Mutex<Vec<String>>,
    /// Every key that was confirmed, in order.
    pub confirmed: Mutex<Vec<String>>,
    /// Every key that was registered, in order.
    pub registered: Mutex<Vec<String>>,
}

impl ScriptedPsp {
    pub fn will(&self, outcome: Outcome) {
        self.confirms.lock().unwrap().push_back(Answer::Says(Ok(outcome)));
    }

    pub fn will_say(&self, answer: Answer) {
        self.confirms.lock().unwrap().push_back(answer);
    }

    pub fn knows(&self, finding: Finding) {
        self.look_ups.lock().unwrap().push_back(finding);
    }

    /// A hold ends once: whoever comes later is told how it ended.
    async fn end(&self, psp_payment: &str, key: &str, wanted: Hold) -> Result<Hold, NotDone> {
        self.ordered.lock().unwrap().push(key.to_owned());
        let takes = (*self.end_takes.lock().unwrap()).max(Duration::from_millis(5));
        tokio::time::sleep(takes).await;
        let next = self.ends.lock().unwrap().pop_front();
        let unheard = Hold::Unknown(Doubt::of("the connection was reset"));
        match next {
            Some(Ends::Not(not_done)) => return Err(not_done),
            Some(Ends::Lost) => return Ok(unheard),
            Some(Ends::Waits(after)) => return Ok(Hold::Unknown(waits(after))),
            Some(Ends::Unheard) | None => {}
        }
        let stands = self.holds.lock().unwrap().entry(psp_payment.to_owned()).or_insert(wanted).clone();
        Ok(if next.is_some() { unheard } else { stands })
    }

    /// A shopper's bank takes back `minor` units of a payment.
    pub fn contest(&self, psp_payment: &str, reference: &str, minor: i64, now: Timestamp) {
        let usd = |minor| Money::of(minor, Currency::parse("USD").unwrap()).unwrap();
        self.disputes.lock().unwrap().push(PspDispute {
            reference: reference.to_owned(),
            psp_payment: psp_payment.to_owned(),
            amount: usd(minor),
            fee: Some(usd(15)),
            reason: DisputeReason::Fraudulent,
            status: DisputeStatus::NeedsResponse,
            evidence_due_by: Some(now.plus(Duration::from_hours(7 * 24))),
            opened_at: now,
            evidence_key: None,
        });
    }

    /// A dispute stands here now.
    pub fn rule(&self, reference: &str, status: DisputeStatus) {
        let mut disputes = self.disputes.lock().unwrap();
        disputes.iter_mut().find(|dispute| dispute.reference == reference).unwrap().status = status;
    }

    /// What the PSP says it charges for a dispute, in cents.
    pub fn charge(&self, reference: &str, minor: Option<i64>) {
        let mut disputes = self.disputes.lock().unwrap();
        let dispute = disputes.iter_mut().find(|dispute| dispute.reference == reference).unwrap();
        dispute.fee = minor.and_then(|minor| Money::of(minor, dispute.amount.currency()));
    }

    pub fn confirmed(&self) -> Vec<String> {
        self.confirmed.lock().unwrap().clone()
    }
}

pub fn approved() -> Outcome {
    approved_as("ch_1")
}

pub fn approved_as(reference: &str) -> Outcome {
    Outcome::Approved(Approval { reference: reference.to_owned(), card: None, saved: None })
}

pub fn declined() -> Outcome {
    Outcome::Declined(Decline { code: DeclineCode::InsufficientFunds, psp_code: "51".to_owned(), card: None })
}

pub fn unknown() -> Outcome {
    Outcome::Unknown(Doubt::of("the connection was reset"))
}

/// The doubt that a PSP leaves which wants no other call for so long.
pub fn waits(after: Duration) -> Doubt {
    Doubt { reason: "the PSP answered 503".to_owned(), after: Some(after) }
}

#[async_trait::async_trait]
impl Psp for ScriptedPsp {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn takes(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    fn key_lifetime(&self) -> Option<Duration> {
        *self.key_lifetime.lock().unwrap()
    }

    fn page_origins(&self) -> PageOrigins {
        PageOrigins::default()
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, NotDone> {
        self.registered.lock().unwrap().push(request.key.clone());
        if let Some(left) = { self.unregistered.lock().unwrap().checked_sub(1) } {
            *self.unregistered.lock().unwrap() = left;
            return Err(NotDone::Unreachable { reason: "refused".to_owned(), after: None });
        }
        if request.hold {
            self.held.lock().unwrap().push(format!("psp_{}", request.payment));
        }
        Ok(Registered {
            psp_payment: format!("psp_{}", request.payment),
            token: "token".to_owned(),
            form_url: "https://psp.example/form".parse().unwrap(),
        })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Outcome, NotDone> {
        self.confirmed.lock().unwrap().push(request.key.clone());
        // Long enough for whoever races to be here too.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let next = self.confirms.lock().unwrap().pop_front();
        match next {
            Some(Answer::Says(answer)) => answer,
            Some(Answer::Dies) => panic!("the program dies here"),
            None => Ok(unknown()),
        }
    }

    async fn look_up(&self, _psp_payment: &str, _key: &str) -> Result<Finding, NotDone> {
        let away = *self.away.lock().unwrap();
        if away > 0 {
            *self.away.lock().unwrap() -= 1;
            return Err(NotDone::Unreachable {
                reason: "too many calls".to_owned(),
                after: Some(Duration::from_secs(7)),
            });
        }
        let next = self.look_ups.lock().unwrap().pop_front();
        Ok(next.unwrap_or(Finding::Found(unknown())))
    }

    async fn abandon(&self, _psp_payment: &str, _key: &str) -> Result<Finding, NotDone> {
        let code = DeclineCode::AuthenticationAbandoned;
        Ok(Finding::Found(Outcome::Declined(Decline { code, psp_code: String::new(), card: None })))
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Hold, NotDone> {
        let taken = Hold::Captured { amount: request.amount, reference: format!("ch_of_{}", request.key) };
        self.end(&request.psp_payment, &request.key, taken).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<Hold, NotDone> {
        self.end(&request.psp_payment, &request.key, Hold::Released).await
    }

    async fn look_up_hold(&self, psp_payment: &str) -> Result<Hold, NotDone> {
        Ok(self.holds.lock().unwrap().get(psp_payment).cloned().unwrap_or(Hold::Held))
    }

    fn refunds_one_charge(&self) -> bool {
        !*self.knows_no_charges.lock().unwrap()
    }

    /// Gives back once per key; a scripted answer hides or replaces what it did, which is nothing where it wants time.
    async fn refund(&self, request: &RefundRequest) -> Result<RefundOutcome, NotDone> {
        self.named.lock().unwrap().push(request.charge.clone());
        let takes = *self.refund_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let dies = self.refunds_die.lock().unwrap().pop_front();
        assert!(dies != Some(Dies::Before), "the program dies here");
        let scripted = self.refund_answers.lock().unwrap().pop_front();
        if matches!(
            scripted,
            Some(Err(_) | Ok(RefundOutcome::Failed { .. } | RefundOutcome::Unknown(Doubt { after: Some(_), .. })))
        ) {
            return scripted.unwrap();
        }
        let mut refunds = self.refunds.lock().unwrap();
        if !refunds.iter().any(|(key, _)| *key == request.key) {
            refunds.push((request.key.clone(), request.amount.minor()));
        }
        drop(refunds);
        assert!(dies != Some(Dies::After), "the program dies here");
        scripted.unwrap_or_else(|| Ok(RefundOutcome::Done { reference: format!("re_of_{}", request.key) }))
    }

    async fn look_up_refund(&self, _psp_payment: &str, key: &str) -> Result<Finding<RefundOutcome>, NotDone> {
        if self.returned.lock().unwrap().iter().any(|returned| returned == key) {
            let (reference, psp_code) = (format!("re_of_{key}"), "account_closed".to_owned());
            return Ok(Finding::Found(RefundOutcome::Returned { reference, psp_code }));
        }
        let known = self.refunds.lock().unwrap().iter().any(|(known, _)| known == key);
        let done = RefundOutcome::Done { reference: format!("re_of_{key}") };
        Ok(if known { Finding::Found(done) } else { Finding::NotFound })
    }

    fn tells_of_refund(&self, kind: &str) -> bool {
        kind == "refund.changed"
    }

    fn tells_of_dispute(&self, kind: &str) -> bool {
        kind.starts_with("dispute.")
    }

    async fn disputes(&self, psp_payment: &str) -> Result<Vec<PspDispute>, NotDone> {
        let all = self.disputes.lock().unwrap();
        Ok(all.iter().filter(|dispute| dispute.psp_payment == psp_payment).cloned().collect())
    }

    async fn disputes_since(&self, since: Timestamp) -> Result<Vec<PspDispute>, NotDone> {
        let mut all = self.disputes.lock().unwrap().clone();
        all.retain(|dispute| dispute.opened_at >= since);
        all.sort_by_key(|dispute| dispute.opened_at);
        all.truncate(self.dispute_page.lock().unwrap().unwrap_or(usize::MAX));
        Ok(all)
    }

    /// Takes evidence once per dispute; a scripted answer hides or replaces what it did, as with refunds.
    async fn submit_evidence(&self, request: &EvidenceRequest) -> Result<EvidenceOutcome, NotDone> {
        self.evidence.lock().unwrap().push(request.key.clone());
        let scripted = self.evidence_answers.lock().unwrap().pop_front();
        if matches!(
            scripted,
            Some(Err(_) | Ok(EvidenceOutcome::Refused { .. } | EvidenceOutcome::Unknown(Doubt { after: Some(_), .. })))
        ) {
            return scripted.unwrap();
        }
        let mut all = self.disputes.lock().unwrap();
        let dispute = all.iter_mut().find(|dispute| dispute.reference == request.dispute).unwrap();
        dispute.status = DisputeStatus::UnderReview;
        dispute.evidence_key = Some(request.key.clone());
        scripted.unwrap_or(Ok(EvidenceOutcome::Taken))
    }

    /// Loses the dispute at once; scripted as evidence is.
    async fn accept_dispute(&self, dispute: &str, key: &str) -> Result<EvidenceOutcome, NotDone> {
        self.evidence.lock().unwrap().push(key.to_owned());
        let scripted = self.evidence_answers.lock().unwrap().pop_front();
        if matches!(
            scripted,
            Some(Err(_) | Ok(EvidenceOutcome::Refused { .. } | EvidenceOutcome::Unknown(Doubt { after: Some(_), .. })))
        ) {
            return scripted.unwrap();
        }
        let mut all = self.disputes.lock().unwrap();
        let dispute = all.iter_mut().find(|known| known.reference == dispute).unwrap();
        dispute.status = DisputeStatus::Lost;
        dispute.evidence_key = Some(key.to_owned());
        scripted.unwrap_or(Ok(EvidenceOutcome::Taken))
    }

    /// The body is the event's id and the PSP's payment, with a space between; there is nothing to believe. An id that
    /// begins with `dispute` is of a dispute, one that begins with `refund` of a refund.
    fn verify_notice(&self, headers: &HeaderMap, body: &[u8], _now: Timestamp) -> Result<PspNotice, NoticeRefused> {
        if !headers.contains_key("signature") {
            return Err(NoticeRefused::NoSignature);
        }
        let text = std::str::from_utf8(body).map_err(|_| NoticeRefused::Malformed)?;
        let (event_id, psp_payment) = text.split_once(' ').ok_or(NoticeRefused::Malformed)?;
        let (event_id, psp_payment) = (event_id.to_owned(), Some(psp_payment.to_owned()));
        let about = ["dispute", "refund"].into_iter().find(|what| event_id.starts_with(what)).unwrap_or("payment");
        let kind = format!("{about}.changed");
        Ok(PspNotice { event_id, kind, psp_payment, payout: None })
    }
}

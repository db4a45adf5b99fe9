//! A PSP that really keeps what it did: payments, charges, refunds and payouts by key. It trusts keys and nothing else, so a second
//! order under another key is carried out a second time, as at the worst of PSPs, and so is one under a key that it has forgotten. What
//! it did it can be asked for ever. Answers are lost on order.

mod bank;
mod contests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use tollgate::psp::{
    Approval, CaptureRequest, Card, ConfirmRequest, Decline, DeclineCode, Doubt, EvidenceOutcome, EvidenceRequest,
    Finding, Hold, NotDone, NoticeRefused, Outcome, PageOrigins, Psp, PspDispute, PspNotice, RefundOutcome,
    RefundRequest, RegisterRequest, Registered, VoidRequest,
};
use tollgate::steps::{self, Step};
use tollgate::words::{Clock, Currency, FixedClock, Mode, Money, Secret, Timestamp};

pub use bank::{FAST, SLOW as SLOW_BANK, Sent, Transfer};

/// How long it remembers a key: not as long as we ask on.
pub const LIFETIME: Duration = Duration::from_hours(12);

/// Cards, by what becomes of them.
pub const GOOD: &str = "tok_good";
pub const BAD: &str = "tok_bad";
pub const CHALLENGED: &str = "tok_challenged";
pub const SLOW: &str = "tok_slow";

/// What goes wrong with the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It is lost on its way, and nobody can tell.
    OrderLost,
    /// It travels: nobody can tell, nothing is found yet, and some time before a minute is over it arrives.
    Late,
    /// It is turned away, which says nothing of an order before it.
    TurnedAway,
    /// It surely did not arrive.
    Away,
    /// A definite no.
    Refused,
}

/// What became of an order to take money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    Taken,
    Declined,
    Challenged,
    Pending,
}

#[derive(Debug, Clone)]
pub struct Charge {
    pub psp_payment: String,
    pub amount: i64,
    pub became: Became,
}

/// Everything it knows.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// By key of the registration.
    pub registered: BTreeMap<String, String>,
    /// Payments of which an approval only holds the money.
    pub holding: BTreeSet<String>,
    /// How a hold ended, by payment; nothing for one that was let go.
    pub ended: BTreeMap<String, Option<Money>>,
    /// By key of the order.
    pub charges: BTreeMap<String, Charge>,
    /// Payment and amount, by key of the order.
    pub refunds: BTreeMap<String, (String, i64)>,
    /// Which charge a refund was to give back, by key of the order, where it named one.
    pub named: BTreeMap<String, String>,
    /// When each key was first seen.
    pub seen: BTreeMap<String, Timestamp>,
    /// Refunds on their way, as they will be written down.
    pub travelling: Vec<(String, (String, i64))>,
    /// Charges on their way, as they will be written down.
    pub late_charges: Vec<(String, Charge)>,
    /// Ends of holds on their way.
    pub late_ends: Vec<(String, Option<Money>)>,
    /// Orders to a bank on their way.
    pub late_transfers: Vec<(String, Transfer)>,
    /// Orders it said no to, for ever.
    pub refused: BTreeSet<String>,
    /// Money sent to sellers' banks, by key of the order.
    pub transfers: BTreeMap<String, Transfer>,
    /// What banks contest, the oldest first.
    pub contests: Vec<PspDispute>,
    /// Of what is contested; US dollars when nobody says.
    pub currency: Option<Currency>,
    pub mishaps: VecDeque<Mishap>,
    /// What becomes of everything the bank would think over; it takes its time otherwise.
    pub hurried: Option<Became>,
    /// Payments of which it approved what it had declined: another card may have paid since, and nobody here ordered that.
    pub regretted: BTreeSet<String>,
    /// Webhooks it has to tell, as it sends them: event, payment (or key of a payout) and kind.
    pub notices: Vec<String>,
}

impl Record {
    /// What it took for a payment in all, and how often it took or held.
    pub fn taken(&self, psp_payment: &str) -> (i64, usize) {
        let taken = self.charges.values().filter(|it| it.psp_payment == psp_payment && it.became == Became::Taken);
        let (sum, n) = taken.fold((0, 0), |(sum, n), charge| (sum + charge.amount, n + 1));
        if self.holding.contains(psp_payment) {
            (self.ended.get(psp_payment).copied().flatten().map_or(0, Money::minor), n)
        } else {
            (sum, n)
        }
    }

    /// What it gave back for a payment in all.
    pub fn returned(&self, psp_payment: &str) -> i64 {
        self.refunds.values().filter(|(of, _)| of == psp_payment).map(|(_, amount)| amount).sum()
    }

    /// How much it knows, without the keys, which are never the same twice.
    pub fn counts(&self) -> impl std::fmt::Debug + use<> {
        let became: Vec<Became> = self.charges.values().map(|charge| charge.became).collect();
        let known = (self.registered.len(), self.refunds.len(), self.refused.len(), self.notices.len());
        let sent: Vec<Sent> = self.transfers.values().map(|transfer| transfer.sent).collect();
        let contests: Vec<_> = self.contests.iter().map(|it| (it.status, it.evidence_key.is_some())).collect();
        (became, known, self.ended.clone(), self.mishaps.len(), sent, contests)
    }

    /// Everything that moved money or will, by what it is: keys and the order are never the same twice.
    pub fn moved(&self) -> Vec<String> {
        let charges =
            self.charges.values().map(|it| format!("PSP: {} of {}, {:?}", it.amount, it.psp_payment, it.became));
        let refunds = self.refunds.values().map(|(of, amount)| format!("PSP: {amount} of {of} given back"));
        let ended = self.ended.iter().map(|(of, taken)| format!("PSP: the hold of {of} ended with {taken:?}"));
        let sent = self.transfers.values().map(|it| format!("bank: {} sent, {:?}", it.amount, it.sent));
        charges.chain(refunds).chain(ended).chain(sent).collect()
    }

    /// What it gave back of the charge of this name.
    pub fn returned_of(&self, charge: &str) -> i64 {
        let of_charge =
            self.refunds.iter().filter(|(key, _)| self.named.get(*key).is_some_and(|named| named == charge));
        of_charge.map(|(_, (_, amount))| amount).sum()
    }

    fn told(&mut self, psp_payment: &str) {
        self.tells(psp_payment, "payment.changed");
    }

    fn tells(&mut self, psp_payment: &str, kind: &str) {
        let event = self.notices.len() + 1;
        self.notices.push(format!("ev_{event} {psp_payment} {kind}"));
    }
}

#[derive(Clone)]
pub struct ModelPsp {
    record: Arc<Mutex<Record>>,
    clock: Arc<FixedClock>,
}

impl ModelPsp {
    pub fn with(record: Record, clock: Arc<FixedClock>) -> Self {
        Self { record: Arc::new(Mutex::new(record)), clock }
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    /// Under which name an order that has arrived is written down: under its key, as long as that is remembered; then it is another
    /// order.
    fn name(&self, key: &str) -> String {
        let now = self.clock.now();
        let seen = *self.record().seen.entry(key.to_owned()).or_insert(now);
        if now.since(seen) < LIFETIME { key.to_owned() } else { format!("{key} again") }
    }

    pub fn next(&self, mishap: Mishap) {
        self.record().mishaps.push_back(mishap);
    }

    /// What waited is decided: the shopper proved who they are, or the bank made up its mind.
    pub fn decide(&self, psp_payment: &str, became: Became) {
        let mut record = self.record();
        let waiting = record.charges.values_mut().filter(|charge| charge.psp_payment == psp_payment);
        for charge in waiting.filter(|charge| matches!(charge.became, Became::Challenged | Became::Pending)) {
            charge.became = became;
        }
        record.told(psp_payment);
    }

    /// What was declined is approved after all, whatever became of another card since; says whether it was so.
    pub fn change_mind(&self, psp_payment: &str) -> bool {
        let mut record = self.record();
        let first = record.charges.values_mut().find(|charge| charge.psp_payment == psp_payment);
        let Some(first) = first.filter(|first| first.became == Became::Declined) else { return false };
        first.became = Became::Taken;
        record.regretted.insert(psp_payment.to_owned());
        record.told(psp_payment);
        true
    }

    /// The shopper's bank sends the last refund of a payment back; says whether there was one.
    pub fn bounce(&self, psp_payment: &str) -> bool {
        let mut record = self.record();
        let last = record.refunds.iter().rfind(|(_, (of, _))| of == psp_payment).map(|(key, _)| key.clone());
        let Some(key) = last else { return false };
        record.refunds.remove(&key);
        record.refused.insert(key);
        record.tells(psp_payment, "refund.failed");
        true
    }

    /// What travelled has arrived; an order under a key that is known changes nothing.
    pub fn land(&self) {
        let mut record = self.record();
        for (key, refund) in std::mem::take(&mut record.travelling) {
            record.refunds.entry(key).or_insert(refund);
        }
        for (key, charge) in std::mem::take(&mut record.late_charges) {
            record.charges.entry(key).or_insert(charge);
        }
        for (psp_payment, taken) in std::mem::take(&mut record.late_ends) {
            record.ended.entry(psp_payment).or_insert(taken);
        }
        for (key, transfer) in std::mem::take(&mut record.late_transfers) {
            record.transfers.entry(key).or_insert(transfer);
        }
    }

    /// From now on the bank does not think anything over.
    pub fn hurry(&self, became: Option<Became>) {
        let mut record = self.record();
        record.hurried = became;
        let Some(became) = became else { return };
        for charge in record.charges.values_mut().filter(|charge| charge.became == Became::Pending) {
            charge.became = became;
        }
    }

    fn mishap(&self) -> Option<Mishap> {
        self.record().mishaps.pop_front()
    }
}

impl ModelPsp {
    /// A refund that has arrived, under the name of its order.
    fn refund_of(&self, request: &RefundRequest) -> (String, (String, i64)) {
        let name = self.name(&request.key);
        if let Some(charge) = &request.charge {
            self.record().named.insert(name.clone(), charge.clone());
        }
        (name, (request.psp_payment.clone(), request.amount.minor()))
    }

    fn hold(&self, psp_payment: &str) -> Hold {
        match self.record().ended.get(psp_payment) {
            None => Hold::Held,
            Some(None) => Hold::Released,
            Some(Some(amount)) => Hold::Captured { amount: *amount, reference: format!("ca_of_{psp_payment}") },
        }
    }

    /// A hold ends once: whoever comes later is told how.
    async fn end_hold(&self, what: &str, psp_payment: &str, taken: Option<Money>) -> Result<Hold, NotDone> {
        goes(what).await;
        let mishap = self.mishap();
        if mishap == Some(Mishap::Away) {
            return Err(away());
        }
        match mishap {
            Some(Mishap::OrderLost) => {}
            Some(Mishap::Late) => self.record().late_ends.push((psp_payment.to_owned(), taken)),
            _ => {
                self.record().ended.entry(psp_payment.to_owned()).or_insert(taken);
            }
        }
        answers(what).await;
        Ok(if mishap.is_some() { Hold::Unknown(Doubt::of(lost())) } else { self.hold(psp_payment) })
    }
}

fn outcome(key: &str, became: Became) -> Outcome {
    let declined = |code| Outcome::Declined(Decline { code, psp_code: "51".to_owned(), card: None });
    match became {
        Became::Taken => Outcome::Approved(Approval {
            reference: format!("ch_of_{key}"),
            card: Some(Card { brand: "visa".to_owned(), last4: "4242".to_owned() }),
            saved: Some(Secret::new(GOOD.to_owned())),
        }),
        Became::Declined => declined(DeclineCode::InsufficientFunds),
        Became::Challenged => Outcome::ActionRequired { url: "https://psp.example/prove".parse().unwrap(), card: None },
        Became::Pending => Outcome::Pending,
    }
}

fn refused() -> RefundOutcome {
    RefundOutcome::Failed { psp_code: "not_allowed".to_owned() }
}

fn lost() -> String {
    "the connection broke".to_owned()
}

fn away() -> NotDone {
    NotDone::Unreachable { reason: "refused".to_owned(), after: None }
}

fn turned_away() -> NotDone {
    NotDone::Refused { code: "key_rejected".to_owned(), reason: "not now".to_owned() }
}

/// How the calls to this PSP begin; others do not speak of it.
pub const CALL: &str = "psp ";

async fn goes(what: &str) {
    steps::pass(|| Step::Call(format!("{CALL}{what}"))).await;
}

async fn answers(what: &str) {
    steps::pass(|| Step::Answer(format!("{CALL}{what}"))).await;
}

#[async_trait]
impl Psp for ModelPsp {
    fn name(&self) -> &'static str {
        "model"
    }

    fn takes(&self, mode: Mode) -> bool {
        mode == Mode::Test
    }

    fn key_lifetime(&self) -> Option<Duration> {
        Some(LIFETIME)
    }

    fn refunds_one_charge(&self) -> bool {
        true
    }

    fn page_origins(&self) -> PageOrigins {
        PageOrigins::default()
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, NotDone> {
        goes("register").await;
        let psp_payment = {
            let mut record = self.record();
            let next = format!("psp_{}", record.registered.len() + 1);
            let psp_payment = record.registered.entry(request.key.clone()).or_insert(next).clone();
            if request.hold {
                record.holding.insert(psp_payment.clone());
            }
            psp_payment
        };
        answers("register").await;
        let form_url = "https://psp.example/form".parse().unwrap();
        Ok(Registered { psp_payment, token: "token".to_owned(), form_url })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Outcome, NotDone> {
        goes("confirm").await;
        let mishap = self.mishap();
        let mut name = request.key.clone();
        match mishap {
            Some(Mishap::Away) => return Err(away()),
            Some(Mishap::TurnedAway) => return Err(turned_away()),
            Some(Mishap::OrderLost) => {}
            _ => {
                name = self.name(&request.key);
                let mut record = self.record();
                let became = match request.method.expose().as_str() {
                    GOOD => Became::Taken,
                    CHALLENGED => Became::Challenged,
                    SLOW => record.hurried.unwrap_or(Became::Pending),
                    _ => Became::Declined,
                };
                let (psp_payment, amount) = (request.psp_payment.clone(), request.amount.minor());
                let charge = Charge { psp_payment, amount, became };
                if mishap == Some(Mishap::Late) {
                    record.late_charges.push((name.clone(), charge));
                } else if !record.charges.contains_key(&name) {
                    record.charges.insert(name.clone(), charge);
                    record.told(&request.psp_payment);
                }
            }
        }
        answers("confirm").await;
        if mishap.is_some() {
            return Ok(Outcome::Unknown(Doubt::of(lost())));
        }
        let became = self.record().charges[&name].became;
        Ok(outcome(&name, became))
    }

    async fn look_up(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone> {
        goes("look_up").await;
        let found = self.record().charges.get(key).filter(|charge| charge.psp_payment == psp_payment).cloned();
        answers("look_up").await;
        Ok(found.map_or(Finding::NotFound, |charge| Finding::Found(outcome(key, charge.became))))
    }

    async fn abandon(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone> {
        goes("abandon").await;
        let found = {
            let mut record = self.record();
            let charge = record.charges.get_mut(key).filter(|charge| charge.psp_payment == psp_payment);
            charge.map(|charge| {
                if charge.became == Became::Challenged {
                    charge.became = Became::Declined;
                }
                charge.became
            })
        };
        answers("abandon").await;
        Ok(found.map_or(Finding::NotFound, |became| Finding::Found(outcome(key, became))))
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Hold, NotDone> {
        self.end_hold("capture", &request.psp_payment, Some(request.amount)).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<Hold, NotDone> {
        self.end_hold("void", &request.psp_payment, None).await
    }

    async fn look_up_hold(&self, psp_payment: &str) -> Result<Hold, NotDone> {
        goes("look_up_hold").await;
        let hold = self.hold(psp_payment);
        answers("look_up_hold").await;
        Ok(hold)
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundOutcome, NotDone> {
        goes("refund").await;
        let mishap = self.mishap();
        match mishap {
            Some(Mishap::Away) => return Err(away()),
            Some(Mishap::TurnedAway) => return Err(turned_away()),
            Some(Mishap::OrderLost) => {}
            Some(Mishap::Late) => {
                let (name, done) = self.refund_of(request);
                self.record().travelling.push((name, done));
            }
            Some(Mishap::Refused) => {
                self.record().refused.insert(request.key.clone());
                answers("refund").await;
                return Ok(refused());
            }
            _ => {
                let (name, done) = self.refund_of(request);
                self.record().refunds.entry(name).or_insert(done);
            }
        }
        answers("refund").await;
        if mishap.is_some() {
            return Ok(RefundOutcome::Unknown(Doubt::of(lost())));
        }
        Ok(RefundOutcome::Done { reference: format!("re_of_{}", request.key) })
    }

    async fn look_up_refund(&self, _psp_payment: &str, key: &str) -> Result<Finding<RefundOutcome>, NotDone> {
        goes("look_up_refund").await;
        let (done, refused_once) = {
            let record = self.record();
            (record.refunds.contains_key(key), record.refused.contains(key))
        };
        answers("look_up_refund").await;
        Ok(match (done, refused_once) {
            (true, _) => Finding::Found(RefundOutcome::Done { reference: format!("re_of_{key}") }),
            (false, true) => Finding::Found(refused()),
            (false, false) => Finding::NotFound,
        })
    }

    fn tells_of_failed_refund(&self, kind: &str) -> bool {
        kind == "refund.failed"
    }

    fn tells_of_dispute(&self, kind: &str) -> bool {
        kind == "dispute.changed"
    }

    async fn disputes(&self, psp_payment: &str) -> Result<Vec<PspDispute>, NotDone> {
        Ok(self.disputes_of(psp_payment).await)
    }

    async fn disputes_since(&self, since: Timestamp) -> Result<Vec<PspDispute>, NotDone> {
        Ok(self.all_disputes(since).await)
    }

    async fn submit_evidence(&self, request: &EvidenceRequest) -> Result<EvidenceOutcome, NotDone> {
        self.hear_evidence(request).await
    }

    async fn accept_dispute(&self, dispute: &str, key: &str) -> Result<EvidenceOutcome, NotDone> {
        self.hear_acceptance(dispute, key).await
    }

    /// The body is the event's id, the payment (or the key of a payout) and the kind, with spaces between.
    fn verify_notice(&self, _headers: &HeaderMap, body: &[u8], _now: Timestamp) -> Result<PspNotice, NoticeRefused> {
        let text = std::str::from_utf8(body).map_err(|_| NoticeRefused::Malformed)?;
        let mut words = text.split(' ').map(str::to_owned);
        let mut word = || words.next().ok_or(NoticeRefused::Malformed);
        let (event_id, subject, kind) = (word()?, word()?, word()?);
        let (psp_payment, payout) =
            if kind.starts_with("payout.") { (None, Some(subject)) } else { (Some(subject), None) };
        Ok(PspNotice { event_id, kind, psp_payment, payout })
    }
}

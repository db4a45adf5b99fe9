//! What the stand-in says of disputes, and no more than that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{DisputeReason, DisputeStatus, Doubt, EvidenceOutcome, EvidenceRequest, NotDone, PspDispute};
use super::reading::{Reply, arrived, doubt, garbled, not_sent, read, refusal};
use crate::words::{Currency, Money, Timestamp};

/// Body of a hand-in.
#[derive(Debug, Serialize)]
pub struct Evidence<'a> {
    evidence: BTreeMap<&'a str, &'a str>,
}

/// Body of giving in: an empty object.
#[derive(Debug, Serialize)]
pub struct Acceptance {}

impl<'a> Evidence<'a> {
    pub fn of(request: &'a EvidenceRequest) -> Self {
        Self { evidence: request.texts.iter().map(|(name, text)| (*name, text.as_str())).collect() }
    }
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Known>,
}

#[derive(Debug, Deserialize)]
struct Taken {
    dispute: Known,
}

/// A dispute, as far as we read it.
#[derive(Debug, Deserialize)]
struct Known {
    id: String,
    payment_id: String,
    status: String,
    /// Minor units.
    amount: i64,
    /// Minor units.
    fee: i64,
    currency: String,
    reason: String,
    respond_by: String,
    opened_at: String,
    evidence_key: Option<String>,
}

/// A list of disputes. One that cannot be read makes the whole answer unreadable: leaving it out would hide money.
pub fn list(reply: Reply) -> Result<Vec<PspDispute>, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    let list: List = read(&answer).ok_or_else(|| garbled(&answer))?;
    list.data.into_iter().map(dispute).collect::<Option<_>>().ok_or_else(|| garbled(&answer))
}

/// The answer of a hand-in.
pub fn taken(reply: Reply) -> Result<EvidenceOutcome, NotDone> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) if failure.may_have_arrived() => {
            return Ok(EvidenceOutcome::Unknown(Doubt::of(failure.to_string())));
        }
        Err(failure) => return Err(not_sent(&failure)),
    };
    let doubtful = || EvidenceOutcome::Unknown(doubt(&answer));
    if answer.status.is_success() {
        let result = read::<Taken>(&answer).and_then(|result| dispute(result.dispute));
        return Ok(result.map_or_else(doubtful, |_| EvidenceOutcome::Taken));
    }
    match refusal(&answer) {
        // A conflict is a definite no to this evidence; anything else is a no to how we ask.
        Some(NotDone::Refused { code, .. }) if answer.status == reqwest::StatusCode::CONFLICT => {
            Ok(EvidenceOutcome::Refused { psp_code: code })
        }
        Some(not_done) => Err(not_done),
        None => Ok(doubtful()),
    }
}

fn dispute(known: Known) -> Option<PspDispute> {
    let currency = Currency::parse(&known.currency).ok()?;
    let opened_at = Timestamp::parse(&known.opened_at)?;
    Some(PspDispute {
        amount: Money::of(known.amount, currency).filter(|amount| !amount.is_zero())?,
        fee: Some(Money::of(known.fee, currency)?),
        reason: DisputeReason::parse(&known.reason).unwrap_or(DisputeReason::General),
        status: DisputeStatus::parse(&known.status)?,
        evidence_due_by: Some(Timestamp::parse(&known.respond_by)?),
        opened_at,
        evidence_key: known.evidence_key,
        reference: known.id,
        psp_payment: known.payment_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Answer, Failure};
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    #[expect(clippy::unnecessary_wraps, reason = "a reply may be none")]
    fn answer(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec(), complete: true })
    }

    const DISPUTE: &str = r#"{"id":"sdp_1","payment_id":"spay_1","status":"needs_response","amount":500,"fee":15,
        "currency":"KRW","reason":"new_reason","respond_by":"2026-01-08T00:00:00Z","opened_at":"2026-01-01T00:00:00Z",
        "evidence_key":null}"#;

    #[test]
    fn a_dispute_is_read_in_our_words() {
        let read = list(answer(200, &format!(r#"{{"data":[{DISPUTE}]}}"#))).unwrap();
        assert_eq!((read[0].amount.minor(), read[0].fee.unwrap().minor()), (500, 15));
        assert_eq!((read[0].status, read[0].reason), (DisputeStatus::NeedsResponse, DisputeReason::General));
        assert_eq!(list(answer(200, r#"{"data":[]}"#)), Ok(vec![]));
    }

    #[test]
    fn one_that_cannot_be_read_is_not_left_out() {
        for (was, is) in [("needs_response", "invented"), ("500", "-1"), ("500", "0"), ("KRW", "WON")] {
            let body = format!(r#"{{"data":[{}]}}"#, DISPUTE.replacen(was, is, 1));
            assert!(matches!(list(answer(200, &body)), Err(NotDone::Unreachable { .. })), "{is}");
        }
        assert!(list(answer(500, "")).is_err());
    }

    #[test]
    fn evidence_is_taken_refused_or_in_doubt() {
        let result = format!(r#"{{"dispute":{DISPUTE}}}"#);
        assert_eq!(taken(answer(200, &result)), Ok(EvidenceOutcome::Taken));
        let late = r#"{"error":{"code":"evidence_too_late","message":""}}"#;
        assert!(
            matches!(taken(answer(409, late)), Ok(EvidenceOutcome::Refused { psp_code }) if psp_code == "evidence_too_late")
        );
        for doubt in [answer(200, "{}"), answer(500, ""), Err(Failure::TimedOut)] {
            assert!(matches!(taken(doubt), Ok(EvidenceOutcome::Unknown { .. })));
        }
        assert!(taken(Err(Failure::NotSent("refused".to_owned()))).is_err());
    }
}

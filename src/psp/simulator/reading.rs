//! What an answer of the stand-in says, and no more than that.
//!
//! The rule: once a request may have arrived, only a well-formed answer ends the doubt. A time-out, a broken connection, a
//! 5xx or a body we cannot read after a confirm call is `Unknown`.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use url::Url;

use super::super::{
    Approval, Card, Decline, DeclineCode, Doubt, Finding, Hold, LONGEST_WAIT, NotDone, Outcome, RefundOutcome,
    Registered,
};
use super::wire;
use crate::outbound::{Answer, Failure, retry_after};
use crate::words::{Currency, Money};

pub(super) type Reply = Result<Answer, Failure>;

/// The answer of a registration. Whatever the doubt, the same key may be sent again and finds the same payment.
pub fn registered(reply: Reply) -> Result<Registered, NotDone> {
    let answer = arrived(reply)?;
    if answer.status.is_success() {
        let payment: wire::Payment = read(&answer).ok_or_else(|| garbled(&answer))?;
        let form_url = Url::parse(&payment.form_url).map_err(|_| garbled(&answer))?;
        return Ok(Registered { psp_payment: payment.id, token: payment.client_token, form_url });
    }
    Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)))
}

/// The answer of a confirm call.
pub fn outcome(reply: Reply) -> Result<Outcome, NotDone> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) if failure.may_have_arrived() => return Ok(Outcome::Unknown(Doubt::of(failure.to_string()))),
        Err(failure) => return Err(not_sent(&failure)),
    };
    if answer.status.is_success() {
        let attempt = read::<wire::Payment>(&answer).and_then(|payment| payment.attempt);
        return Ok(attempt.map_or_else(|| unreadable(&answer), of_attempt));
    }
    if answer.status == StatusCode::PAYMENT_REQUIRED {
        let attempt = read::<wire::Refused>(&answer).and_then(|refused| refused.payment?.attempt);
        return Ok(attempt.map_or_else(|| unreadable(&answer), of_attempt));
    }
    refusal(&answer).map_or_else(|| Ok(unreadable(&answer)), Err)
}

/// The answer of a look for the attempt made under a key of ours.
pub fn finding(reply: Reply, psp_payment: &str) -> Result<Finding, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    let found: wire::Found = read(&answer).ok_or_else(|| garbled(&answer))?;
    let attempt = found.data.into_iter().find(|payment| payment.id == psp_payment).and_then(|payment| payment.attempt);
    Ok(attempt.map_or(Finding::NotFound, |attempt| Finding::Found(of_attempt(attempt))))
}

/// The answer of a look for how held money stands.
pub fn hold(reply: Reply) -> Result<Hold, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    let payment: wire::Payment = read(&answer).ok_or_else(|| garbled(&answer))?;
    Ok(of_hold(&payment).unwrap_or_else(|| unreadable_hold(&answer)))
}

/// The answer of a call that was to end a hold.
pub fn changed_hold(reply: Reply) -> Result<Hold, NotDone> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) if failure.may_have_arrived() => return Ok(Hold::Unknown(Doubt::of(failure.to_string()))),
        Err(failure) => return Err(not_sent(&failure)),
    };
    if answer.status.is_success() {
        let payment = read::<wire::Payment>(&answer);
        return Ok(payment.and_then(|payment| of_hold(&payment)).unwrap_or_else(|| unreadable_hold(&answer)));
    }
    // A refusal shows the payment: one that is ended already says so better than the refusal does.
    let shown = read::<wire::Refused>(&answer).and_then(|refused| refused.payment);
    match shown.as_ref().and_then(of_hold) {
        Some(ended @ (Hold::Captured { .. } | Hold::Released)) => Ok(ended),
        _ => refusal(&answer).map_or_else(|| Ok(unreadable_hold(&answer)), Err),
    }
}

/// How held money stands; `None` when it does not say.
fn of_hold(payment: &wire::Payment) -> Option<Hold> {
    match payment.status.as_str() {
        "authorized" => Some(Hold::Held),
        "voided" => Some(Hold::Released),
        "succeeded" => {
            let capture = payment.captures.first()?;
            let amount = Money::of(capture.amount, Currency::parse(&payment.currency).ok()?)?;
            Some(Hold::Captured { amount, reference: capture.id.clone() })
        }
        _ => None,
    }
}

fn unreadable_hold(answer: &Answer) -> Hold {
    Hold::Unknown(doubt(answer))
}

/// The answer of a refund call.
pub fn refund(reply: Reply) -> Result<RefundOutcome, NotDone> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) if failure.may_have_arrived() => {
            return Ok(RefundOutcome::Unknown(Doubt::of(failure.to_string())));
        }
        Err(failure) => return Err(not_sent(&failure)),
    };
    if answer.status.is_success() {
        let refunded = read::<wire::Refunded>(&answer);
        return Ok(refunded.map_or_else(|| doubtful(&answer), |refunded| of_refund(refunded.refund)));
    }
    match refusal(&answer) {
        // A conflict is a definite no to this refund; anything else is a no to how we ask.
        Some(NotDone::Refused { code, .. }) if answer.status == StatusCode::CONFLICT => {
            Ok(RefundOutcome::Failed { psp_code: code })
        }
        Some(not_done) => Err(not_done),
        None => Ok(doubtful(&answer)),
    }
}

/// The answer of a look for the refund of a payment that was made under a key of ours.
pub fn found_refund(reply: Reply, psp_payment: &str, key: &str) -> Result<Finding<RefundOutcome>, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    let all: wire::FoundRefunds = read(&answer).ok_or_else(|| garbled(&answer))?;
    let found = all.data.into_iter().find(|refund| refund.payment_id == psp_payment && refund.key == key);
    Ok(found.map_or(Finding::NotFound, |refund| Finding::Found(of_refund(refund))))
}

fn of_refund(refund: wire::KnownRefund) -> RefundOutcome {
    match refund.status.as_str() {
        "succeeded" => RefundOutcome::Done { reference: refund.id },
        "failed" => RefundOutcome::Returned {
            reference: refund.id,
            psp_code: refund.failure_code.unwrap_or_else(|| "returned".to_owned()),
        },
        other => RefundOutcome::Unknown(Doubt::of(format!("the refund is in a state we do not know: {other:.40}"))),
    }
}

fn doubtful(answer: &Answer) -> RefundOutcome {
    RefundOutcome::Unknown(doubt(answer))
}

/// What became of an attempt.
fn of_attempt(attempt: wire::Attempt) -> Outcome {
    let card = attempt.card.map(|card| Card { brand: card.brand, last4: card.last4 });
    match attempt.status.as_str() {
        "succeeded" | "authorized" => {
            Outcome::Approved(Approval { reference: attempt.id, card, saved: attempt.saved_card })
        }
        "declined" => {
            let psp_code = attempt.decline_code.unwrap_or_default();
            Outcome::Declined(Decline { code: decline_code(&psp_code), psp_code, card })
        }
        "requires_action" => match attempt.challenge_url.as_deref().map(Url::parse) {
            Some(Ok(url)) => Outcome::ActionRequired { url, card },
            _ => Outcome::Unknown(Doubt::of("a challenge without an address")),
        },
        "processing" => Outcome::Pending,
        other => Outcome::Unknown(Doubt::of(format!("the attempt is in a state we do not know: {other:.40}"))),
    }
}

fn decline_code(psp_code: &str) -> DeclineCode {
    match psp_code {
        "authentication_expired" => DeclineCode::AuthenticationAbandoned,
        known => DeclineCode::parse(known).unwrap_or(DeclineCode::Generic),
    }
}

/// A definite no to the call itself: nothing was done. `None` when the answer leaves doubt.
pub(super) fn refusal(answer: &Answer) -> Option<NotDone> {
    let told = read::<wire::Refused>(answer).map(|refused| refused.error);
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(NotDone::Unreachable {
            reason: "the PSP asks for fewer calls (429)".to_owned(),
            // "Fewer" without a number is a moment at least.
            after: Some(asked_to_wait(&answer.headers).unwrap_or(A_MOMENT)),
        }),
        status if status.is_client_error() => {
            let error = told?;
            // The first call with this key is still being executed: what it will do is not known yet.
            (error.code != "idempotency_key_in_use")
                .then_some(NotDone::Refused { code: error.code, reason: error.message })
        }
        _ => None,
    }
}

const A_MOMENT: Duration = Duration::from_secs(1);

fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let header = |name| headers.get(name)?.to_str().ok();
    // A date is the PSP's own, and so is the clock that it is held against.
    let asked = retry_after::parse(header(RETRY_AFTER)?, header(DATE).and_then(retry_after::date))?;
    Some(asked.min(LONGEST_WAIT))
}

pub(super) fn arrived(reply: Reply) -> Result<Answer, NotDone> {
    reply.map_err(|failure| not_sent(&failure))
}

pub(super) fn not_sent(failure: &Failure) -> NotDone {
    match failure {
        Failure::Refused(rule) => NotDone::Refused {
            code: "address_refused".to_owned(),
            reason: format!("the configured address of the PSP {rule}"),
        },
        other => NotDone::Unreachable { reason: other.to_string(), after: None },
    }
}

pub(super) fn garbled(answer: &Answer) -> NotDone {
    NotDone::Unreachable { reason: said_nothing(answer.status), after: asked_to_wait(&answer.headers) }
}

fn unreadable(answer: &Answer) -> Outcome {
    Outcome::Unknown(doubt(answer))
}

/// What an answer leaves that does not say what was done: it may say when the PSP wants to be called again all the same.
pub(super) fn doubt(answer: &Answer) -> Doubt {
    Doubt { reason: said_nothing(answer.status), after: asked_to_wait(&answer.headers) }
}

fn said_nothing(status: StatusCode) -> String {
    format!("the PSP answered {} without saying what it did", status.as_u16())
}

pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    if !answer.complete {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a reply may be none")]
    fn answer(status: u16, body: &str) -> Reply {
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
            complete: true,
        })
    }

    fn payment(attempt: &str) -> String {
        format!(
            r#"{{"id":"spay_1","client_token":"sct_1","form_url":"http://127.0.0.1/form/sct_1","attempt":{attempt}}}"#
        )
    }

    const CARD: &str = r#""card":{"brand":"visa","last4":"4242"}"#;

    #[test]
    fn each_state_of_an_attempt_has_its_outcome() {
        let read = |attempt: &str| outcome(answer(200, &payment(attempt))).unwrap();
        let approved = read(&format!(r#"{{"id":"satt_1","status":"succeeded",{CARD}}}"#));
        let card = Some(Card { brand: "visa".to_owned(), last4: "4242".to_owned() });
        assert_eq!(approved, Outcome::Approved(Approval { reference: "satt_1".to_owned(), card, saved: None }));
        assert_eq!(read(r#"{"id":"satt_1","status":"processing"}"#), Outcome::Pending);
        let challenge = r#"{"id":"satt_1","status":"requires_action","challenge_url":"http://127.0.0.1/challenge/x"}"#;
        assert!(matches!(read(challenge), Outcome::ActionRequired { .. }));
        assert!(matches!(read(r#"{"id":"satt_1","status":"requires_action"}"#), Outcome::Unknown { .. }));
        assert!(matches!(read(r#"{"id":"satt_1","status":"invented"}"#), Outcome::Unknown { .. }));
        assert!(matches!(read("null"), Outcome::Unknown { .. }));
    }

    #[test]
    fn a_decline_is_read_in_our_words_and_kept_in_the_psps() {
        for (theirs, ours) in [
            ("insufficient_funds", DeclineCode::InsufficientFunds),
            ("suspected_fraud", DeclineCode::SuspectedFraud),
            ("authentication_expired", DeclineCode::AuthenticationAbandoned),
            ("voided", DeclineCode::Generic),
        ] {
            let attempt = format!(r#"{{"id":"satt_1","status":"declined","decline_code":"{theirs}"}}"#);
            let body =
                format!(r#"{{"error":{{"code":"card_declined","message":"no"}},"payment":{}}}"#, payment(&attempt));
            let Ok(Outcome::Declined(decline)) = outcome(answer(402, &body)) else { panic!("{theirs}") };
            assert_eq!((decline.code, decline.psp_code.as_str()), (ours, theirs));
        }
    }

    #[test]
    fn doubt_after_sending_is_never_a_decline() {
        let doubts = [
            answer(500, r#"{"error":{"code":"internal","message":""}}"#),
            answer(502, "<html>"),
            answer(200, "{"),
            answer(402, "{}"),
            answer(409, r#"{"error":{"code":"idempotency_key_in_use","message":""}}"#),
            answer(302, ""),
            Err(Failure::TimedOut),
            Err(Failure::Broken("reset".to_owned())),
        ];
        for doubt in doubts {
            let shown = format!("{doubt:?}");
            assert!(matches!(outcome(doubt), Ok(Outcome::Unknown { .. })), "{shown}");
        }
    }

    #[test]
    fn what_was_surely_not_done_is_said_so() {
        let not_sent = outcome(Err(Failure::NotSent("refused".to_owned())));
        assert!(matches!(not_sent, Err(NotDone::Unreachable { after: None, .. })));
        let conflict = outcome(answer(409, r#"{"error":{"code":"payment_voided","message":"it was voided"}}"#));
        assert!(matches!(conflict, Err(NotDone::Refused { code, .. }) if code == "payment_voided"));
        let mut busy = answer(429, "").unwrap();
        busy.headers.insert(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        for (asked, seconds) in [("7", 7), ("86400", 3600), ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("soon", 1)] {
            busy.headers.insert(RETRY_AFTER, asked.parse().unwrap());
            let heard = outcome(Ok(busy.clone()));
            let after = heard.map_or_else(|not_done| not_done, |outcome| panic!("{outcome:?}"));
            let NotDone::Unreachable { after: Some(wait), .. } = after else { panic!("{after:?}") };
            assert_eq!(wait.as_secs(), seconds, "{asked}");
        }
    }

    /// Of each order, what a 503 with a time leaves.
    #[test]
    fn a_doubt_keeps_the_time_that_the_psp_wants() {
        for (asked, seconds) in [(Some("7"), Some(7)), (Some("86400"), Some(3600)), (Some("soon"), None), (None, None)]
        {
            let mut busy = answer(503, "").unwrap();
            if let Some(asked) = asked {
                busy.headers.insert(RETRY_AFTER, asked.parse().unwrap());
            }
            let wanted = Doubt { reason: said_nothing(busy.status), after: seconds.map(Duration::from_secs) };
            assert_eq!(outcome(Ok(busy.clone())), Ok(Outcome::Unknown(wanted.clone())));
            assert_eq!(changed_hold(Ok(busy.clone())), Ok(Hold::Unknown(wanted.clone())));
            assert_eq!(refund(Ok(busy)), Ok(RefundOutcome::Unknown(wanted)));
        }
    }

    #[test]
    fn an_attempt_is_found_only_on_its_own_payment() {
        let list = format!(r#"{{"data":[{}]}}"#, payment(r#"{"id":"satt_1","status":"processing"}"#));
        assert_eq!(finding(answer(200, &list), "spay_1"), Ok(Finding::Found(Outcome::Pending)));
        assert_eq!(finding(answer(200, &list), "spay_2"), Ok(Finding::NotFound));
        assert_eq!(finding(answer(200, r#"{"data":[]}"#), "spay_1"), Ok(Finding::NotFound));
        // No answer is not the answer "not found".
        assert!(finding(answer(500, ""), "spay_1").is_err());
        assert!(finding(answer(200, "[]"), "spay_1").is_err());
        assert!(finding(Err(Failure::TimedOut), "spay_1").is_err());
    }
}

//! The stand-in as a payout provider.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;

use super::super::{Doubt, Finding, NotDone, PayoutOutcome, PayoutProvider, PayoutRequest};
use super::reading::{Reply, arrived, doubt, garbled, not_sent, read, refusal};
use super::{Simulator, wire};
use crate::words::Mode;

#[async_trait]
impl PayoutProvider for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn sends(&self, mode: Mode) -> bool {
        !mode.is_live()
    }

    fn key_lifetime(&self) -> Option<Duration> {
        None
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, NotDone> {
        let body = wire::SendOut {
            amount: request.amount.minor(),
            currency: request.amount.currency().code(),
            destination: &request.destination,
            reference: &request.key,
        };
        ordered(self.post("/v1/payouts", Some(&request.key), &body).await)
    }

    async fn look_up_payout(&self, key: &str) -> Result<Finding<PayoutOutcome>, NotDone> {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("key", key).finish();
        found(self.get(&format!("/v1/payouts?{query}")).await, key)
    }
}

/// The answer of an order to pay out. As with a confirm call, only a well-formed answer ends the doubt.
fn ordered(reply: Reply) -> Result<PayoutOutcome, NotDone> {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) if failure.may_have_arrived() => {
            return Ok(PayoutOutcome::Unknown(Doubt::of(failure.to_string())));
        }
        Err(failure) => return Err(not_sent(&failure)),
    };
    let doubtful = || PayoutOutcome::Unknown(doubt(&answer));
    // A payout that was refused for what it asks is an answer about the payout, and carries it.
    if answer.status.is_success() || answer.status == StatusCode::PAYMENT_REQUIRED {
        return Ok(read::<wire::Sent>(&answer).map_or_else(doubtful, |sent| of_payout(sent.payout)));
    }
    refusal(&answer).map_or_else(|| Ok(doubtful()), Err)
}

/// The payout made under a key of ours, if there is one.
fn found(reply: Reply, key: &str) -> Result<Finding<PayoutOutcome>, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    let found: wire::FoundPayouts = read(&answer).ok_or_else(|| garbled(&answer))?;
    let payout = found.data.into_iter().find(|payout| payout.key == key);
    Ok(payout.map_or(Finding::NotFound, |payout| Finding::Found(of_payout(payout))))
}

/// Why a payout fails when its destination is dead.
const DEAD: [&str; 3] = ["account_closed", "account_frozen", "invalid_destination"];

fn of_payout(payout: wire::KnownPayout) -> PayoutOutcome {
    let (reference, code) = (payout.id, payout.failure_code.unwrap_or_else(|| "not_said".to_owned()));
    match payout.status.as_str() {
        "accepted" | "processing" => PayoutOutcome::Processing { reference },
        "paid" => PayoutOutcome::Paid { reference },
        "failed" => PayoutOutcome::Failed { of_destination: DEAD.contains(&code.as_str()), code },
        "returned" => PayoutOutcome::Returned { reference, code },
        other => PayoutOutcome::Unknown(Doubt::of(format!("the payout is in a state we do not know: {other:.40}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Answer;
    use reqwest::header::HeaderMap;

    #[expect(clippy::unnecessary_wraps, reason = "a reply may be none")]
    fn answer(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec(), complete: true })
    }

    fn payout(status: &str) -> String {
        format!(r#"{{"id":"spo_1","key":"out_1","status":"{status}","failure_code":"account_closed"}}"#)
    }

    #[test]
    fn each_state_has_its_outcome_and_an_unknown_one_is_unknown() {
        let read = |status| ordered(answer(201, &format!(r#"{{"payout":{}}}"#, payout(status)))).unwrap();
        let reference = || "spo_1".to_owned();
        assert_eq!(read("accepted"), PayoutOutcome::Processing { reference: reference() });
        assert_eq!(read("paid"), PayoutOutcome::Paid { reference: reference() });
        let code = "account_closed".to_owned();
        assert_eq!(read("returned"), PayoutOutcome::Returned { reference: reference(), code: code.clone() });
        assert_eq!(read("failed"), PayoutOutcome::Failed { code, of_destination: true });
        assert!(matches!(read("invented"), PayoutOutcome::Unknown { .. }));
    }

    #[test]
    fn what_says_nothing_is_unknown_and_a_refused_call_did_nothing() {
        assert!(matches!(ordered(answer(500, "")), Ok(PayoutOutcome::Unknown { .. })));
        assert!(matches!(ordered(answer(201, "{}")), Ok(PayoutOutcome::Unknown { .. })));
        let mut busy = answer(503, "").unwrap();
        busy.headers.insert(reqwest::header::RETRY_AFTER, "7".parse().unwrap());
        let waits = |after| matches!(ordered(Ok(busy)), Ok(PayoutOutcome::Unknown(doubt)) if doubt.after == after);
        assert!(waits(Some(Duration::from_secs(7))));
        let refused = r#"{"error":{"code":"invalid_request","message":"no"}}"#;
        assert!(matches!(ordered(answer(400, refused)), Err(NotDone::Refused { .. })));
        let busy = r#"{"error":{"code":"idempotency_key_in_use","message":"wait"}}"#;
        assert!(matches!(ordered(answer(409, busy)), Ok(PayoutOutcome::Unknown { .. })));
        assert!(matches!(ordered(answer(429, "")), Err(NotDone::Unreachable { .. })));
    }

    #[test]
    fn only_the_payout_of_our_key_is_found() {
        let list = format!(r#"{{"data":[{}]}}"#, payout("paid"));
        assert!(matches!(found(answer(200, &list), "out_1"), Ok(Finding::Found(PayoutOutcome::Paid { .. }))));
        assert_eq!(found(answer(200, &list), "out_2"), Ok(Finding::NotFound));
        assert!(matches!(found(answer(500, ""), "out_1"), Err(NotDone::Unreachable { .. })));
    }
}

//! One try at one delivery: sign, send, write down how it went, decide what is next.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::RETRY_AFTER;

use super::deliveries::{self, Attempt, Delivery, Status};
use super::endpoints::{self, Endpoint};
use super::{WebhookError, schedule, signature};
use crate::app::App;
use crate::outbound::{Answer, Call, Failure, retry_after};
use crate::queue::Verdict;
use crate::sabotage::Protection::WebhookRetry;
use crate::words::{DeliveryId, Timestamp, pan, random_bytes};

/// The kind of job that carries out a delivery; its key is the delivery's id.
pub const DELIVER: &str = "webhooks.deliver";

const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const READ: usize = 64 * 1024;
/// Characters of an answer that are kept.
const EXCERPT: usize = 1000;
/// Characters of an error that are kept.
const ERROR: usize = 500;

/// Tries the delivery `key` names, if it is still pending.
pub async fn deliver(app: &App, key: &str) -> Result<Verdict, WebhookError> {
    let Ok(id) = DeliveryId::parse(key) else {
        return Ok(Verdict::Failed { error: "the key is no delivery's id".into() });
    };
    let Some(delivery) = deliveries::by_id(&app.db, &id).await? else { return Ok(Verdict::Done) };
    if delivery.status != Status::Pending {
        return Ok(Verdict::Done);
    }
    let endpoint = endpoints::get(&app.db, &delivery.tenant, &delivery.endpoint).await?;
    match endpoint {
        Some(endpoint) if endpoint.status == endpoints::Status::Enabled => try_once(app, &delivery, &endpoint).await,
        Some(_) => give_up(app, &id, "the endpoint is disabled").await,
        None => give_up(app, &id, "the endpoint was deleted").await,
    }
}

async fn give_up(app: &App, id: &DeliveryId, reason: &str) -> Result<Verdict, WebhookError> {
    let mut tx = app.db.begin().await?;
    deliveries::give_up(&mut tx, id, reason, app.now()).await?;
    tx.commit().await?;
    Ok(Verdict::Done)
}

async fn try_once(app: &App, delivery: &Delivery, endpoint: &Endpoint) -> Result<Verdict, WebhookError> {
    let at = app.now();
    let keys = endpoints::signing_keys(&app.db, &app.keyring, &delivery.tenant, &endpoint.id, at).await?;
    let body = delivery.payload.clone().into_bytes();
    let signature = signature::header(&keys, delivery.event.as_str(), at.unix_seconds(), &body);
    let mut call = Call::new(Method::POST, &endpoint.url);
    call.headers = vec![
        ("content-type", "application/json".into()),
        ("webhook-id", delivery.event.to_string()),
        ("webhook-timestamp", at.unix_seconds().to_string()),
        ("webhook-signature", signature),
    ];
    call.body = body;
    call.timeout = TIMEOUT;
    call.read_limit = READ;
    let began = std::time::Instant::now();
    let answer = app.outbound.webhook().send(call).await;
    let millis = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    conclude(app, delivery, endpoint, &told(&answer, at, millis), asked_to_wait(&answer, at)).await
}

/// What the log of tries keeps of an answer.
fn told(answer: &Result<Answer, Failure>, at: Timestamp, millis: i64) -> Attempt {
    let (status, error, excerpt) = match answer {
        Ok(answer) if answer.status.is_success() => (Some(answer.status), None, excerpt(&answer.body)),
        Ok(answer) => {
            let error = format!("the receiver answered {}, not 2xx", answer.status.as_u16());
            (Some(answer.status), Some(error), excerpt(&answer.body))
        }
        Err(failure) => (None, Some(printable(&failure.to_string(), ERROR)), String::new()),
    };
    Attempt { number: 0, at, status: status.map(|status| i64::from(status.as_u16())), error, millis, excerpt }
}

fn excerpt(body: &[u8]) -> String {
    printable(&pan::scrub(&String::from_utf8_lossy(body)), EXCERPT)
}

/// Without the control characters that a database or a terminal would choke on.
fn printable(text: &str, limit: usize) -> String {
    let plain = |c: &char| !c.is_control() || *c == '\n';
    text.chars().filter(plain).take(limit).collect()
}

fn asked_to_wait(answer: &Result<Answer, Failure>, now: Timestamp) -> Option<Duration> {
    let answer = answer.as_ref().ok().filter(|answer| matches!(answer.status.as_u16(), 429 | 503))?;
    retry_after::parse(answer.headers.get(RETRY_AFTER)?.to_str().ok()?, Some(now))
}

async fn conclude(
    app: &App,
    delivery: &Delivery,
    endpoint: &Endpoint,
    attempt: &Attempt,
    asked_to_wait: Option<Duration>,
) -> Result<Verdict, WebhookError> {
    let now = app.now();
    let gone = attempt.status == Some(410);
    let made = delivery.round_attempts.saturating_add(1);
    let wait = schedule::wait(made, u32::from_ne_bytes(random_bytes()), asked_to_wait)
        .filter(|_| !gone && !WebhookRetry.is_absent());
    let (status, next) = match (&attempt.error, wait) {
        (None, _) => (Status::Succeeded, None),
        (Some(_), Some(wait)) => (Status::Pending, Some(now.plus(wait))),
        (Some(_), None) => (Status::Failed, None),
    };
    let mut tx = app.db.begin().await?;
    if gone {
        let reason = "the receiver answered 410 Gone";
        endpoints::disable(&mut tx, &delivery.tenant, &endpoint.id, reason).await?;
    }
    let stands = deliveries::record(&mut tx, delivery, attempt, status, next, now).await?;
    tx.commit().await?;
    metrics::counter!("tollgate_webhook_attempts_total", "result" => status.as_str()).increment(1);
    tracing::info!(
        delivery = %delivery.id, event = %delivery.event, kind = delivery.kind, http = attempt.status,
        result = status.as_str(), millis = attempt.millis, "webhook tried"
    );
    if !stands {
        // Sent again by hand while this try was on its way.
        return Ok(Verdict::Again { at: now });
    }
    Ok(next.map_or(Verdict::Done, |at| Verdict::Again { at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_printable_and_free_of_card_numbers() {
        let body = [b"a\0b\x1b[31m\xff 4242424242424242 ".as_slice(), &[b'x'; 5000]].concat();
        let kept = excerpt(&body);
        assert!(kept.chars().count() <= EXCERPT && kept.starts_with("ab[31m"), "{kept}");
        assert!(!kept.contains("4242424242424242"));
    }

    #[test]
    fn only_429_and_503_may_ask_for_time() {
        let now = Timestamp::from_unix_seconds(0);
        for (status, wait) in [(429, Some(60)), (503, Some(60)), (500, None), (200, None)] {
            let answer = Answer {
                status: reqwest::StatusCode::from_u16(status).unwrap(),
                headers: [(RETRY_AFTER, "60".parse().unwrap())].into_iter().collect(),
                body: Vec::new(),
                complete: true,
            };
            assert_eq!(asked_to_wait(&Ok(answer), now).map(|wait| wait.as_secs()), wait, "{status}");
        }
    }
}

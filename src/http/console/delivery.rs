//! One webhook to one endpoint: what is sent, every try and every answer.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::components::{Chip, Fact, ModeTag, Moment, Resend, Tone, grouped};
use super::form::Posted;
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::story::readable;
use super::{chips, deliveries, store};
use crate::app::App;
use crate::operators::{NewEntry, record};
use crate::webhooks;
use crate::words::DeliveryId;

/// What the last click did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    resent: bool,
}

/// `GET /console/deliveries/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Refusal> {
    let found = found(&app, &id).await?;
    let tries = webhooks::deliveries::attempts(&app.db, &found).await?;
    let merchant = crate::merchants::get(&app.db, &found.tenant.merchant).await?;
    let urls = store::endpoint_urls(&app.db, &found.tenant.merchant, found.tenant.mode).await?;
    let mut frame = who.frame(format!("Delivery of {}", found.kind), Place::Deliveries, app.now());
    frame.notice = done.resent.then(|| "It is sent again now, with a fresh round of tries.".to_owned());
    let mut facts = vec![
        Fact::words("Merchant", merchant.map_or_else(String::new, |merchant| merchant.name)),
        Fact::words("Endpoint", urls.get(found.endpoint.as_str()).cloned().unwrap_or_default()),
        Fact::id("Endpoint id", found.endpoint.as_str()),
        Fact::id("Event", found.event.as_str()),
        Fact::id("About", found.object_id.as_str()),
        Fact::words("Made", Moment::of(found.created_at).text()),
    ];
    if let Some(next) = found.next_attempt_at {
        facts.push(Fact::words("Next try", Moment::of(next).text()));
    }
    if let Some(error) = &found.last_error {
        facts.push(Fact::words("Last problem", error.as_str()));
    }
    let view = Delivery {
        frame,
        event: found.kind.clone(),
        status: deliveries::status(found.status.as_str(), found.attempts),
        mode: found.tenant.mode.into(),
        resend: Resend { delivery: found.id.to_string(), csrf: who.csrf, what: found.kind },
        facts,
        tries: tries.iter().map(one_try).collect(),
        payload: readable(&found.payload),
        id: found.id.to_string(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// `POST /console/deliveries/{id}/resend`
pub async fn resend(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let found = found(&app, &id).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    webhooks::deliveries::resend(&mut tx, &found.tenant, &found.id, &who.operator.email, now)
        .await
        .map_err(|error| Refusal::broken(&error))?;
    let entry = NewEntry::new("delivery.resend", &who.address, now).by(&who.operator.id).about(found.id.as_str());
    record(&mut tx, &entry).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(Redirect::to(&format!("/console/deliveries/{}?resent=true", found.id)).into_response())
}

async fn found(app: &App, id: &str) -> Result<webhooks::deliveries::Delivery, Refusal> {
    let id = DeliveryId::parse(id).map_err(|_| Refusal::NotFound("delivery"))?;
    webhooks::deliveries::by_id(&app.db, &id).await?.ok_or(Refusal::NotFound("delivery"))
}

fn one_try(attempt: &webhooks::deliveries::Attempt) -> Try {
    Try {
        number: attempt.number,
        at: Moment::of(attempt.at),
        answer: outcome(attempt),
        took: format!("{} ms", grouped(&attempt.millis.to_string())),
        body: readable(&attempt.excerpt),
    }
}

/// What came of a try, as a word with a colour.
pub(super) fn outcome(attempt: &webhooks::deliveries::Attempt) -> Chip {
    let tone = if attempt.error.is_none() { Tone::Good } else { Tone::Bad };
    Chip::new(tone, deliveries::answer(attempt.status, attempt.error.as_deref()))
}

/// The page.
#[derive(Template)]
#[template(path = "console/delivery.html")]
pub struct Delivery {
    frame: Frame,
    id: String,
    event: String,
    status: Chip,
    mode: ModeTag,
    resend: Resend,
    facts: Vec<Fact>,
    tries: Vec<Try>,
    payload: String,
}

/// One try and what came back.
struct Try {
    number: i64,
    at: Moment,
    answer: Chip,
    took: String,
    body: String,
}

impl Delivery {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let frame = Frame::sample("Delivery of checkout.session.completed", Place::Deliveries);
        Self {
            id: "dlv_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            event: "checkout.session.completed".into(),
            status: chips::delivery("retrying"),
            mode: ModeTag { live: false },
            resend: Resend {
                delivery: "dlv_1".into(),
                csrf: frame.csrf.clone(),
                what: "checkout.session.completed".into(),
            },
            facts: vec![
                Fact::words("Merchant", "Hangang Market"),
                Fact::words("Endpoint", "https://shop.example/hooks/tollgate"),
                Fact::id("Event", "evt_01jq8w3k5n7p9r2t4v6x8z0a1b"),
                Fact::id("About", "cs_01jq8w3k5n7p9r2t4v6x8z0a1b"),
            ],
            tries: vec![
                Try {
                    number: 1,
                    at: Moment::of(sample_time(0)),
                    answer: Chip::new(Tone::Bad, "500"),
                    took: "84 ms".into(),
                    body: "<h1>Internal Server Error</h1>".into(),
                },
                Try {
                    number: 2,
                    at: Moment::of(sample_time(5_000)),
                    answer: Chip::new(Tone::Bad, "Timed out"),
                    took: "20,000 ms".into(),
                    body: String::new(),
                },
            ],
            payload: "{\n  \"type\": \"checkout.session.completed\"\n}".into(),
            frame,
        }
    }
}

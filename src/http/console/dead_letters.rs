//! Work that was given up. Read-only: what to do about each kind belongs to the slice that made it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::components::Moment;
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::queue;

/// The oldest so many: more than that is an incident, not a list.
const ROWS: i64 = 200;

/// `GET /console/dead-letters`
pub async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Refusal> {
    let rows = queue::dead(&app.db, ROWS).await?;
    let view = DeadLetters {
        frame: who.frame("Dead letters", Place::DeadLetters, app.now()),
        rows: rows.into_iter().map(row).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// The page of what a job was about, if there is one: its key is an id.
fn about(key: &str) -> Option<String> {
    match key.split_once('_')?.0 {
        "pay" => Some(format!("/console/payments/{key}")),
        "cs" | "po" | "att" | "re" => Some(format!("/console/payments?q={key}")),
        "dlv" => Some(format!("/console/deliveries/{key}")),
        _ => None,
    }
}

fn row(job: queue::DeadJob) -> DeadRow {
    DeadRow {
        id: job.id.to_string(),
        about: about(&job.key),
        key: job.key,
        kind: job.kind,
        tries: job.tries,
        error: crate::words::pan::scrub(&job.last_error.unwrap_or_default()),
        at: Moment::of(job.died_at),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/dead_letters.html")]
pub struct DeadLetters {
    frame: Frame,
    rows: Vec<DeadRow>,
}

struct DeadRow {
    id: String,
    key: String,
    about: Option<String>,
    kind: String,
    tries: i64,
    error: String,
    at: Moment,
}

impl DeadLetters {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Dead letters", Place::DeadLetters),
            rows: vec![DeadRow {
                id: "job_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                key: "att_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                about: None,
                kind: "payments.recover".into(),
                tries: 3,
                error: "the PSP answered 404 to a look-up by our key <b>po_1</b>".into(),
                at: Moment::of(sample_time(0)),
            }],
        }
    }
}

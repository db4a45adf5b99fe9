//! The one line that makes a handler idempotent: the work, the key and the answer are committed together or not at all.
//! What must ask a PSP in between takes [`two_phase()`].

mod two_phase;

pub use two_phase::{Intent, Phases, Told, two_phase};

use axum::http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::http::problem::Problem;
use crate::idempotency::{self, Answer, Begun, Fingerprint, Key};
use crate::sabotage::Protection::IdempotencyKey;
use crate::words::{PaymentId, Tenant};

/// On an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const TRIES: u32 = 5;

/// What makes a request recognizable: its key, and what it was.
#[derive(Debug)]
pub struct Once {
    /// The caller's key, quotes removed.
    pub key: Key,
    /// Of method, path and body.
    pub fingerprint: Fingerprint,
}

/// What work came to, and how long its key is remembered: each route has to say.
#[derive(Debug)]
pub struct Done<T> {
    body: T,
    lasting: Lasting,
}

#[derive(Debug)]
enum Lasting {
    AsThePayment(PaymentId),
    ForEver(String),
    AMonth,
}

impl<T> Done<T> {
    /// About a payment: the key is remembered as long as that payment is there.
    pub fn about(payment: &PaymentId, body: T) -> Self {
        Self { body, lasting: Lasting::AsThePayment(payment.clone()) }
    }

    /// Money moves, or will, by what was made or changed, of this id: the key is remembered for ever, for a repeat after
    /// any time must not move it again.
    pub fn for_ever(object: &impl ToString, body: T) -> Self {
        Self { body, lasting: Lasting::ForEver(object.to_string()) }
    }

    /// No money is in it: the key may be forgotten after a month.
    pub const fn for_a_month(body: T) -> Self {
        Self { body, lasting: Lasting::AMonth }
    }
}

/// Does `work` once for `key`, in one transaction with the memory of it, and answers `status` with what it returns.
///
/// A repeated key gets the first answer with `Idempotent-Replayed: true`; another request under the same key 422; one still
/// being carried out 409. When `work` refuses, everything is rolled back and the key stays unused. `work` may run again
/// after a deadlock, so it does nothing outside of its transaction; in particular it calls no PSP.
pub async fn idempotent<W, T>(
    app: App,
    tenant: Tenant,
    once: Once,
    status: StatusCode,
    work: W,
) -> Result<Response, Problem>
where
    W: AsyncFn(&mut Tx) -> Result<Done<T>, WorkError>,
    T: Serialize,
{
    for _ in 1..TRIES {
        match attempt(&app, &tenant, &once, status, &work).await {
            Err(WorkError::Db(error)) if error.is_retryable() => {}
            done => return Ok(done?),
        }
    }
    Ok(attempt(&app, &tenant, &once, status, &work).await?)
}

/// Why work did not finish: a refusal for the caller, or the database.
#[derive(Debug)]
pub enum WorkError {
    /// Shown to the caller as it is.
    Problem(Problem),
    /// Tried again when that can help.
    Db(DbError),
}

impl From<Problem> for WorkError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<DbError> for WorkError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<WorkError> for Problem {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Problem(problem) => problem,
            WorkError::Db(error) => error.into(),
        }
    }
}

async fn attempt<W, T>(
    app: &App,
    tenant: &Tenant,
    once: &Once,
    status: StatusCode,
    work: &W,
) -> Result<Response, WorkError>
where
    W: AsyncFn(&mut Tx) -> Result<Done<T>, WorkError>,
    T: Serialize,
{
    let mut tx = app.db.begin().await?;
    match idempotency::begin(&mut tx, tenant, &once.key, &once.fingerprint, app.now()).await? {
        Begun::Fresh => {}
        Begun::Replay(_) if IdempotencyKey.is_absent() => {}
        Begun::Replay(answer) => return Ok(replay(answer)),
        Begun::InFlight | Begun::Taken(_) => return Err(in_flight().into()),
        Begun::Mismatch => return Err(mismatch().into()),
    }
    let Done { body, lasting } = work(&mut tx).await?;
    match lasting {
        Lasting::AsThePayment(payment) => idempotency::belongs_to(&mut tx, tenant, &once.key, &payment).await?,
        Lasting::ForEver(object) => idempotency::made(&mut tx, tenant, &once.key, &object).await?,
        Lasting::AMonth => {}
    }
    let body = serde_json::to_string(&body).map_err(|e| Problem::internal(&e))?;
    let answer = Answer { status: status.as_u16(), body };
    idempotency::finish(&mut tx, tenant, &once.key, &answer).await?;
    tx.commit().await?;
    Ok(response(answer))
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}

fn replay(answer: Answer) -> Response {
    let mut response = response(answer);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn in_flight() -> Problem {
    Problem::conflict(
        "idempotency_key_in_flight",
        "A request with this Idempotency-Key is being carried out. Wait, then send it again.",
    )
    .retry_after(1)
}

fn mismatch() -> Problem {
    Problem::unprocessable(
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request. Use a new key for a new request.",
    )
}

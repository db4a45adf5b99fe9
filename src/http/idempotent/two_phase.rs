//! Calls that ask a PSP: taken on in one transaction with their key, carried out, and answered in another.
//!
//! No transaction is open while the PSP is asked. When the process dies in between, whoever repeats the request finishes
//! the first one's work and gets the answer the first one would have got.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::{Once, TRIES, WorkError, in_flight, mismatch, replay, response};
use crate::app::App;
use crate::db::{DbError, Tx, retrying};
use crate::http::problem::Problem;
use crate::idempotency::{self, Answer, Begun, Taken};
use crate::queue::{self, Job, Verdict};
use crate::sabotage::Protection::IdempotencyKey;
use crate::words::{PaymentId, Tenant};

/// How long the caller waits for the PSP; then the answer says how it stands, and the work goes on.
const PATIENCE: Duration = Duration::from_secs(20);
/// Work that takes longer has hung, as a worker's would have.
const LIMIT: Duration = Duration::from_mins(1);
/// How long nobody else touches the key or the job: longer than the work may take.
const LEASE: Duration = Duration::from_secs(90);

/// What a call has taken on.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The id of what was written down, such as a refund's: the work is carried out and answered from it alone.
    pub object: String,
    /// The payment it is about: the key lives as long as that payment.
    pub payment: Option<PaymentId>,
    /// The kind of the job that was enqueued for it under that id, if there is one: this call does that job itself, and a
    /// worker takes over where it fails.
    pub job: Option<&'static str>,
}

/// How a thing stands, for an answer.
#[derive(Debug, Clone)]
pub struct Told {
    /// The object.
    pub body: Value,
    /// Whether its outcome is known, so that there is nothing to wait for.
    pub is_final: bool,
}

/// Does once for `once.key` what `take_on` writes down and `carry_out` then does, and answers `status` with what `tell`
/// says of it.
///
/// `take_on` runs in the transaction of the key: when it refuses, nothing has happened and the key stays unused. It may run
/// again after a deadlock. `carry_out` and `tell` get the id that `take_on` named, from this call or from one before it
/// that was not answered; `carry_out` may be run again, and goes on without the caller.
///
/// While one call is at it, others with the same key get 409.
pub async fn two_phase<Take, Carry, Carrying, Tell, Telling>(
    app: App,
    tenant: Tenant,
    once: Once,
    status: StatusCode,
    phases: Phases<Take, Carry, Tell>,
) -> Result<Response, Problem>
where
    Take: AsyncFn(&mut Tx) -> Result<Intent, WorkError>,
    Carry: FnOnce(App, String) -> Carrying + Send + 'static,
    Carrying: Future<Output = anyhow::Result<Verdict>> + Send + 'static,
    Tell: Fn(App, String) -> Telling + Send + 'static,
    Telling: Future<Output = Result<Told, Problem>> + Send,
{
    let Phases { take_on, carry_out, tell } = phases;
    let mine = match begin(&app, &tenant, &once, &take_on).await? {
        Begin::Mine(mine) => mine,
        Begin::Answered(answer) => return Ok(replay(answer)),
        Begin::Unanswered(taken) => {
            let told = tell(app.clone(), taken.object.clone()).await?;
            if told.is_final {
                // Somebody else has done the work meanwhile: nothing is left but to say so.
                return give(&app, &tenant, &once, status, &told.body).await;
            }
            take_over(&app, &tenant, &once, taken).await?
        }
    };
    // On a task of its own: a caller who hangs up must not stop us between the PSP and the answer.
    let own = app.clone();
    let answering = app.apart(async move {
        do_it(&own, &tenant, &once, &mine, carry_out).await?;
        let told = tell(own.clone(), mine.taken.object).await?;
        give(&own, &tenant, &once, status, &told.body).await
    });
    answering.await.map_err(|panic| Problem::internal(&panic))?
}

/// What [`two_phase`] does.
#[derive(Debug)]
pub struct Phases<Take, Carry, Tell> {
    /// Writes the intent down, with its job.
    pub take_on: Take,
    /// Asks the PSP and settles.
    pub carry_out: Carry,
    /// Says how it stands.
    pub tell: Tell,
}

/// Who this call is among those with its key.
enum Begin {
    /// The one who does it.
    Mine(Mine),
    /// One who comes after the answer.
    Answered(Answer),
    /// One who comes before it.
    Unanswered(Taken),
}

/// Work that this call carries out.
struct Mine {
    taken: Taken,
    job: Option<Job>,
}

async fn begin<Take>(app: &App, tenant: &Tenant, once: &Once, take_on: &Take) -> Result<Begin, Problem>
where
    Take: AsyncFn(&mut Tx) -> Result<Intent, WorkError>,
{
    for _ in 1..TRIES {
        match try_begin(app, tenant, once, take_on).await {
            Err(WorkError::Db(error)) if error.is_retryable() => {}
            begun => return Ok(begun?),
        }
    }
    Ok(try_begin(app, tenant, once, take_on).await?)
}

async fn try_begin<Take>(app: &App, tenant: &Tenant, once: &Once, take_on: &Take) -> Result<Begin, WorkError>
where
    Take: AsyncFn(&mut Tx) -> Result<Intent, WorkError>,
{
    let mut tx = app.db.begin().await?;
    let now = app.now();
    match idempotency::begin(&mut tx, tenant, &once.key, &once.fingerprint, now).await? {
        Begun::Fresh => {}
        Begun::Replay(_) if IdempotencyKey.is_absent() => {}
        Begun::Replay(answer) => return Ok(Begin::Answered(answer)),
        Begun::Taken(taken) => return Ok(Begin::Unanswered(taken)),
        Begun::InFlight => return Err(in_flight().into()),
        Begun::Mismatch => return Err(mismatch().into()),
    }
    let intent = take_on(&mut tx).await?;
    let taken = Taken { object: intent.object, until: now.plus(LEASE) };
    idempotency::take_on(&mut tx, tenant, &once.key, &taken, intent.payment.as_ref()).await?;
    let job = match intent.job {
        Some(kind) => queue::claim_one(&mut tx, kind, &taken.object, now, LEASE).await?,
        None => None,
    };
    tx.commit().await?;
    Ok(Begin::Mine(Mine { taken, job }))
}

/// Makes the work of a call that never answered this call's own, once that one must be dead.
async fn take_over(app: &App, tenant: &Tenant, once: &Once, left: Taken) -> Result<Mine, Problem> {
    let now = app.now();
    let until = now.plus(LEASE);
    // Taken by a clock that ran ahead: whoever took it is waited for as long as anybody.
    let is_beyond = left.until > now.furthest(LEASE);
    if now < left.until && !is_beyond {
        return Err(in_flight());
    }
    let mut tx = app.db.begin().await?;
    if !idempotency::take_over(&mut tx, tenant, &once.key, &left, until).await? {
        return Err(in_flight());
    }
    tx.commit().await?;
    if is_beyond {
        return Err(in_flight());
    }
    // Its job is a worker's by now. Both may ask at once: the PSP knows the key.
    Ok(Mine { taken: Taken { until, ..left }, job: None })
}

/// Carries the work out, and waits for it as long as a caller can be made to wait.
async fn do_it<Carry, Carrying>(
    app: &App,
    tenant: &Tenant,
    once: &Once,
    mine: &Mine,
    carry_out: Carry,
) -> Result<(), Problem>
where
    Carry: FnOnce(App, String) -> Carrying + Send + 'static,
    Carrying: Future<Output = anyhow::Result<Verdict>> + Send + 'static,
{
    let doing = app.apart({
        let (app, object, job) = (app.clone(), mine.taken.object.clone(), mine.job.clone());
        async move {
            let verdict = match tokio::time::timeout(LIMIT, carry_out(app.clone(), object)).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(error)) => Verdict::Failed { error: format!("{error:#}") },
                Err(_) => Verdict::Failed { error: format!("took longer than {} seconds", LIMIT.as_secs()) },
            };
            conclude(&app, job.as_ref(), &verdict).await;
        }
    });
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(Ok(())) | Err(_) => Ok(()),
        Ok(Err(panic)) => {
            let failed = Verdict::Failed { error: "panicked".to_owned() };
            conclude(app, mine.job.as_ref(), &failed).await;
            let now = app.now();
            // No need to wait for the lease: the next call with this key may finish it at once.
            let let_go = retrying(async || {
                let mut tx = app.db.begin().await?;
                idempotency::take_over(&mut tx, tenant, &once.key, &mine.taken, now).await?;
                tx.commit().await
            });
            if let Err(error) = let_go.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an idempotency key stays taken for its lease"
                );
            }
            Err(Problem::internal(&panic))
        }
    }
}

/// Ends the job as a worker would have. What failed is left to a worker, who counts the failures.
async fn conclude(app: &App, job: Option<&Job>, verdict: &Verdict) {
    if let Verdict::Failed { error } = verdict {
        tracing::warn!(error, "what a call began could not be finished by it");
    }
    let Some(job) = job else { return };
    let concluded: Result<(), DbError> = retrying(async || {
        let mut tx = app.db.begin().await?;
        match verdict {
            Verdict::Done => queue::done(&mut tx, job).await?,
            Verdict::Again { at } => queue::again(&mut tx, job, *at).await?,
            Verdict::Failed { error } => queue::try_later(&mut tx, job, app.now(), app.now(), error).await?,
        };
        tx.commit().await
    })
    .await;
    if let Err(error) = concluded {
        tracing::warn!(job = %job.id, error = &error as &dyn std::error::Error, "a worker gets the job after its lease");
    }
    app.wake.notify_one();
}

/// Remembers the answer and gives it; the one that is already remembered, if there is one.
async fn give(app: &App, tenant: &Tenant, once: &Once, status: StatusCode, body: &Value) -> Result<Response, Problem> {
    let answer = Answer { status: status.as_u16(), body: body.to_string() };
    let mine = retrying(async || {
        let mut tx = app.db.begin().await?;
        let mine = idempotency::finish(&mut tx, tenant, &once.key, &answer).await?;
        tx.commit().await?;
        Ok::<_, DbError>(mine)
    })
    .await?;
    if mine || IdempotencyKey.is_absent() {
        return Ok(response(answer));
    }
    let earlier = idempotency::answered(&app.db, tenant, &once.key).await?;
    earlier.map(replay).ok_or_else(in_flight)
}

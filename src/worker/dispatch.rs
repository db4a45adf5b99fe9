//! Which verb a kind of job names, and what is done about one that fails.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::chain;
use crate::app::App;
use crate::queue::{Job, Verdict};
use crate::words::{AttemptId, CaptureId, DisputeId, PaymentId, PayoutId, PspEventId, RefundId};
use crate::{payments, payouts, webhooks};

/// A handler that takes longer has hung.
const LIMIT: Duration = Duration::from_mins(1);

/// So often a worker may end with a job and others at hand; from then on the job is run alone, and counts as a try.
const SHARED: u32 = 2;

/// How long a job waits whose kind this program does not know.
const STRANGE: Duration = Duration::from_secs(10);

/// Runs a claimed job; whatever happens, there is a verdict.
pub(super) async fn run(app: &App, job: &Job) -> Verdict {
    if let Some(error) = hopeless(app, job) {
        return Verdict::Failed { error: error.into() };
    }
    // Boxed: the largest of the verbs would make every future above this one as large.
    guarded(Box::pin(handle(app, job)), LIMIT).await
}

/// Why a job must not be run once more, if there is a reason that is no handler's.
pub(super) fn hopeless(app: &App, job: &Job) -> Option<&'static str> {
    if job.payload.is_none() {
        return Some("what it needs to know cannot be read");
    }
    // It was alone at hand each time after the first two: it takes workers down with it.
    let alone = job.deaths.saturating_sub(SHARED);
    (alone >= app.config.retry.jobs.tries.max(1)).then_some("every try ended with the worker itself")
}

async fn handle(app: &App, job: &Job) -> anyhow::Result<Verdict> {
    Ok(match job.kind.as_str() {
        payments::jobs::REFUND => payments::refunds::carry_out(app, &RefundId::parse(&job.key)?).await?,
        payments::jobs::CAPTURE | payments::jobs::VOID => {
            payments::captures::carry_out(app, &CaptureId::parse(&job.key)?).await?
        }
        payments::jobs::RECOVER => payments::recover(app, &AttemptId::parse(&job.key)?).await?,
        payments::jobs::CHARGE => payments::methods::charge(app, &PaymentId::parse(&job.key)?).await?,
        payments::jobs::EVIDENCE => payments::disputes::carry_out(app, &DisputeId::parse(&job.key)?).await?,
        payments::jobs::DISPUTES => payments::disputes::look_again(app, &PaymentId::parse(&job.key)?).await?,
        payments::jobs::NEW_DISPUTES => payments::disputes::list_at_psp(app, &job.key).await?,
        payments::jobs::NOTICE => payments::read_notice(app, &PspEventId::parse(&job.key)?).await?,
        payments::jobs::PAYOUT_NOTICE => payouts::read_notice(app, &PspEventId::parse(&job.key)?).await?,
        payouts::jobs::CARRY_OUT => payouts::carry_out(app, &PayoutId::parse(&job.key)?).await?,
        payouts::jobs::TURN => payouts::take_turn(app, &job.key).await?,
        payouts::jobs::LOOK => payouts::look(app, &PayoutId::parse(&job.key)?).await?,
        webhooks::DELIVER => webhooks::deliver(app, &job.key).await?,
        unknown => {
            // While one version takes over from another, a newer program enqueues what an older one does not know.
            tracing::warn!(kind = unknown, "this program knows no such job, and leaves it to one that does");
            Verdict::Again { at: app.now().plus(STRANGE) }
        }
    })
}

async fn guarded(handler: impl Future<Output = anyhow::Result<Verdict>>, limit: Duration) -> Verdict {
    let error = match tokio::time::timeout(limit, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(Ok(verdict))) => return verdict,
        Ok(Ok(Err(error))) => chain(error),
        Ok(Err(panic)) => format!("panicked: {}", words_of(panic.as_ref())),
        Err(_) => format!("took longer than {} seconds", limit.as_secs()),
    };
    Verdict::Failed { error }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str) -> Verdict {
        Verdict::Failed { error: error.into() }
    }

    #[tokio::test]
    async fn a_handler_that_misbehaves_has_failed_and_nothing_more() {
        let limit = Duration::from_millis(50);
        assert_eq!(guarded(async { Ok(Verdict::Done) }, limit).await, Verdict::Done);
        assert_eq!(guarded(async { anyhow::bail!("no") }, limit).await, failed("no"));
        assert_eq!(guarded(async { panic!("at {}", 7) }, limit).await, failed("panicked: at 7"));
        let hung = guarded(std::future::pending(), limit).await;
        assert_eq!(hung, failed("took longer than 0 seconds"));
    }
}

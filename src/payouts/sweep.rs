//! Sweep: what the worker looks for every few seconds, because nobody rings for it.

use std::time::Duration;

use super::turn::leave_due;
use super::{PayoutError, jobs, store};
use crate::app::App;
use crate::db::retrying;

/// Between two looks at a payout that was paid.
pub(super) const LOOK_EVERY: Duration = Duration::from_hours(24);
/// A bank that sends money back does so within two weeks; later it is a matter for reconciliation.
pub(super) const LOOK_FOR: Duration = Duration::from_hours(14 * 24);

/// Leaves a turn for each schedule that is due, and a look for each paid payout whose time has come: the webhook that says
/// it came back may be lost. Two sweeps at once do no harm.
pub async fn sweep(app: &App) -> Result<(), PayoutError> {
    leave_due(app).await?;
    leave_looks(app).await
}

async fn leave_looks(app: &App) -> Result<(), PayoutError> {
    let now = app.now();
    if !store::any_to_look_at(&app.db, now, now.furthest(LOOK_EVERY)).await? {
        return Ok(());
    }
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        for (id, tenant) in store::claim_looks(&mut tx, now, LOOK_EVERY, LOOK_FOR).await? {
            jobs::look(&mut tx, &id, &tenant, now).await?;
        }
        Ok::<_, PayoutError>(tx.commit().await?)
    })
    .await?;
    app.wake.notify_one();
    Ok(())
}

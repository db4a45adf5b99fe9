//! Expire: merchants are told before a hold ends, and what was not captured in its time is let go.

use std::time::Duration;

use super::ask::{CaptureError, void};
use super::{Reason, store};
use crate::app::App;
use crate::payments::error::PaymentError;
use crate::payments::tell::tell;

/// How long before the end of a hold its merchant is told.
const NOTICE: Duration = Duration::from_hours(24);

/// Holds looked at in one sweep.
const BATCH: i64 = 200;

/// Tells of the holds that end soon, each once, and takes on the release of those whose time is over.
pub async fn end_overdue(app: &App) -> Result<(), PaymentError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let soon = store::tell_expiring(&mut tx, now.plus(NOTICE), BATCH).await?;
    for payment in &soon {
        tell(&mut tx, &payment.id, "payment.authorization_expiring", now).await?;
    }
    let over = store::overdue(&mut tx, now, BATCH).await?;
    for payment in &over {
        match void(&mut tx, payment, Reason::AuthorizationExpired, now).await {
            // A capture that came first has its chance; should it fail, the next sweep finds the payment again.
            Ok(_) | Err(CaptureError::UnderWay(_) | CaptureError::NotAuthorized(_)) => {}
            Err(CaptureError::Db(error)) => return Err(error.into()),
            Err(error) => tracing::error!(payment = %payment.id, %error, "a hold whose time is over stays"),
        }
    }
    tx.commit().await?;
    if !(soon.is_empty() && over.is_empty()) {
        app.wake.notify_one();
    }
    Ok(())
}

//! Reconciles every source when its hour has come.
//!
//! Any number of processes may run it: of two that begin the same source, one finds it taken.

use tokio_util::sync::CancellationToken;

use super::{NIGHT, chain, rest};
use crate::app::App;
use crate::reconciliation::nightly;

pub(super) async fn work(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = nightly::round(&app, || !stop.is_cancelled()).await {
            tracing::error!(error = chain(error), "what is due cannot be reconciled");
        }
        if !rest(NIGHT, &stop).await {
            return;
        }
    }
}

//! Work that says again and again that it is still being done.

use std::time::Duration;

/// Does `work` and calls `renew` each time `every` has passed meanwhile. Side by side, so that neither waits for what the
/// other holds.
pub async fn renewing<T, R: Future>(every: Duration, mut renew: impl FnMut() -> R, work: impl Future<Output = T>) -> T {
    let forever = async {
        loop {
            tokio::time::sleep(every).await;
            renew().await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = forever => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_lease_is_renewed_as_long_as_the_work_takes_and_not_for_work_that_is_quick() {
        let renewals = AtomicU32::new(0);
        let renew = || {
            renewals.fetch_add(1, Ordering::Relaxed);
            std::future::ready(())
        };
        renewing(Duration::from_millis(5), renew, std::future::ready(())).await;
        assert_eq!(renewals.load(Ordering::Relaxed), 0);
        let long = async {
            while renewals.load(Ordering::Relaxed) < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        renewing(Duration::from_millis(5), renew, long).await;
        assert_eq!(renewals.into_inner(), 3);
    }
}

//! Waiting until nothing is open any more.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::disputes;
use super::net::How;
use super::stage::Stage;
use super::store;

/// Waits until everything is finished, `patience` at most; says what is not, and what was given up.
pub async fn wait(stage: &Stage, patience: Duration) -> anyhow::Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let left = store::unfinished(&stage.db).await?;
        let is_over = began.elapsed() > patience;
        // The PSP's record is long: it is read when nothing else is left.
        let contested = if left.is_empty() || is_over { disputes::open(stage).await? } else { Vec::new() };
        if left.is_empty() && contested.is_empty() || is_over {
            let mut stuck: Vec<String> =
                left.iter().flat_map(|(name, count)| (0..*count).map(move |_| name.clone())).collect();
            stuck.extend(contested);
            stuck.extend(store::dead_jobs(&stage.db).await?);
            return Ok(stuck);
        }
        leave_challenges(stage).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A challenge that came up after its shopper had gone would stay open for a quarter of an hour: it is left here and now.
async fn leave_challenges(stage: &Stage) -> anyhow::Result<()> {
    for url in store::open_challenges(&stage.db).await? {
        let body = json!({ "outcome": "abandon" });
        let _ = stage.net.send(Method::POST, &url, &How { body: Some(&body), ..How::default() }).await;
    }
    Ok(())
}

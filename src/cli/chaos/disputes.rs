//! Shoppers' banks contest what was paid, and the shop says something against it, gives in, or does nothing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;

use super::dice::Dice;
use super::record;
use super::stage::Stage;
use super::store;
use super::told::Told;

/// The card whose owner contests what it paid, a moment later.
pub const CARD: &str = "disputed";

/// How often the shop looks whether its payment is contested, half a second apart.
const LOOKS: u32 = 20;

/// Answers the dispute of what `told` says was paid, once the shop sees it; another card may have paid, so there may be none.
pub async fn answer(stage: &Stage, dice: &mut Dice, told: &mut Told) -> anyhow::Result<()> {
    let (verb, body) = match dice.between(0, 99) {
        0..40 => ("evidence", json!({ "explanation": "winning_evidence" })),
        40..65 => ("evidence", json!({ "explanation": "losing_evidence" })),
        65..80 => ("accept", json!({})),
        _ => return Ok(()),
    };
    let list = format!("/v1/disputes?payment={}", told.payment);
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let seen = stage.look(dice, &list).await?;
        let Some(id) = seen.json["data"][0]["id"].as_str() else { continue };
        let (path, key) = (format!("/v1/disputes/{id}/{verb}"), format!("chaos-{verb}-{}", told.number));
        let twice = dice.percent(40);
        let first = stage.api(dice, &path, &key, &body).await?;
        anyhow::ensure!(first.status == 200, "a dispute was answered {} {}", first.status, first.text);
        if twice {
            let second = stage.api(dice, &path, &key, &body).await?;
            told.two_answers(&path, &first, &second);
        }
        told.answered = Some(id.to_owned());
        return Ok(());
    }
    Ok(())
}

/// What is not decided yet, or not known on both sides: the bank takes a moment to contest, and another to decide.
pub async fn open(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let record = record::read(stage).await?;
    let contested: HashSet<&str> = record.disputes.iter().map(|dispute| dispute.payment.as_str()).collect();
    let taken: HashSet<&str> = record.captures.iter().map(|capture| capture.payment.as_str()).collect();
    let will_be =
        record.to_contest.iter().map(String::as_str).filter(|id| taken.contains(id) && !contested.contains(id));
    let mut open: Vec<String> = will_be.map(|id| format!("{id} is not contested yet")).collect();
    let ours: HashMap<String, String> =
        store::disputes(&stage.db).await?.into_iter().map(|our| (our.reference, our.status)).collect();
    for theirs in &record.disputes {
        if theirs.status == "under_review" || ours.get(&theirs.reference) != Some(&theirs.status) {
            open.push(format!("{} of {}: {} at the PSP", theirs.reference, theirs.payment, theirs.status));
        }
    }
    Ok(open)
}

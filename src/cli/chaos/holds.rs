//! What the shop does with money that a card holds: takes it, in full or in part, lets it go, both at once, or nothing.

use serde_json::{Value, json};

use super::dice::Dice;
use super::stage::Stage;
use super::told::{Ordered, Told};

/// Decides about the hold of `told`, which the shopper was told is paid.
pub async fn decide(stage: &Stage, dice: &mut Dice, told: &mut Told) -> anyhow::Result<()> {
    let part = dice.between(1, 9).saturating_mul(u64::try_from(told.amount)?) / 10;
    let part = json!({ "amount": part.max(1).to_string() });
    match dice.between(0, 99) {
        0..35 => order(stage, dice, told, "capture", &json!({}), 0).await,
        35..60 => order(stage, dice, told, "capture", &part, 0).await,
        60..75 => order(stage, dice, told, "cancel", &json!({}), 0).await,
        75..90 => {
            // One person captures while another cancels: one of them wins.
            let (mut one, mut other) = (dice.clone(), Dice::new(dice.throw()));
            let (mut here, mut there) = (told.clone(), told.clone());
            let nothing = json!({});
            let (first, second) = tokio::join!(
                order(stage, &mut one, &mut here, "capture", &part, 1),
                order(stage, &mut other, &mut there, "cancel", &nothing, 2)
            );
            first?;
            second?;
            told.orders.extend(here.orders.into_iter().chain(there.orders));
            told.contradictions.extend(here.contradictions.into_iter().chain(there.contradictions));
            Ok(())
        }
        _ => Ok(()), // Forgets about it.
    }
}

async fn order(
    stage: &Stage,
    dice: &mut Dice,
    told: &mut Told,
    verb: &str,
    body: &Value,
    number: u64,
) -> anyhow::Result<()> {
    let path = format!("/v1/payments/{}/{verb}", told.payment);
    let key = format!("chaos-{verb}-{}-{number}", told.number);
    let twice = dice.percent(40);
    let first = stage.api(dice, &path, &key, body).await?;
    let accepted = matches!(first.status, 200..=202);
    anyhow::ensure!(accepted || first.status == 409, "a {verb} was answered {} {}", first.status, first.text);
    if !accepted {
        return Ok(());
    }
    if twice {
        let second = stage.api(dice, &path, &key, body).await?;
        told.two_answers(&path, &first, &second);
    }
    told.orders.push(match verb {
        "capture" => Ordered::Capture(body["amount"].as_str().map_or(Ok(told.amount), str::parse)?),
        _ => Ordered::Cancel,
    });
    Ok(())
}

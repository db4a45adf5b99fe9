//! The shop gives money back: in full, in parts, and in parts that compete for more than there is.

use futures_util::future::join_all;
use serde_json::json;

use super::dice::Dice;
use super::net::Reply;
use super::stage::Stage;
use super::told::{TakenOn, Told};

/// Gives back what `told` says was paid, one way or another.
pub async fn give_back(stage: &Stage, dice: &mut Dice, told: &mut Told) -> anyhow::Result<()> {
    let amount = told.amount;
    let parts: Vec<Option<i64>> = match dice.between(0, 3) {
        0 => vec![None],
        1 => vec![Some(amount * 3 / 10); 3],
        // Two of these fit into the payment one by one and never together.
        2 => vec![Some(amount * 6 / 10); 3],
        _ => vec![None, Some(amount / 2), Some(amount)],
    };
    let mut calls = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let key = format!("chaos-refund-{}-{index}", told.number);
        let twice = dice.percent(40);
        calls.push(ask(stage, Dice::new(dice.throw()), told.payment.clone(), *part, key, twice));
    }
    for done in join_all(calls).await {
        let Some((first, second)) = done? else { continue };
        if let Some(second) = second {
            told.two_answers("POST /v1/refunds", &first, &second);
        }
        told.refunds.push(TakenOn::of(&first)?);
    }
    Ok(())
}

/// The answer that took a refund on, if one did, and the answer to the repeat.
type Answers = Option<(Reply, Option<Reply>)>;

async fn ask(
    stage: &Stage,
    mut dice: Dice,
    payment: String,
    part: Option<i64>,
    key: String,
    twice: bool,
) -> anyhow::Result<Answers> {
    let body = match part {
        Some(minor) => json!({ "payment": payment, "amount": minor.to_string() }),
        None => json!({ "payment": payment }),
    };
    let first = stage.api(&mut dice, "/v1/refunds", &key, &body).await?;
    if first.status != 201 {
        anyhow::ensure!(first.status == 409, "a refund was answered {} {}", first.status, first.text);
        return Ok(None);
    }
    let second = if twice { Some(stage.api(&mut dice, "/v1/refunds", &key, &body).await?) } else { None };
    Ok(Some((first, second)))
}

//! The shop gives money back: in full, in parts, and in parts that compete for more than there is.

use futures_util::future::join_all;
use serde_json::json;

use super::dice::Dice;
use super::stage::Stage;
use super::told::Told;

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
        let Asked { refund, second } = done?;
        if let (Some((id, _)), Some(second)) = (&refund, second) {
            told.two_answers("POST /v1/refunds", id, &second);
        }
        told.refunds.extend(refund);
    }
    Ok(())
}

struct Asked {
    /// The refund that was taken on, if one was.
    refund: Option<(String, i64)>,
    /// The refund that the repeat named.
    second: Option<String>,
}

async fn ask(
    stage: &Stage,
    mut dice: Dice,
    payment: String,
    part: Option<i64>,
    key: String,
    twice: bool,
) -> anyhow::Result<Asked> {
    let body = match part {
        Some(minor) => json!({ "payment": payment, "amount": minor.to_string() }),
        None => json!({ "payment": payment }),
    };
    let first = stage.api(&mut dice, "/v1/refunds", &key, &body).await?;
    if first.status != 201 {
        anyhow::ensure!(first.status == 409, "a refund was answered {} {}", first.status, first.text);
        return Ok(Asked { refund: None, second: None });
    }
    let second = if twice { Some(stage.api(&mut dice, "/v1/refunds", &key, &body).await?.text_of("id")) } else { None };
    let minor = first.text_of("amount").parse()?;
    Ok(Asked { refund: Some((first.text_of("id"), minor)), second })
}

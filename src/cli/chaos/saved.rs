//! The shop charges a card that its shopper let it keep, when the shopper is gone.

use anyhow::ensure;
use serde_json::json;

use super::dice::Dice;
use super::stage::Stage;
use super::told::Told;

/// Charges the card that was saved with what `told` says was paid, if one was; gives what was said about the charge.
pub async fn charge(stage: &Stage, dice: &mut Dice, told: &mut Told) -> anyhow::Result<Option<Told>> {
    let paid = stage.look(dice, &format!("/v1/payments/{}", told.payment)).await?;
    let method = paid.text_of("payment_method");
    if method.is_empty() {
        return Ok(None);
    }
    let amount = dice.between(1, 90) * 100;
    let body = json!({ "amount": amount.to_string(), "currency": "KRW", "payment_method": method });
    let key = format!("chaos-charge-{}", told.number);
    let first = if dice.percent(50) {
        let mut other = Dice::new(dice.throw());
        let (one, two) = tokio::join!(
            stage.api(dice, "/v1/payments", &key, &body),
            stage.api(&mut other, "/v1/payments", &key, &body)
        );
        let (one, two) = (one?, two?);
        told.two_answers("POST /v1/payments", &one, &two);
        one
    } else {
        stage.api(dice, "/v1/payments", &key, &body).await?
    };
    ensure!(first.status == 201, "a charge was answered {} {}", first.status, first.text);
    let (payment, last) = (first.text_of("id"), first.text_of("status"));
    let (paid, not_paid) = (last == "succeeded", last == "failed");
    let amount = i64::try_from(amount)?;
    Ok(Some(Told { number: told.number, payment, amount, paid, not_paid, last, ..Told::default() }))
}

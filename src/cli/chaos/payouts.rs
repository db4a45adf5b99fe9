//! The shop delivers, and its seller is paid out: once, however often it is asked for.

use serde_json::json;

use super::dice::Dice;
use super::stage::Stage;
use super::told::{TakenOn, Told};

/// Delivers the order `po` of `seller`, and often asks for a payout of what it brought.
pub async fn pay_out(stage: &Stage, dice: &mut Dice, told: &mut Told, seller: &str, order: &str) -> anyhow::Result<()> {
    let (path, key) = (format!("/v1/payment_orders/{order}/fulfill"), format!("chaos-fulfill-{}", told.number));
    let delivered = stage.api(dice, &path, &key, &json!({})).await?;
    anyhow::ensure!(delivered.status == 200, "not delivered: {} {}", delivered.status, delivered.text);
    told.delivered = Some(order.to_owned());
    if dice.percent(30) {
        return Ok(());
    }
    let (twice, key) = (dice.percent(40), format!("chaos-payout-{}", told.number));
    let minor = dice.between(1, 10) * 100;
    let body = json!({ "seller": seller, "amount": minor.to_string(), "currency": "KRW" });
    let first = stage.api(dice, "/v1/payouts", &key, &body).await?;
    if first.status != 201 {
        // Others asked for the same money: more than is available is refused.
        anyhow::ensure!(first.status == 409, "a payout was answered {} {}", first.status, first.text);
        if first.text_of("code") == "payout_destination_failed" {
            // Somebody asks the bank, and says that it may go on.
            let (path, key) = (format!("/v1/sellers/{seller}/verification"), format!("chaos-verify-{}", told.number));
            let checked = stage.api(dice, &path, &key, &json!({ "state": "verified" })).await?;
            anyhow::ensure!(checked.status == 200, "not verified again: {} {}", checked.status, checked.text);
        }
        return Ok(());
    }
    if twice {
        let second = stage.api(dice, "/v1/payouts", &key, &body).await?;
        told.two_answers("POST /v1/payouts", &first, &second);
    }
    told.payouts.push(TakenOn::of(&first)?);
    Ok(())
}

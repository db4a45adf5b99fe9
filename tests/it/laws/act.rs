//! Doing one thing, as its client does it: by the API under an idempotency key where there is one.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::words::{PaymentId, SessionId};
use tollgate::{payments, worker};

use super::op::Op;
use crate::steps::model_psp::{Became, Mishap};
use crate::steps::stage::Stage;

/// Does `op`, the one at `position`; says what its client was told.
pub fn act(stage: Stage, position: usize, op: Op) -> LocalBoxFuture<'static, String> {
    Box::pin(async move { told(&stage, position, op).await.unwrap_or_else(|| "there is none".to_owned()) })
}

async fn told(stage: &Stage, position: usize, op: Op) -> Option<String> {
    let key = format!("op-{position}");
    Some(match op {
        Op::Open { cents, two_sellers, manual } => {
            let mut lines = vec![json!({ "name": "Tea", "unit_amount": decimal(cents), "quantity": 1 })];
            if two_sellers {
                let seller = &stage.second;
                lines.push(json!({ "name": "Cups", "unit_amount": "3.33", "quantity": 3, "seller": seller }));
            }
            let capture = if manual { "manual" } else { "automatic" };
            let body = json!({ "line_items": lines, "currency": "USD", "success_url": "https://shop.example/paid",
                "application_fee": "0.37", "expires_in": 86_400, "capture": capture });
            format!("{}", stage.post("/v1/checkout/sessions", &key, &body).await.0)
        }
        Op::Pay { of, card, mishap } => {
            let (_, payment) = checkout(stage, of).await?;
            if payments::register(&stage.app, &payment).await.is_err() {
                return Some("not registered".to_owned());
            }
            stage.psp.record().mishaps.extend(mishap);
            format!("{:?}", payments::execute(&stage.app, &payment, card.token()).await)
        }
        Op::Decide { of, taken } => {
            let psp_payment = psp_payment(stage, of).await?;
            stage.psp.decide(&psp_payment, if taken { Became::Taken } else { Became::Declined });
            "decided".to_owned()
        }
        Op::Look { of } => format!("{:?}", payments::look_again(&stage.app, &checkout(stage, of).await?.1).await),
        Op::GiveUp { of } => format!("{:?}", payments::give_up(&stage.app, &checkout(stage, of).await?.1).await),
        Op::Expire { of } => {
            let path = format!("/v1/checkout/sessions/{}/expire", checkout(stage, of).await?.0);
            format!("{}", stage.post(&path, &key, &json!({})).await.0)
        }
        Op::Capture { of, cents, mishap } => {
            let path = format!("/v1/payments/{}/capture", checkout(stage, of).await?.1);
            let body = cents.map_or_else(|| json!({}), |cents| json!({ "amount": decimal(cents) }));
            in_one_go(stage, &path, &key, &body, mishap).await
        }
        Op::Cancel { of, mishap } => {
            let path = format!("/v1/payments/{}/cancel", checkout(stage, of).await?.1);
            in_one_go(stage, &path, &key, &json!({}), mishap).await
        }
        Op::Refund { of, cents, mishap } => {
            let body = json!({ "payment": checkout(stage, of).await?.1, "amount": decimal(cents) });
            in_one_go(stage, "/v1/refunds", &key, &body, mishap).await
        }
        Op::RefundOrder { of, order, cents } => {
            let (_, payment) = checkout(stage, of).await?;
            let order = payments::store::orders(&stage.app.db, &payment).await.unwrap().get(order)?.id.clone();
            let orders = json!([{ "payment_order": order, "amount": decimal(cents) }]);
            in_one_go(stage, "/v1/refunds", &key, &json!({ "payment": payment, "orders": orders }), None).await
        }
        Op::Fulfill { of, order } => {
            let (_, payment) = checkout(stage, of).await?;
            let order = payments::store::orders(&stage.app.db, &payment).await.unwrap().get(order)?.id.clone();
            format!("{}", stage.post(&format!("/v1/payment_orders/{order}/fulfill"), &key, &json!({})).await.0)
        }
        Op::Bounce { of } => {
            if stage.psp.bounce(&psp_payment(stage, of).await?) {
                tell_last(stage).await;
            }
            "sent back".to_owned()
        }
        Op::ChangeMind { of } => {
            if stage.psp.change_mind(&psp_payment(stage, of).await?) {
                tell_last(stage).await;
            }
            "changed".to_owned()
        }
        Op::Policies { late, keep_fee, refuse, days, ppm } => {
            let body = json!({
                "late_success": if late { "refund" } else { "accept" },
                "refund_fee": if keep_fee { "keep" } else { "return" },
                "negative_balance": if refuse { "refuse" } else { "allow" },
                "fulfill_after_days": days,
                "platform_fee": { "ppm": ppm },
            });
            format!("{}", stage.post("/v1/policies", &key, &body).await.0)
        }
        Op::Webhook { n } => {
            let notice = stage.psp.record().notices.get(n)?.clone();
            let heard = stage.hear(&notice).await;
            let _ = worker::round(&stage.app).await;
            format!("{heard}")
        }
        Op::Work => format!("{:?}", worker::round(&stage.app).await),
        Op::Wait { minutes } => wait(stage, minutes).await,
    })
}

/// The PSP's last webhook comes at once.
async fn tell_last(stage: &Stage) {
    let notice = stage.psp.record().notices.last().unwrap().clone();
    stage.hear(&notice).await;
    let _ = worker::round(&stage.app).await;
}

/// Asked, and the job it left is done at once, as by an idle worker.
async fn in_one_go(stage: &Stage, path: &str, key: &str, body: &Value, mishap: Option<Mishap>) -> String {
    stage.psp.record().mishaps.extend(mishap);
    let told = stage.post(path, key, body).await.0;
    let _ = worker::round(&stage.app).await;
    format!("{told}")
}

/// A bank that thinks for a day and a worker that sleeps for one are not what is tried here.
async fn wait(stage: &Stage, minutes: u64) -> String {
    if minutes >= 60 {
        super::rest(stage).await.unwrap();
    }
    stage.clock.advance(Duration::from_mins(minutes));
    format!("{:?}", worker::round(&stage.app).await)
}

/// The `of`-th checkout, round and round.
async fn checkout(stage: &Stage, of: usize) -> Option<(SessionId, PaymentId)> {
    let rows = query("select id, payment_id from checkout_sessions order by id").all(&stage.app.db).await.unwrap();
    let row = rows.get(of.checked_rem(rows.len())?)?;
    Some((row.get("id").unwrap(), row.get("payment_id").unwrap()))
}

async fn psp_payment(stage: &Stage, of: usize) -> Option<String> {
    let (_, payment) = checkout(stage, of).await?;
    let payment = payments::store::find(&stage.app.db, &payment).await.unwrap()?;
    payment.registered.map(|registered| registered.psp_payment)
}

/// How many attempts there are at what `op` pays; nothing for what pays nothing.
pub async fn attempts_at(stage: &Stage, op: &Op) -> usize {
    let Some(of) = op.of() else { return 0 };
    let Some((_, payment)) = checkout(stage, of).await else { return 0 };
    payments::attempts::of_payment(&stage.app.db, &payment).await.unwrap().len()
}

fn decimal(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

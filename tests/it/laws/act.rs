//! Doing one thing, as its client does it: by the API under an idempotency key where there is one.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tollgate::corrections::{self, Asked};
use tollgate::db::query;
use tollgate::ledger::{Account, Transfer, seals};
use tollgate::merchants::policies::limit;
use tollgate::merchants::sellers::{self, Change, Verification};
use tollgate::payments::second_charge;
use tollgate::words::{DisputeId, Money, PaymentId, PayoutId, SellerId, SessionId};
use tollgate::{payments, payouts, worker};

use super::op::{Interval, Op, Pocket, Terms};
use crate::steps::model_psp::{Became, LIFETIME, Mishap};
use crate::steps::stage::Stage;

/// Does `op`, the one at `position`; says what its client was told.
pub fn act(stage: Stage, position: usize, op: Op) -> LocalBoxFuture<'static, String> {
    Box::pin(async move { told(&stage, position, op).await.unwrap_or_else(|| "there is none".to_owned()) })
}

#[expect(clippy::too_many_lines, reason = "one arm for each thing that can be done")]
async fn told(stage: &Stage, position: usize, op: Op) -> Option<String> {
    let key = format!("op-{position}");
    Some(match op {
        Op::Open { cents, two_sellers, manual } => {
            let mut lines = vec![json!({ "name": "Tea", "unit_amount": decimal(stage, cents), "quantity": 1 })];
            if two_sellers {
                let seller = &stage.second;
                lines.push(
                    json!({ "name": "Cups", "unit_amount": decimal(stage, 333), "quantity": 3, "seller": seller }),
                );
            }
            let capture = if manual { "manual" } else { "automatic" };
            let body = json!({ "line_items": lines, "currency": stage.currency, "success_url": "https://shop.example/paid",
                "application_fee": decimal(stage, 37), "expires_in": 86_400, "capture": capture });
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
            let body = cents.map_or_else(|| json!({}), |cents| json!({ "amount": decimal(stage, cents) }));
            in_one_go(stage, &path, &key, &body, mishap).await
        }
        Op::Cancel { of, mishap } => {
            let path = format!("/v1/payments/{}/cancel", checkout(stage, of).await?.1);
            in_one_go(stage, &path, &key, &json!({}), mishap).await
        }
        Op::Refund { of, cents, mishap } => {
            let body = json!({ "payment": checkout(stage, of).await?.1, "amount": decimal(stage, cents) });
            in_one_go(stage, "/v1/refunds", &key, &body, mishap).await
        }
        Op::RefundOrder { of, order, cents } => {
            let (_, payment) = checkout(stage, of).await?;
            let order = payments::store::orders(&stage.app.db, &payment).await.unwrap().get(order)?.id.clone();
            let orders = json!([{ "payment_order": order, "amount": decimal(stage, cents) }]);
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
        Op::GiveBack { of } => give_back(stage, of).await?,
        Op::Policies { late, review, keep_fee, refuse, days, ppm, approve_above } => {
            let above = approve_above
                .map_or_else(|| json!({}), |cents| json!({ stage.currency.code(): decimal(stage, cents) }));
            let body = json!({
                "late_success": if late { "refund" } else { "accept" },
                "second_charge": if review { "review" } else { "refund" },
                "refund_fee": if keep_fee { "keep" } else { "return" },
                "negative_balance": if refuse { "refuse" } else { "allow" },
                "fulfill_after_days": days,
                "platform_fee": { "ppm": ppm },
                "payout_approval_above": above,
            });
            let decided = stage.post("/v1/policies", &key, &body).await.0;
            if decided != 403 {
                return Some(format!("{decided}"));
            }
            // A key cannot loosen the limit; two people can.
            let (mut tx, now) = (stage.app.db.begin().await.unwrap(), stage.app.now());
            let first = (&stage.operator, "one@example.com");
            limit::wish(&mut tx, &stage.tenant, &body["payout_approval_above"], first, now).await.unwrap();
            let wish = limit::waiting(&mut tx, &stage.tenant).await.unwrap().unwrap();
            limit::agree(&mut tx, &wish, "two@example.com", now).await.unwrap();
            tx.commit().await.unwrap();
            format!("by two, {}", stage.post("/v1/policies", &key, &body).await.0)
        }
        Op::PayOut { second, cents, mishap } => {
            let body =
                json!({ "seller": seller(stage, second), "amount": decimal(stage, cents), "currency": stage.currency });
            in_one_go(stage, "/v1/payouts", &key, &body, mishap).await
        }
        Op::DecidePayout { n, yes } => decide_payout(stage, &payout(stage, n).await?, yes).await,
        Op::CancelPayout { n } => {
            let path = format!("/v1/payouts/{}/cancel", payout(stage, n).await?);
            format!("{}", stage.post(&path, &key, &json!({})).await.0)
        }
        Op::ReturnPayout { n } => {
            let arrived = stage.psp.record().arrived();
            let sent = arrived.get(n.checked_rem(arrived.len())?)?;
            if stage.psp.send_back(sent) {
                tell_last(stage).await;
            }
            "sent back".to_owned()
        }
        Op::Schedule { second, terms } => {
            let (schedule, shown) = payouts::schedule::read(&wanted(stage, &terms)).unwrap();
            let due = payouts::first_due(schedule.as_ref(), stage.app.now());
            let change = Change { payout_schedule: Some((shown, due)), ..Change::default() };
            let (seller, now) = (seller(stage, second), stage.app.now());
            let mut tx = stage.app.db.begin().await.unwrap();
            payouts::change_seller(&mut tx, &stage.tenant, seller, &change, Duration::ZERO, now).await.unwrap();
            // Where money did not arrive, somebody has asked the bank meanwhile.
            let verified = Verification::Verified;
            assert!(sellers::set_verification(&mut tx, &stage.tenant, seller, verified, None, now).await.unwrap());
            tx.commit().await.unwrap();
            "scheduled".to_owned()
        }
        Op::Contest { of, cents, told } => {
            if stage.psp.contest(&psp_payment(stage, of).await?, cents) && told {
                tell_last(stage).await;
            }
            "contested".to_owned()
        }
        Op::Rule { of, won, told } => {
            if stage.psp.rule(&psp_payment(stage, of).await?, won) && told {
                tell_last(stage).await;
            }
            "decided".to_owned()
        }
        Op::Answer { of, mishap } => {
            let path = format!("/v1/disputes/{}/evidence", dispute(stage, of).await?);
            in_one_go(stage, &path, &key, &json!({ "explanation": "It was delivered." }), mishap).await
        }
        Op::Accept { of, mishap } => {
            let path = format!("/v1/disputes/{}/accept", dispute(stage, of).await?);
            in_one_go(stage, &path, &key, &json!({}), mishap).await
        }
        Op::Correct { second, pocket, cents, to_seller } => {
            correct(stage, seller(stage, second), pocket, cents, to_seller).await?
        }
        Op::Seal => format!(
            "{:?}",
            seals::seal(&stage.app.db, &stage.app.keyring, &seals::Head::default(), stage.app.now()).await.is_ok()
        ),
        Op::Webhook { n } => {
            let notice = stage.psp.record().notices.get(n)?.clone();
            let heard = stage.hear(&notice).await;
            let _ = worker::round(&stage.app).await;
            format!("{heard}")
        }
        Op::Work => format!("{:?}", worker::round(&stage.app).await),
        Op::Away => away(stage).await,
        Op::Wait { minutes } => wait(stage, minutes).await,
    })
}

fn seller(stage: &Stage, second: bool) -> &SellerId {
    if second { &stage.second } else { &stage.first }
}

/// The `n`-th payout, round and round.
async fn payout(stage: &Stage, n: usize) -> Option<PayoutId> {
    let rows = query("select id from payouts order by id").all(&stage.app.db).await.unwrap();
    rows.get(n.checked_rem(rows.len())?).map(|row| row.get("id").unwrap())
}

/// The first dispute of a checkout.
async fn dispute(stage: &Stage, of: usize) -> Option<DisputeId> {
    let (_, payment) = checkout(stage, of).await?;
    let first = query("select id from disputes where payment_id = $1 order by psp_reference limit 1").bind(payment);
    first.optional(&stage.app.db).await.unwrap().map(|row| row.get("id").unwrap())
}

async fn decide_payout(stage: &Stage, id: &PayoutId, yes: bool) -> String {
    let (operator, now) = (&stage.operator, stage.app.now());
    let mut tx = stage.app.db.begin().await.unwrap();
    let decided = if yes {
        payouts::approve(&mut tx, id, operator, now).await
    } else {
        payouts::reject(&mut tx, id, operator, now).await
    };
    match decided {
        Ok(payout) => {
            tx.commit().await.unwrap();
            let _ = worker::round(&stage.app).await;
            payout.status.as_str().to_owned()
        }
        Err(error) => error.to_string(),
    }
}

/// A schedule as a merchant writes it.
fn wanted(stage: &Stage, terms: &Terms) -> Value {
    let mut wanted = json!({
        "hour": terms.hour,
        "time_zone": terms.zone,
        "delay_days": terms.delay_days,
        "reserve_ppm": terms.reserve_ppm,
        "reserve_days": terms.reserve_days,
    });
    match terms.interval {
        Interval::Daily => wanted["interval"] = json!("daily"),
        Interval::Weekly(weekday) => {
            (wanted["interval"], wanted["weekday"]) = (json!("weekly"), json!(weekday));
        }
        Interval::Monthly(day) => {
            (wanted["interval"], wanted["month_day"]) = (json!("monthly"), json!(day));
        }
    }
    if let Some(minimum) = terms.minimum {
        wanted["minimum"] = json!({ stage.currency.code(): decimal(stage, minimum) });
    }
    wanted
}

/// One asks and another agrees; what the seller does not have is refused, and so is what has an end of its own.
async fn correct(stage: &Stage, seller: &SellerId, pocket: Pocket, cents: i64, to_seller: bool) -> Option<String> {
    let payment = match pocket {
        Pocket::Pending(of) => Some(checkout(stage, of).await?.1),
        _ => None,
    };
    let seller = match pocket {
        Pocket::Available => Account::Available(seller.clone()),
        Pocket::Pending(_) => Account::Pending(seller.clone()),
        Pocket::Reserved => Account::Reserved(seller.clone()),
        Pocket::PayingOut => Account::PayingOut(seller.clone()),
    };
    let (debit, credit) = if to_seller { (Account::Suspense, seller) } else { (seller, Account::Suspense) };
    let amount = Money::of(cents, stage.currency).unwrap();
    let transfers = vec![Transfer { debit, credit, amount }];
    let (reason, by) = ("A line was typed wrong.".to_owned(), "one@shop.example".to_owned());
    let asked = Asked { reason, corrects: None, payment, transfers, by };
    let now = stage.app.now();
    let mut tx = stage.app.db.begin().await.unwrap();
    let correction = match corrections::ask(&mut tx, &stage.tenant, &asked, now).await {
        Ok(correction) => correction,
        Err(error) => return Some(error.to_string()),
    };
    tx.commit().await.unwrap();
    let mut tx = stage.app.db.begin().await.unwrap();
    Some(match corrections::agree(&mut tx, &correction, "other@shop.example", now).await {
        Ok(_) => tx.commit().await.map(|()| "posted".to_owned()).unwrap(),
        Err(error) => error.to_string(),
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
    stage.psp.land();
    format!("{:?}", worker::round(&stage.app).await)
}

/// Longer than the PSP remembers a key. An order that it has never seen cannot be sent after that, and is a person's: such ones are
/// sent before.
async fn away(stage: &Stage) -> String {
    stage.psp.land();
    if was_lost(stage).await {
        super::rest(stage).await.unwrap();
    }
    stage.clock.advance(LIFETIME + Duration::from_mins(1));
    format!("{:?}", worker::round(&stage.app).await)
}

/// Whether the PSP or the bank has never seen an order of ours.
async fn was_lost(stage: &Stage) -> bool {
    let ordered = query(
        "select id from refunds where status = 'pending' union all select id from payouts where status in ('pending', 'processing')
         union all select psp_key from attempts where state in ('sent', 'unknown') and second_charge is null
         union all select p.psp_payment from captures c join payments p on p.id = c.payment_id where c.status = 'pending'",
    );
    let ordered = ordered.all(&stage.app.db).await.unwrap();
    let record = stage.psp.record();
    ordered.iter().map(|row| row.get::<String>("id").unwrap()).any(|name| {
        let seen = record.refunds.contains_key(&name) || record.transfers.contains_key(&name);
        !(seen
            || record.refused.contains(&name)
            || record.charges.contains_key(&name)
            || record.ended.contains_key(&name))
    })
}

/// By the console's verb, for whatever stands beside the charge that paid.
async fn give_back(stage: &Stage, of: usize) -> Option<String> {
    let (_, payment) = checkout(stage, of).await?;
    let all = payments::attempts::of_payment(&stage.app.db, &payment).await.unwrap();
    let twice = all.into_iter().find(|attempt| attempt.second_charge.is_some())?;
    let (by, now) = (("one@shop.example", "it was taken twice"), stage.app.now());
    let mut tx = stage.app.db.begin().await.unwrap();
    Some(match second_charge::give_back(&stage.app, &mut tx, &payment, &twice.id, by, now).await {
        Ok(_) => {
            tx.commit().await.unwrap();
            let _ = worker::round(&stage.app).await;
            "on its way".to_owned()
        }
        Err(error) => error.to_string(),
    })
}

/// The `of`-th checkout, round and round, the newest first.
async fn checkout(stage: &Stage, of: usize) -> Option<(SessionId, PaymentId)> {
    let rows = query("select id, payment_id from checkout_sessions order by id desc").all(&stage.app.db).await.unwrap();
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

/// So many of the smallest units, as the API has it.
fn decimal(stage: &Stage, minor: i64) -> String {
    Money::of(minor, stage.currency).unwrap().to_string()
}

//! Keys at the PSP: made of our ids, and the same for every call of one operation on one object, whatever goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tollgate::db::query;
use tollgate::payments::captures::{self, NewCapture, Reason};
use tollgate::payments::refunds::{self, NewRefund};
use tollgate::payments::{self, Opened};
use tollgate::psp::{Doubt, Finding, NotDone, RefundOutcome};
use tollgate::words::random_bytes;

use crate::support::scripted_psp::{Answer, Ends, approved, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

both_databases!(
    two_hundred_who_pay_at_once_use_one_key,
    whatever_goes_wrong_a_key_stays_what_it_was,
    whatever_goes_wrong_a_hold_is_ended_under_one_key
);

/// What was sent, as it was written down before it was sent: operation, object, key.
async fn calls(shop: &Shop) -> Vec<(String, String, String)> {
    let rows = query(
        "select c.operation, c.psp_key, c.payment_id, c.attempt_id,
             (select min(o.payment_order_id) from payment_orders o where o.payment_id = c.payment_id) as first_order,
             (select min(h.id) from captures h where h.id = c.psp_key and h.operation = c.operation
                 and h.payment_id = c.payment_id and h.psp_key = h.id) as hold_end
         from psp_calls c order by c.id",
    )
    .all(&shop.world.db)
    .await
    .unwrap();
    let text = |row: &tollgate::db::Row, column: &str| row.get::<Option<String>>(column).unwrap().unwrap_or_default();
    rows.iter()
        .map(|row| {
            let (operation, key, payment) = (text(row, "operation"), text(row, "psp_key"), text(row, "payment_id"));
            let object = match operation.as_str() {
                "register" => format!("{payment}.{}.register", text(row, "first_order")),
                "confirm" | "look_up" | "abandon" => text(row, "attempt_id"),
                "capture" | "void" => text(row, "hold_end"),
                // A refund's key is its id, and names what it is about.
                "refund" | "look_up_refund" => key.clone(),
                other => panic!("{other} has no key that this test knows of"),
            };
            (operation, object, key)
        })
        .collect()
}

/// Every key is its object's own, and the PSP has seen no other.
async fn assert_stable(shop: &Shop) {
    let written = calls(shop).await;
    for (operation, object, key) in &written {
        assert_eq!(key, object, "{operation}");
    }
    let keys = |operation: &str| -> BTreeSet<String> {
        written.iter().filter(|(of, ..)| of == operation).map(|(.., key)| key.clone()).collect()
    };
    let seen = |keys: &[String]| -> BTreeSet<String> { keys.iter().cloned().collect() };
    assert_eq!(seen(&shop.psp.registered.lock().unwrap()), keys("register"));
    assert_eq!(seen(&shop.psp.confirmed()), keys("confirm"));
    let ends = keys("capture").union(&keys("void")).cloned().collect();
    assert_eq!(seen(&shop.psp.ordered.lock().unwrap()), ends);
    let refunds: BTreeSet<String> = query("select id from refunds")
        .all(&shop.world.db)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String>("id").unwrap())
        .collect();
    assert!(keys("refund").is_subset(&refunds), "a refund's key is its id");
    let given: Vec<String> = shop.psp.refunds.lock().unwrap().iter().map(|(key, _)| key.clone()).collect();
    assert!(seen(&given).is_subset(&refunds) && seen(&given).len() == given.len(), "none is given twice");
}

async fn two_hundred_who_pay_at_once_use_one_key(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.unregistered(None, None).await;
    let id = &opened.payment.id;
    for registered in join_all((0..200).map(|_| payments::register(&shop.app, id))).await {
        assert_eq!(registered.unwrap().psp_payment, format!("psp_{id}"));
    }
    shop.psp.will(approved());
    join_all((0..200).map(|_| payments::execute(&shop.app, id, "tok_1"))).await;
    assert_eq!(shop.psp.confirmed().len(), 1);
    shop.assert_paid_once(&opened).await;
    assert_stable(&shop).await;
}

async fn whatever_goes_wrong_a_key_stays_what_it_was(world: World) {
    let shop = Shop::open(world).await;
    let mut throw = dice();
    for _ in 0..12 {
        *shop.psp.unregistered.lock().unwrap() = u32::try_from(throw(3)).unwrap();
        let opened = shop.checkout().await;
        for _ in 0..3 {
            let answer = match throw(6) {
                0 => Answer::Dies,
                1 => Answer::Says(Err(unreached())),
                2 => Answer::Says(Ok(unknown())),
                3 => Answer::Says(Ok(declined())),
                _ => Answer::Says(Ok(approved())),
            };
            shop.psp.will_say(answer);
            shop.pay(&opened).await;
            let looked = match throw(4) {
                0 => Finding::NotFound,
                1 => Finding::Found(unknown()),
                2 => Finding::Found(declined()),
                _ => Finding::Found(approved()),
            };
            shop.psp.knows(looked);
            shop.psp.confirms.lock().unwrap().clear();
            shop.world.clock.advance(Duration::from_secs(31 + throw(600)));
            shop.sweep().await;
        }
        give_back(&shop, &opened, &mut throw).await;
        shop.world.clock.advance(Duration::from_mins(40));
        shop.sweep().await;
    }
    assert_stable(&shop).await;
    shop.assert_sound().await;
}

async fn whatever_goes_wrong_a_hold_is_ended_under_one_key(world: World) {
    let shop = Shop::open(world).await;
    let mut throw = dice();
    for _ in 0..12 {
        let opened = shop.held().await;
        for _ in 0..throw(4) {
            let end = match throw(3) {
                0 => Ends::Unheard,
                1 => Ends::Lost,
                _ => Ends::Not(unreached()),
            };
            shop.psp.ends.lock().unwrap().push_back(end);
        }
        end_hold(&shop, &opened, throw(2) == 0).await;
        for _ in 0..6 {
            shop.run_jobs().await;
            shop.world.clock.advance(Duration::from_secs(31 + throw(600)));
        }
        shop.psp.ends.lock().unwrap().clear();
        shop.world.clock.advance(Duration::from_mins(40));
        shop.sweep().await;
    }
    assert_eq!(shop.count("select count(*) as n from captures where status = 'succeeded'").await, 12);
    assert_stable(&shop).await;
    shop.assert_sound().await;
}

/// Takes what is held, or lets it go.
async fn end_hold(shop: &Shop, opened: &Opened, takes: bool) {
    let (id, now) = (opened.payment.id.clone(), shop.world.now());
    let mut tx = shop.world.db.begin().await.unwrap();
    if takes {
        let new = NewCapture { payment: id, amount: Some("7.00".to_owned()) };
        captures::capture(&mut tx, &shop.tenant, &new, now).await.unwrap();
    } else {
        let payment = payments::store::find(&mut tx, &id).await.unwrap().unwrap();
        captures::void(&mut tx, &payment, Reason::RequestedByMerchant, now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Dice of their own for each run, which says with what they began.
fn dice() -> impl FnMut(u64) -> u64 {
    let seed = random_bytes::<8>();
    println!("seed {seed:?}");
    let mut state = u64::from_ne_bytes(seed) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    }
}

fn unreached() -> NotDone {
    NotDone::Unreachable { reason: "refused".to_owned(), after: None }
}

/// Asks for a few refunds, if there is anything to give back, each with luck of its own.
async fn give_back(shop: &Shop, opened: &Opened, throw: &mut impl FnMut(u64) -> u64) {
    for _ in 0..throw(4) {
        let answer = match throw(4) {
            0 => Err(unreached()),
            1 => Ok(RefundOutcome::Unknown(Doubt::of("reset"))),
            2 => Ok(RefundOutcome::Failed { psp_code: "no".to_owned() }),
            _ => Ok(RefundOutcome::Pending),
        };
        shop.psp.refund_answers.lock().unwrap().push_back(answer);
        let new = NewRefund {
            payment: opened.payment.id.clone(),
            amount: Some(format!("{}.00", 1 + throw(5))),
            reason: None,
            metadata: json!({}),
        };
        let mut tx = shop.world.db.begin().await.unwrap();
        match refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await {
            Ok(_) => tx.commit().await.unwrap(),
            Err(_) => tx.rollback().await.unwrap(),
        }
        shop.run_jobs().await;
    }
}

//! An operator gives money back, once per form, and says that an order was delivered; and nobody else does.

use reqwest::header::LOCATION;
use serde_json::json;

use crate::console::{EMAIL, Visitor, actions, header, hidden};
use crate::support::{World, both_databases};

both_databases!(
    an_operator_refunds_once_per_form_and_the_log_says_so,
    an_operator_delivers_an_order,
    nothing_is_given_back_for_strangers_or_too_much,
    what_merchants_have_decided_is_shown,
);

async fn an_operator_refunds_once_per_form_and_the_log_says_so(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.paid_payment().await;
    let path = format!("/console/payments/{id}");
    let page = kim.page(&path).await;
    assert!(page.contains("Give money back"), "{page}");
    let (csrf, once) = (kim.csrf().await, hidden(&page, "once"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("once", &once),
        ("amount", " 1,00 "),
        ("reason", "one <b>cup</b> broke"),
        ("order", ""),
    ];
    let there = header(&kim.post(&format!("{path}/refund"), &fields).await, LOCATION);
    // On a busy machine the page does not wait for the PSP for ever.
    assert!(["succeeded", "pending"].map(|how| format!("{path}?refund={how}")).contains(&there), "{there}");
    let page = kim.page(&there).await;
    assert!(page.contains("The refund is") && page.contains("cup") && !page.contains("<b>cup"), "{page}");
    let again = kim.post(&format!("{path}/refund"), &fields).await;
    assert_eq!(header(&again, LOCATION), format!("{path}?refund=again"), "a second click");
    assert_eq!(gateway.get(&format!("/v1/payments/{id}")).await.ok()["refunded"], "100");
    let log = kim.page("/console/audit").await;
    let entry = log.split("<tr>").find(|row| row.contains("payment.refund")).unwrap();
    assert!(entry.contains(EMAIL) && entry.contains(&id) && entry.contains("100 KRW"), "{entry}");
    assert_eq!(actions(&gateway).await.iter().filter(|action| *action == "payment.refund").count(), 1);
    gateway.stop().await;
}

async fn an_operator_delivers_an_order(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.paid_payment().await;
    let order = gateway.get(&format!("/v1/payments/{id}")).await.ok()["orders"][0]["id"].as_str().unwrap().to_owned();
    let (path, csrf) = (format!("/console/payments/{id}"), kim.csrf().await);
    let deliver = format!("{path}/fulfill/{order}");
    assert!(kim.page(&path).await.contains(&format!("action=\"{deliver}\"")));
    let there = header(&kim.post(&deliver, &[("csrf", &csrf)]).await, LOCATION);
    assert_eq!(there, format!("{path}?fulfill=done"));
    let page = kim.page(&there).await;
    assert!(page.contains("The order is delivered") && page.contains("payment_order.fulfilled"), "{page}");
    assert!(!page.contains(&deliver), "it can be delivered once");
    let shown = gateway.get(&format!("/v1/payment_orders/{order}")).await.ok();
    assert!(shown["fulfilled_at"].is_string());
    assert!(actions(&gateway).await.contains(&"payment_order.fulfill".to_owned()));
    gateway.stop().await;
}

async fn nothing_is_given_back_for_strangers_or_too_much(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.paid_payment().await;
    let (path, csrf) = (format!("/console/payments/{id}"), kim.csrf().await);
    let refund = format!("{path}/refund");
    let whole = [("once", "form0"), ("amount", "1"), ("reason", "x")];
    assert_eq!(kim.post(&refund, &whole).await.status, 403, "without the session's token");
    for (once, amount, reason, order, why) in [
        ("form1", "999999999", "x", "", "large"),
        ("form2", "1.5", "x", "", "amount"),
        ("form3", "0", "x", "", "amount"),
        ("form4", "1", " ", "", "reason"),
        ("form5", "1", "x", "po_x", "state"),
        ("form 6", "1", "x", "", "again"),
    ] {
        let fields =
            [("csrf", csrf.as_str()), ("once", once), ("amount", amount), ("reason", reason), ("order", order)];
        let answer = kim.post(&refund, &fields).await;
        assert_eq!(header(&answer, LOCATION), format!("{path}?refund={why}"), "{}", answer.text);
    }
    let nobody = "/console/payments/pay_00000000000000000000000000/refund";
    assert_eq!(kim.post(nobody, &[("csrf", &csrf), ("once", "f"), ("amount", "1"), ("reason", "x")]).await.status, 404);
    assert_eq!(gateway.get(&format!("/v1/payments/{id}")).await.ok()["refunded"], "0");
    assert!(!actions(&gateway).await.contains(&"payment.refund".to_owned()));
    gateway.stop().await;
}

async fn what_merchants_have_decided_is_shown(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    assert!(kim.page("/console/policies").await.contains("when the merchant says so"));
    let decided = json!({"platform_fee": {"fixed": {"USD": "0.30"}, "ppm": 29_000}, "fulfill_after_days": 7});
    gateway.post("/v1/policies", decided).await.ok();
    let page = kim.page("/console/policies").await;
    assert!(page.contains("0.30 USD and 2.9 %") && page.contains("after 7 days"), "{page}");
    gateway.stop().await;
}

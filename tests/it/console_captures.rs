//! An operator captures what a card holds, lets it go, and calls a payment off; and nobody else does.

use reqwest::header::LOCATION;
use serde_json::json;
use tollgate::db::query;

use crate::console::{EMAIL, Visitor};
use crate::support::{Gateway, World, both_databases};

both_databases!(
    an_operator_captures_a_part_and_the_log_says_so,
    an_operator_voids_and_cancels,
    nothing_is_captured_for_strangers_or_too_much,
);

async fn actions(gateway: &Gateway) -> Vec<String> {
    let rows = query("select action from audit_entries order by id").all(&gateway.app.db).await.unwrap();
    let all = rows.iter().map(|row| row.get::<String>("action").unwrap());
    all.filter(|action| action.starts_with("payment.")).collect()
}

fn goes_to(answer: &crate::support::Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header(LOCATION.as_str()).to_owned()
}

async fn an_operator_captures_a_part_and_the_log_says_so(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.held_payment().await;
    let path = format!("/console/payments/{id}");
    let page = kim.page(&path).await;
    assert!(page.contains("Held money") && page.contains("value=\"12000\"") && page.contains("The card holds it"));
    let csrf = kim.csrf().await;
    let done = kim.post(&format!("{path}/capture"), &[("csrf", &csrf), ("amount", " 5,000 ")]).await;
    let there = goes_to(&done);
    assert_eq!(there, format!("{path}?done=capture_succeeded"));
    let page = kim.page(&there).await;
    assert!(page.contains("The money is taken.") && page.contains("5,000 KRW taken"), "{page}");
    assert!(!page.contains("Held money"), "nothing is left to be captured");
    let paid = gateway.get(&format!("/v1/payments/{id}")).await.ok();
    assert_eq!((paid["status"].as_str(), paid["captured"].as_str()), (Some("succeeded"), Some("5000")));
    let log = kim.page("/console/audit").await;
    let entry = log.split("<tr>").find(|row| row.contains("payment.capture")).unwrap();
    assert!(entry.contains(EMAIL) && entry.contains(&id) && entry.contains("5000 of 12000 KRW"), "{entry}");
    let again = kim.post(&format!("{path}/capture"), &[("csrf", &csrf), ("amount", "1")]).await;
    assert_eq!(goes_to(&again), format!("{path}?refused=state"));
    assert_eq!(actions(&gateway).await, ["payment.capture"]);
    gateway.stop().await;
}

async fn an_operator_voids_and_cancels(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let held = gateway.held_payment().await;
    let path = format!("/console/payments/{held}");
    let there = goes_to(&kim.post(&format!("{path}/cancel"), &[("csrf", &csrf)]).await);
    assert_eq!(there, format!("{path}?done=void_succeeded"));
    assert!(kim.page(&there).await.contains("Let go"));
    let over = gateway.get(&format!("/v1/payments/{held}")).await.ok();
    assert_eq!(over["status"], "canceled");

    let session = json!({
        "line_items": [{ "name": "Tea", "unit_amount": "9000", "quantity": 1 }],
        "currency": "KRW", "success_url": "https://shop.example/paid",
    });
    let session = gateway.post("/v1/checkout/sessions", session).await.ok();
    let open = session["payment"].as_str().unwrap();
    let path = format!("/console/payments/{open}");
    assert!(kim.page(&path).await.contains("Cancel the payment"));
    let there = goes_to(&kim.post(&format!("{path}/cancel"), &[("csrf", &csrf)]).await);
    assert_eq!(there, format!("{path}?done=canceled"));
    assert_eq!(gateway.get(&format!("/v1/payments/{open}")).await.ok()["status"], "canceled");
    assert_eq!(actions(&gateway).await, ["payment.cancel", "payment.cancel"]);
    gateway.stop().await;
}

async fn nothing_is_captured_for_strangers_or_too_much(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let id = gateway.held_payment().await;
    let path = format!("/console/payments/{id}");
    for what in ["capture", "cancel"] {
        let foreign = kim.post(&format!("{path}/{what}"), &[("csrf", "guessed"), ("amount", "1")]).await;
        assert_eq!(foreign.status, 403);
    }
    for amount in ["0", "-1", "1.5", "12001", "", "all"] {
        let there = goes_to(&kim.post(&format!("{path}/capture"), &[("csrf", &csrf), ("amount", amount)]).await);
        assert_eq!(there, format!("{path}?refused=amount"), "{amount}");
    }
    let missing = format!("/console/payments/pay_{}/capture", "0".repeat(26));
    assert_eq!(kim.post(&missing, &[("csrf", &csrf), ("amount", "1")]).await.status, 404);
    assert_eq!(gateway.get(&format!("/v1/payments/{id}")).await.ok()["capturable"], "12000");
    assert_eq!(actions(&gateway).await, Vec::<String>::new());
    gateway.stop().await;
}

//! Payouts in the console: a second person lets a large one go, and everything done stands in the audit log.

use serde_json::json;

use crate::console::{Visitor, hidden};
use crate::payouts_api::{ask, becomes, record, seller};
use crate::support::{World, both_databases};

async fn a_large_payout_waits_for_a_second_person(world: World) {
    let gateway = world.gateway().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    gateway.post("/v1/policies", json!({"payout_approval_above": {"USD": "10.00"}})).await.ok();
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let page = kim.page(&format!("/console/sellers/{seller}")).await;
    assert!(page.contains("Hangang Bank 6789") && page.contains("100.00") && !page.contains("dest_sim"), "{page}");

    // Kim asks, and may not approve.
    let pay_out = format!("/console/sellers/{seller}/payouts");
    let once = hidden(&page, "once");
    let typed = [("csrf", csrf.as_str()), ("once", &once), ("amount", "20.00"), ("currency", "USD")];
    let answer = kim.post(&pay_out, &typed).await;
    let own = answer.header("location").to_owned();
    assert!(own.starts_with("/console/payouts/out_"), "{own}");
    assert!(!kim.page(&own).await.contains("Approve payout"));
    let (again, nameless) = (kim.post(&pay_out, &typed).await, kim.post(&pay_out, &typed[2..]).await);
    assert_eq!(again.header("location"), format!("/console/sellers/{seller}?refused=again"), "the form acts once");
    assert_eq!(nameless.status, 403);
    let wordless = kim.post(&pay_out, &[typed[0], typed[2], typed[3]]).await;
    assert_eq!(wordless.header("location"), format!("/console/sellers/{seller}?refused=again"));
    assert_eq!(gateway.get("/v1/payouts").await.ok()["data"].as_array().unwrap().len(), 1);
    let refused = kim.post(&format!("{own}/approve"), &[("csrf", &csrf)]).await;
    assert_eq!(refused.header("location"), format!("{own}?refused=person"));
    for (amount, why) in [("0.00", "amount"), ("x", "amount"), ("80.01", "balance")] {
        let typed = [("csrf", csrf.as_str()), ("once", why), ("amount", amount), ("currency", "USD")];
        let answer = kim.post(&pay_out, &typed).await;
        assert_eq!(answer.header("location"), format!("/console/sellers/{seller}?refused={why}"));
    }
    assert_eq!(kim.post(&format!("{own}/approve"), &[("csrf", "forged")]).await.status, 403);
    assert!(record(&gateway).await.is_empty(), "nothing is sent before a second person has spoken");

    // Lee did not ask.
    let lee = Visitor::somebody(&gateway, "lee@example.com").await;
    let lees = lee.csrf().await;
    let list = lee.page("/console/payouts?status=needs_approval").await;
    assert!(list.contains(&own) && list.contains("Needs approval"), "{list}");
    assert!(lee.page(&own).await.contains("Approve payout"));
    assert!(lee.page("/console").await.contains("1 payout</span>"), "the first page says that somebody is waited for");
    assert_eq!(lee.post(&format!("{own}/approve"), &[("csrf", &lees)]).await.header("location"), own);
    let id = json!({"id": own.rsplit('/').next().unwrap()});
    becomes(&gateway, &id, "paid").await;
    let told = lee.page(&own).await;
    for word in ["Order to pay out", "payout.paid", "payout_paid", "Approved by a person", "kim@example.com"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(lee.page("/console").await.contains("nothing waits to be approved"));
    let late = lee.post(&format!("{own}/reject"), &[("csrf", &lees)]).await;
    assert_eq!(late.header("location"), format!("{own}?refused=late"));

    // A key asked: anybody may refuse.
    let asked = ask(&gateway, &seller, "30.00").await;
    let path = format!("/console/payouts/{}", asked["id"].as_str().unwrap());
    assert_eq!(kim.post(&format!("{path}/reject"), &[("csrf", &csrf)]).await.header("location"), path);
    assert_eq!(becomes(&gateway, &asked, "canceled").await["failure_code"], "approval_refused");
    assert_eq!(record(&gateway).await.len(), 1);
    let log = kim.page("/console/audit").await;
    for act in ["payout.create", "payout.approve", "payout.reject"] {
        assert!(log.contains(act), "{act}: {log}");
    }
    gateway.stop().await;
}

async fn a_seller_is_verified_for_the_destination_that_was_seen(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let path = format!("/console/sellers/{seller}");
    let send = async |once: &str, state: &str, version: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("once", once),
            ("state", state),
            ("version", version),
            ("reason", "passport seen"),
        ];
        kim.post(&format!("{path}/verification"), &fields).await.header("location").to_owned()
    };
    let word = async || {
        let page = kim.page(&path).await;
        hidden(page.split("/verification\"").nth(1).unwrap(), "once")
    };
    let save = async |state: &str, version: &str| send(&word().await, state, version).await;
    let first = word().await;
    assert_eq!(send(&first, "verified", "1").await, path);
    assert_eq!(save("rejected", "1").await, path);
    for once in [first.as_str(), ""] {
        assert_eq!(send(once, "verified", "1").await, format!("{path}?refused=again"), "the form acts once");
    }
    let shown = gateway.get(&format!("/v1/sellers/{seller}")).await.ok();
    assert_eq!(shown["verification"], "rejected");
    let changed = json!({"payout_destination": {"token": "dest_of_a_thief"}});
    gateway.post(&format!("/v1/sellers/{seller}"), changed).await.ok();
    assert_eq!(save("verified", "1").await, format!("{path}?refused=changed"), "another one was looked at");
    assert_eq!(save("verified", "2").await, path);
    assert!(kim.page("/console/audit").await.contains("verified passport seen"));
    gateway.stop().await;
}

both_databases!(a_large_payout_waits_for_a_second_person, a_seller_is_verified_for_the_destination_that_was_seen,);

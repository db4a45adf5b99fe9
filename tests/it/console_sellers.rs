//! Sellers and money policies in the console: the forms act once, keep to the API's rules in the API's words, and stand in the
//! audit log.

use reqwest::header::LOCATION;
use serde_json::{Value, json};

use crate::console::{Visitor, header, hidden};
use crate::payouts_api::{ask, becomes, record, seller};
use crate::support::{Gateway, World, both_databases};

both_databases!(
    a_seller_is_made_and_settled_in_the_console,
    what_the_api_refuses_is_refused_beside_the_field_with_the_same_sentence,
    a_merchants_policies_are_changed_in_the_console,
    a_payout_that_is_not_ordered_is_taken_back_in_the_console,
    the_limit_is_raised_by_two_operators_and_lowered_by_one,
);

/// Sends a form of `page` with its own word; gives where it leads, or the page with what is wrong.
async fn send(kim: &Visitor<'_>, page: &str, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let (csrf, shown) = (kim.csrf().await, kim.page(page).await);
    let once = hidden(&shown, "once");
    let mut typed = vec![("csrf", csrf.as_str()), ("once", once.as_str())];
    typed.extend_from_slice(fields);
    let answer = kim.post(action, &typed).await;
    let led = header(&answer, LOCATION);
    (answer.status, if led.is_empty() { answer.text } else { led })
}

/// The sentence that the API refuses `body` with.
async fn sentence(gateway: &Gateway, path: &str, body: Value) -> String {
    let refused = gateway.post(path, body).await;
    let detail = refused.any_problem()["detail"].as_str().unwrap();
    detail.replace('"', "&#34;").replace('<', "&#60;").replace('>', "&#62;").replace('\'', "&#39;")
}

async fn a_seller_is_made_and_settled_in_the_console(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let (csrf, page) = (kim.csrf().await, kim.page("/console/sellers").await);
    let (once, merchant) = (hidden(&page, "once"), gateway.tenant.merchant.to_string());
    let typed = [
        ("csrf", csrf.as_str()),
        ("once", &once),
        ("merchant", &merchant),
        ("mode", "test"),
        ("name", "Namsan Books"),
        ("token", "dest_sim_paid"),
        ("bank_name", "Hangang Bank"),
        ("last4", "6789"),
    ];
    let made = kim.post("/console/sellers", &typed).await;
    let path = header(&made, LOCATION);
    assert!(path.starts_with("/console/sellers/sel_"), "{}", made.text);
    let again = kim.post("/console/sellers", &typed).await;
    assert_eq!(header(&again, LOCATION), "/console/sellers?said=again", "the form acts once");
    let list = kim.page("/console/sellers?q=namsan").await;
    assert!(list.contains(&path) && list.contains("Hangang Bank 6789") && !list.contains("dest_sim"), "{list}");
    assert_eq!(kim.post("/console/sellers", &typed[1..]).await.status, 403);

    let api = path.replace("/console", "/v1");
    let shown = gateway.get(&api).await.ok();
    assert_eq!((&shown["name"], &shown["payout_destination"]["version"]), (&json!("Namsan Books"), &json!(1)));
    let settings = format!("{path}/settings");
    let to = format!("{settings}/schedule");
    let weekly = [
        ("interval", "weekly"),
        ("weekday", "friday"),
        ("month_day", "31"),
        ("hour", "9"),
        ("time_zone", "Asia/Seoul"),
        ("minimum", "USD 5.00, KRW 10000"),
        ("delay_days", "2"),
        ("reserve", "2.5"),
        ("reserve_days", "30"),
    ];
    assert_eq!(send(&kim, &settings, &to, &weekly).await, (303, format!("{settings}?said=saved")));
    let schedule = gateway.get(&api).await.ok()["payout_schedule"].clone();
    let wanted = json!({"interval": "weekly", "weekday": "friday", "hour": 9, "time_zone": "Asia/Seoul",
        "minimum": {"USD": "5.00", "KRW": "10000"}, "delay_days": 2, "reserve_ppm": 25_000, "reserve_days": 30});
    assert_eq!(schedule, wanted);
    let page = kim.page(&settings).await;
    assert!(page.contains("value=\"KRW 10000, USD 5.00\"") && page.contains("value=\"2.5\""), "{page}");

    let (to, account) = (format!("{settings}/destination"), [("what", "account"), ("token", "dest_sim_slow")]);
    assert_eq!(send(&kim, &settings, &to, &account).await.0, 303);
    let shown = gateway.get(&api).await.ok();
    assert_eq!(shown["payout_destination"]["version"], 2);
    assert!(shown["payout_destination"]["held_until"].is_string(), "another account cools: {shown}");
    assert_eq!(send(&kim, &settings, &to, &[("what", "none")]).await.0, 303);
    assert_eq!(gateway.get(&api).await.ok()["payout_destination"], Value::Null);

    let (to, policies) = (format!("{settings}/fee"), format!("{api}/policies"));
    assert_eq!(send(&kim, &settings, &to, &[("what", "own"), ("percent", "1"), ("fixed", "USD 0.30")]).await.0, 303);
    let own = gateway.get(&policies).await.ok()["platform_fee"].clone();
    assert_eq!(own, json!({"fixed": {"USD": "0.30"}, "ppm": 10_000}));
    assert_eq!(send(&kim, &settings, &to, &[("what", "merchant")]).await.0, 303);
    assert_eq!(gateway.get(&policies).await.ok()["platform_fee"], Value::Null);

    let log = kim.page("/console/audit").await;
    for act in ["seller.create", "seller.payout_destination", "seller.payout_schedule", "seller.policies"] {
        assert!(log.contains(act), "{act}: {log}");
    }
    assert!(!log.contains("dest_sim"), "no token in the log");
    let nobody = "/console/sellers/sel_00000000000000000000000000/settings";
    assert_eq!(kim.post(&format!("{nobody}/fee"), &[("csrf", &csrf)]).await.status, 404);
    gateway.stop().await;
}

async fn what_the_api_refuses_is_refused_beside_the_field_with_the_same_sentence(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let merchant = gateway.tenant.merchant.to_string();
    let mut new = vec![("merchant", merchant.as_str()), ("mode", "test"), ("name", "Tea")];
    let iban = "DE89370400440532013000";
    for (field, value, body) in [
        ("name", "", json!({"name": ""})),
        ("token", iban, json!({"name": "Tea", "payout_destination": {"token": iban}})),
        ("last4", "12", json!({"name": "Tea", "payout_destination": {"token": "t", "last4": "12"}})),
    ] {
        new.retain(|(name, _)| *name != field);
        new.push((field, value));
        let told = sentence(&gateway, "/v1/sellers", body).await;
        let (status, page) = send(&kim, "/console/sellers", "/console/sellers", &new).await;
        let beside = format!("<p class=\"fault\" id=\"seller-{field}-fault\">{told}</p>");
        assert!(status == 400 && page.contains(&beside), "{beside}: {page}");
        assert!(!page.contains(iban), "an account number is not shown again");
        new.retain(|(name, _)| *name != field);
        new.push(if field == "name" { ("name", "Tea") } else { ("token", "t") });
    }
    let (status, page) = send(&kim, "/console/sellers", "/console/sellers", &[("mode", "test"), ("name", "Tea")]).await;
    assert!(status == 400 && page.contains("seller-merchant-fault"), "{page}");

    let id = seller(&gateway, "dest_sim_paid").await;
    let (api, settings) = (format!("/v1/sellers/{id}"), format!("/console/sellers/{id}/settings"));
    let daily = |name: &str, value: Value| json!({"payout_schedule": {"interval": "daily", name: value}});
    for (fields, field, body) in [
        (vec![("interval", "daily"), ("hour", "24")], "hour", daily("hour", json!(24))),
        (vec![("interval", "daily"), ("time_zone", "Mars")], "time_zone", daily("time_zone", json!("Mars"))),
        (vec![("interval", "daily"), ("minimum", "USD 1")], "minimum", daily("minimum", json!({"USD": "1"}))),
        (vec![("interval", "daily"), ("reserve", "101")], "reserve", daily("reserve_ppm", json!(1_010_000))),
        (vec![("interval", "yearly")], "interval", json!({"payout_schedule": {"interval": "yearly"}})),
    ] {
        let told = sentence(&gateway, &api, body).await;
        let (status, page) = send(&kim, &settings, &format!("{settings}/schedule"), &fields).await;
        let beside = format!("<p class=\"fault\" id=\"schedule-{field}-fault\">{told}</p>");
        assert!(status == 400 && page.contains(&beside), "{beside}: {page}");
    }
    let fixed = json!({"platform_fee": {"fixed": {"usd": "1.00"}}});
    let told = sentence(&gateway, &format!("{api}/policies"), fixed).await;
    let typed = [("what", "own"), ("percent", "0"), ("fixed", "usd 1.00")];
    let (status, page) = send(&kim, &settings, &format!("{settings}/fee"), &typed).await;
    assert!(status == 400 && page.contains(&told) && page.contains("value=\"usd 1.00\""), "{page}");
    assert_eq!(gateway.get(&api).await.ok()["payout_schedule"], json!({"interval": "manual"}), "nothing was changed");
    assert!(!kim.page("/console/audit").await.contains("seller.payout_schedule"));
    gateway.stop().await;
}

async fn a_merchants_policies_are_changed_in_the_console(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let page = format!("/console/policies/{}/test", gateway.tenant.merchant);
    assert!(kim.page("/console/policies").await.contains(&page));
    let money = [
        ("percent", "2.9"),
        ("fixed", "USD 0.30"),
        ("refund_fee", "keep"),
        ("fulfill_after_days", "7"),
        ("late_success", "refund"),
        ("second_charge", "review"),
        ("negative_balance", "refuse"),
    ];
    assert_eq!(send(&kim, &page, &format!("{page}/money"), &money).await, (303, format!("{page}?said=saved")));
    let limit = [("payout_approval_above", "USD 500.00")];
    assert_eq!(send(&kim, &page, &format!("{page}/limit"), &limit).await.0, 303);
    let decided = gateway.get("/v1/policies").await.ok();
    let wanted = json!({
        "object": "policies", "livemode": false, "late_success": "refund", "second_charge": "review", "refund_fee": "keep",
        "fulfill_after_days": 7, "platform_fee": {"fixed": {"USD": "0.30"}, "ppm": 29_000},
        "payout_approval_above": {"USD": "500.00"}, "negative_balance": "refuse",
    });
    assert_eq!(decided, wanted);
    let told = sentence(&gateway, "/v1/policies", json!({"fulfill_after_days": 366})).await;
    let late = money.map(|(name, value)| (name, if name == "fulfill_after_days" { "366" } else { value }));
    let (status, shown) = send(&kim, &page, &format!("{page}/money"), &late).await;
    assert!(status == 400 && shown.contains(&format!("id=\"money-fulfill_after_days-fault\">{told}")), "{shown}");
    assert_eq!(gateway.get("/v1/policies").await.ok(), wanted);
    assert!(kim.page("/console/audit").await.contains("policies.change"));
    let rows = tollgate::db::query("select changed_by from policy_changes").all(&gateway.app.db).await.unwrap();
    let by: Vec<String> = rows.iter().map(|row| row.get("changed_by").unwrap()).collect();
    assert!(by.iter().all(|by| by.starts_with("opr_")), "{by:?}");
    gateway.stop().await;
}

async fn a_payout_that_is_not_ordered_is_taken_back_in_the_console(world: World) {
    let gateway = world.gateway().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    gateway.post("/v1/policies", json!({"payout_approval_above": {"USD": "10.00"}})).await.ok();
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let payout = ask(&gateway, &seller, "20.00").await;
    let path = format!("/console/payouts/{}", payout["id"].as_str().unwrap());
    assert!(kim.page(&path).await.contains("Cancel payout"));
    assert_eq!(kim.post(&format!("{path}/cancel"), &[("csrf", "forged")]).await.status, 403);
    let answer = kim.post(&format!("{path}/cancel"), &[("csrf", &csrf)]).await;
    assert_eq!(header(&answer, LOCATION), path);
    becomes(&gateway, &payout, "canceled").await;
    assert!(!kim.page(&path).await.contains("Cancel payout"));
    let answer = kim.post(&format!("{path}/cancel"), &[("csrf", &csrf)]).await;
    assert_eq!(header(&answer, LOCATION), format!("{path}?refused=ordered"));
    let said = kim.page(&format!("{path}?refused=ordered")).await;
    assert!(said.contains("Nothing was done: a payout that is canceled can no longer be decided about."), "{said}");
    assert!(record(&gateway).await.is_empty(), "nothing was sent");
    assert!(kim.page("/console/audit").await.contains("payout.cancel"));
    gateway.stop().await;
}

async fn the_limit_is_raised_by_two_operators_and_lowered_by_one(world: World) {
    let gateway = world.gateway().await;
    let (kim, lee) = (Visitor::operator(&gateway).await, Visitor::somebody(&gateway, "lee@example.com").await);
    let (csrf, lees) = (kim.csrf().await, lee.csrf().await);
    let page = format!("/console/policies/{}/test", gateway.tenant.merchant);
    let action = format!("{page}/limit");
    let wish = async |limit: &str| send(&kim, &page, &action, &[("payout_approval_above", limit)]).await;
    let holds = async || gateway.get("/v1/policies").await.ok()["payout_approval_above"].clone();
    let decide = async |who: &Visitor<'_>, csrf: &str, path: &str, word: &str| {
        header(&who.post(&format!("{path}/{word}"), &[("csrf", csrf)]).await, LOCATION)
    };
    let waits = async || {
        let shown = kim.page(&page).await;
        let id = shown.split("/limit/").nth(1).map(|rest| rest.split('/').next().unwrap().to_owned());
        format!("{action}/{}", id.unwrap_or_else(|| panic!("nothing waits: {shown}")))
    };
    assert_eq!(wish("USD 100.00").await.1, format!("{page}?said=saved"));
    assert_eq!(wish("USD 50.00").await.1, format!("{page}?said=saved"));
    assert_eq!(wish("USD 50.000").await.0, 400);

    // One person alone raises nothing.
    assert_eq!(wish("USD 500.00").await.1, format!("{page}?said=asked"));
    assert_eq!(holds().await, json!({"USD": "50.00"}));
    assert!(kim.page(&page).await.contains("Somebody else has to agree"));
    let waiting = waits().await;
    assert_eq!(decide(&kim, &csrf, &waiting, "agree").await, format!("{page}?said=same"));
    let (status, shown) = wish("").await;
    assert!(status == 409 && shown.contains("another limit waits for a second person"), "{shown}");
    // It was lowered meanwhile: what was shown to Lee is not what holds.
    gateway.post("/v1/policies", json!({"payout_approval_above": {"USD": "20.00"}})).await.ok();
    assert_eq!(decide(&lee, &lees, &waiting, "agree").await, format!("{page}?said=changed"));
    assert_eq!(
        decide(&kim, &csrf, &waiting, "refuse").await,
        format!("{page}?said=refused"),
        "whoever asked takes it back"
    );
    assert_eq!(decide(&lee, &lees, &waiting, "agree").await, format!("{page}?said=decided"));

    assert_eq!(wish("").await.1, format!("{page}?said=asked"));
    let shown = lee.page(&page).await;
    assert!(shown.contains("<strong>none</strong> instead of <strong>USD 20.00</strong>"), "{shown}");
    let waiting = waits().await;
    assert_eq!(lee.post(&format!("{waiting}/agree"), &[("csrf", "forged")]).await.status, 403);
    assert_eq!(decide(&lee, &lees, &waiting, "agree").await, format!("{page}?said=agreed"));
    assert_eq!(holds().await, json!({}));
    let log = kim.page("/console/audit").await;
    for act in ["policies.change", "policies.limit_ask", "policies.limit_agree", "policies.limit_refuse"] {
        assert!(log.contains(act), "{act}: {log}");
    }
    gateway.stop().await;
}

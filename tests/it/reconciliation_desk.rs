//! What people and programs do about differences: the API, the console, two people, and the nights of the worker.

use serde_json::{Value, json};
use tollgate::ledger::{Account, Transfer};
use tollgate::reconciliation::breaks::{self, Break, NewBreak};
use tollgate::reconciliation::nightly;
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::runs::{self, Trigger};
use tollgate::reconciliation::words::{Class, Outcome};
use tollgate::reconciliation::{What, reconcile};
use tollgate::words::{Currency, Money, Page, Tenant};

use crate::console::{Visitor, actions};
use crate::support::{Gateway, World, both_databases};

both_databases!(
    a_merchant_reads_its_differences_and_closes_what_moved_no_money,
    a_runs_owner_sees_it_and_nobody_else,
    a_journal_closes_a_difference_when_a_second_person_agrees,
    a_night_does_what_is_due_once,
    people_with_long_names_act_and_write_at_the_same_time,
);

async fn found(gateway: &Gateway, tenant: &Tenant, outcome: Outcome, subject: &str) -> Break {
    let new = NewBreak {
        tenant: tenant.clone(),
        source: "list".to_owned(),
        run: None,
        outcome,
        class: Class::Investigate,
        cause: "unknown".to_owned(),
        subject: subject.to_owned(),
        line: None,
        object: None,
        currency: Currency::parse("KRW").unwrap(),
        expected: Some(15_000),
        actual: Some(-14_000),
        evidence: json!({ "text": "<b>odd</b>" }),
        suggestion: None,
        expected_by: None,
    };
    let mut tx = gateway.app.db.begin().await.unwrap();
    let (it, is_new) = breaks::open(&mut tx, new, gateway.app.now()).await.unwrap();
    assert!(is_new);
    tx.commit().await.unwrap();
    it
}

async fn a_merchant_reads_its_differences_and_closes_what_moved_no_money(world: World) {
    let gateway = world.gateway().await;
    let own = found(&gateway, &gateway.tenant.clone(), Outcome::AmountDiffers, "one").await;
    let second = found(&gateway, &gateway.tenant.clone(), Outcome::Unknown, "two").await;
    let live = Tenant::new(gateway.tenant.merchant.clone(), tollgate::words::Mode::Live);
    let foreign = found(&gateway, &live, Outcome::Unknown, "three").await;

    let ids = |list: &Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let path = "/v1/reconciliation/breaks";
    assert_eq!(ids(&gateway.get(path).await.ok()), [second.id.to_string(), own.id.to_string()]);
    assert_eq!(ids(&gateway.get(&format!("{path}?type=unknown&status=open")).await.ok()), [second.id.to_string()]);
    assert_eq!(ids(&gateway.get(&format!("{path}?class=manual")).await.ok()), Vec::<String>::new());
    assert_eq!(gateway.get(&format!("{path}?type=matched")).await.refused(400), "parameter_invalid");
    assert_eq!(gateway.get(&format!("{path}/{}", foreign.id)).await.refused(404), "resource_not_found");
    let shown = gateway.get(&format!("{path}/{}", own.id)).await.ok();
    assert_eq!(
        (&shown["expected"], &shown["actual"], &shown["at_risk"]),
        (&json!("15000"), &json!("-14000"), &json!("29000"))
    );
    assert_eq!((&shown["status"], &shown["notes"][0]["what"]), (&json!("open"), &json!("opened")));

    let csv = gateway.http.get(format!("{}{path}", gateway.url)).bearer_auth(&gateway.key).header("accept", "text/csv");
    let csv = csv.send().await.unwrap().text().await.unwrap();
    assert!(csv.starts_with("id,created_at,source,type") && csv.lines().count() == 3, "{csv}");

    let resolve = format!("{path}/{}/resolve", own.id);
    assert_eq!(gateway.post(&resolve, json!({ "reason": " " })).await.refused(400), "parameter_invalid");
    let closed = gateway.post(&resolve, json!({ "reason": "written off" })).await.ok();
    assert_eq!((&closed["status"], &closed["resolution"]), (&json!("resolved"), &json!("written off")));
    assert!(closed["closed_by"].as_str().unwrap().starts_with("key_"), "{closed}");
    assert_eq!(gateway.post(&resolve, json!({ "reason": "again" })).await.refused(409), "break_not_open");
    let other = format!("{path}/{}/resolve", foreign.id);
    assert_eq!(gateway.post(&other, json!({ "reason": "mine?" })).await.refused(404), "resource_not_found");
    assert!(actions(&gateway).await.contains(&"break.resolve".to_owned()));
    let told = gateway.until("/v1/events?type=reconciliation.break_closed", |list| list["data"][0].is_object()).await;
    assert_eq!(told["data"][0]["data"]["object"]["id"], own.id.to_string());
    gateway.stop().await;
}

/// Settings with the stand-in's list as a source of `tenant`.
fn with_source(gateway: &Gateway) -> tollgate::app::App {
    let mut config = (*gateway.app.config).clone();
    let source = json!({
        "name": "list", "format": "simulator", "psp": "simulator", "merchant": gateway.tenant.merchant, "zone": "Asia/Seoul",
    });
    config.reconciliation.sources = vec![serde_json::from_value(source).unwrap()];
    let of = gateway.app.clone();
    tollgate::app::App::new(config, of.db, of.clock, of.outbound, of.psps)
}

async fn a_runs_owner_sees_it_and_nobody_else(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let app = with_source(&gateway);
    let source = &app.config.reconciliation.sources[0];
    let day = "2025-10-09".parse().unwrap();
    let run = reconcile(&app, source, What::Day(day), Trigger::Api, false, "test", &Progress::nobody()).await.unwrap();
    assert_eq!(run.failure, None);
    // The gateway that answers here knows no source, so the run is nobody's.
    assert_eq!(gateway.get("/v1/reconciliation/runs").await.ok()["data"], json!([]));
    let path = format!("/v1/reconciliation/runs/{}", run.id);
    assert_eq!(gateway.get(&path).await.refused(404), "resource_not_found");
    gateway.stop().await;
}

async fn a_journal_closes_a_difference_when_a_second_person_agrees(world: World) {
    let gateway = world.gateway().await;
    let it = found(&gateway, &gateway.tenant.clone(), Outcome::AmountDiffers, "one").await;
    let path = format!("/console/reconciliation/breaks/{}", it.id);
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    for page in ["", "/breaks?class=investigate", "/files", "/causes"] {
        kim.page(&format!("/console/reconciliation{page}")).await;
    }
    let shown = kim.page(&path).await;
    assert!(
        shown.contains("Propose a journal") && shown.contains("&#60;b&#62;odd") && !shown.contains("<b>odd"),
        "{shown}"
    );

    let said = async |who: &Visitor<'_>, act: &str, fields: &[(&str, &str)]| {
        let answer = who.post(&format!("{path}/{act}"), fields).await;
        answer.header("location").split("said=").nth(1).unwrap_or_default().to_owned()
    };
    let journal = |amount: &'static str| {
        [
            ("reason", "rounded there"),
            ("debit1", "rounding"),
            ("credit1", "fees:psp"),
            ("amount1", amount),
            ("currency1", "KRW"),
        ]
    };
    let with = |token: &str, fields: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        let own = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain([("csrf".to_owned(), token.to_owned())]).collect()
    };
    let slices = |fields: &[(String, String)]| -> Vec<(String, String)> { fields.to_vec() };
    let post = async |who: &Visitor<'_>, act: &str, token: &str, fields: &[(&'static str, &'static str)]| {
        let mut fields = slices(&with(token, fields));
        if act == "approve" {
            // As the form does: which journal the page has shown.
            let page = who.page(&path).await;
            let shown = page.split(r#"name="proposal" value=""#).nth(1).and_then(|rest| rest.split('"').next());
            fields.extend(shown.map(|shown| ("proposal".to_owned(), shown.to_owned())));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        said(who, act, &fields).await
    };
    assert_eq!(post(&kim, "propose", &csrf, &journal("1.5")).await, "fields");
    assert_eq!(post(&kim, "approve", &csrf, &[]).await, "status", "nothing is proposed");
    assert_eq!(post(&kim, "notes", &csrf, &[("note", "asked the PSP")]).await, "noted");
    assert_eq!(post(&kim, "propose", &csrf, &journal("1000")).await, "proposed");
    assert_eq!(post(&kim, "approve", &csrf, &[]).await, "same", "one person alone moves no money");
    assert!(!kim.page(&path).await.contains("Agree and post"));

    let lee = Visitor::somebody(&gateway, "lee@example.com").await;
    let lees = lee.csrf().await;
    assert!(lee.page(&path).await.contains("Agree and post"));
    assert_eq!(post(&lee, "reject", &lees, &[("reason", "which rounding?")]).await, "rejected");
    assert_eq!(post(&lee, "approve", &lees, &[]).await, "status");
    assert_eq!(post(&kim, "propose", &csrf, &journal("1000")).await, "proposed");
    assert_eq!(post(&lee, "approve", &lees, &[]).await, "approved");
    let closed = breaks::find(&world.db, &it.id).await.unwrap().unwrap();
    assert_eq!((closed.status, closed.closed_by.as_deref()), (breaks::Status::Resolved, Some("lee@example.com")));
    assert!(closed.journal.is_some());
    assert_eq!(post(&lee, "resolve", &lees, &[("reason", "x")]).await, "status");
    let shown = lee.page(&path).await;
    for word in ["How it was closed", "asked the PSP", "which rounding?", "approved"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let log = actions(&gateway).await;
    for act in ["break.propose", "break.reject", "break.approve", "break.note"] {
        assert!(log.contains(&act.to_owned()), "{act}: {log:?}");
    }
    // Merchants are not told who of the operators it was.
    let told = gateway.get(&format!("/v1/reconciliation/breaks/{}", it.id)).await.ok();
    assert_eq!((&told["closed_by"], &told["status"]), (&json!("operator"), &json!("resolved")));
    gateway.stop().await;
}

async fn a_night_does_what_is_due_once(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let app = with_source(&gateway);
    assert_eq!(nightly::round(&app, || true).await.unwrap(), 1, "a new source begins with its last day");
    assert_eq!(nightly::round(&app, || true).await.unwrap(), 0, "once");
    world.clock.advance(std::time::Duration::from_hours(3 * 24));
    assert_eq!(nightly::round(&app, || true).await.unwrap(), 3, "missed days are made up for");
    assert_eq!(nightly::round(&app, || true).await.unwrap(), 0);
    let runs = runs::list(&world.db, Some("list"), &Page::newest(10)).await.unwrap().items;
    let days: Vec<String> = runs.iter().rev().map(|run| run.business_date.unwrap().to_string()).collect();
    // The clock stands at 17:53 on 9 October in Seoul; at 05:00 the day before is due.
    assert_eq!(days, ["2025-10-08", "2025-10-09", "2025-10-10", "2025-10-11"]);
    assert!(runs.iter().all(|run| run.trigger == Trigger::Nightly && run.failure.is_none()), "{runs:?}");
    gateway.stop().await;
}

async fn people_with_long_names_act_and_write_at_the_same_time(world: World) {
    let gateway = world.gateway().await;
    let it = found(&gateway, &gateway.tenant.clone(), Outcome::AmountDiffers, "one").await;
    let name = |person: &str| format!("{person}.{}@example.com", "of-a-long-name".repeat(17));
    let (kim, lee) = (name("kim"), name("lee"));
    assert_eq!(kim.len(), 254, "as long as an operator's e-mail may be");
    let db = &world.db;
    let writing = (0..8).map(|_| async {
        let mut tx = db.begin().await.unwrap();
        breaks::note(&mut tx, &it.id, "asked the PSP", &kim, gateway.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    });
    futures_util::future::join_all(writing).await;
    let notes = breaks::notes(db, &it.id).await.unwrap();
    assert_eq!(notes.iter().map(|note| note.number).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());

    let amount = Money::parse("1000", it.currency).unwrap();
    let journal = [Transfer { debit: Account::Rounding, credit: Account::PspFees, amount }];
    let mut tx = db.begin().await.unwrap();
    let it = breaks::propose(&mut tx, &it.id, "rounded there", &journal, &kim, gateway.app.now()).await.unwrap();
    breaks::approve(&mut tx, &it.id, &breaks::fingerprint(&it), &lee, gateway.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    let closed = breaks::find(db, &it.id).await.unwrap().unwrap();
    assert_eq!((closed.proposed_by, closed.closed_by), (Some(kim), Some(lee)));
    gateway.stop().await;
}

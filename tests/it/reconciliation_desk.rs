//! What people and programs do about differences: the API, the console, two people, and the nights of the worker.

use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::ledger::{Account, Transfer};
use tollgate::reconciliation::breaks::{self, Break, NewBreak};
use tollgate::reconciliation::nightly;
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::runs::{self, Trigger};
use tollgate::reconciliation::words::{Class, ObjectKind, Outcome};
use tollgate::reconciliation::{What, reconcile};
use tollgate::words::{Currency, Money, Page, Tenant};

use crate::console::{Visitor, actions};
use crate::reconciliation::Books;
use crate::support::door::Door;
use crate::support::{Answer, Gateway, World, both_databases, eventually};

both_databases!(
    a_merchant_reads_its_differences_and_closes_what_moved_no_money,
    a_runs_owner_sees_it_and_nobody_else,
    an_owner_reads_its_runs_as_json_and_as_a_file,
    a_journal_closes_a_difference_when_a_second_person_agrees,
    a_night_does_what_is_due_once,
    people_with_long_names_act_and_write_at_the_same_time,
    a_page_shows_everything_known_about_a_difference,
    a_suggested_journal_is_proposed_by_one_click,
    lists_are_narrowed_and_given_as_files,
    a_file_is_taken_out_as_it_came_and_that_is_written_down,
    a_source_that_is_busy_is_said_to_be,
);

/// A difference that nobody can explain.
fn difference(tenant: &Tenant, subject: &str) -> NewBreak {
    NewBreak {
        tenant: tenant.clone(),
        source: "list".to_owned(),
        run: None,
        outcome: Outcome::AmountDiffers,
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
    }
}

async fn found(gateway: &Gateway, tenant: &Tenant, outcome: Outcome, subject: &str) -> Break {
    written(gateway, NewBreak { outcome, ..difference(tenant, subject) }).await
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
    // Operators see every run, as a page and as a file.
    let kim = Visitor::operator(&gateway).await;
    let page = format!("/console/reconciliation/runs/{}", run.id);
    assert!(kim.page(&page).await.contains("report.csv"));
    let file = kim.page(&format!("{page}/report.csv")).await;
    assert!(file.starts_with("name,value") && file.contains(&format!("id,{}", run.id)), "{file}");
    gateway.stop().await;
}

async fn an_owner_reads_its_runs_as_json_and_as_a_file(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let listed = books.run(&books.list.clone()).await;
    let landed = books.run(&books.bank.clone()).await;
    let (door, key) = Door::of_shop(&books.shop).await;
    let ids = |list: Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let path = "/v1/reconciliation/runs";
    let (listed, landed) = (listed.id.to_string(), landed.id.to_string());
    assert_eq!(ids(door.get(path, &key).await.ok()), [landed.clone(), listed.clone()]);
    assert_eq!(ids(door.get(&format!("{path}?source=list"), &key).await.ok()), std::slice::from_ref(&listed));
    assert_eq!(ids(door.get(&format!("{path}?source=nobodys"), &key).await.ok()), Vec::<String>::new());
    let first = door.get(&format!("{path}?limit=1"), &key).await.ok();
    assert_eq!((&first["has_more"], &first["data"][0]["id"]), (&json!(true), &json!(landed)));
    assert_eq!(
        ids(door.get(&format!("{path}?starting_after={landed}"), &key).await.ok()),
        std::slice::from_ref(&listed)
    );
    assert_eq!(
        ids(door.get(&format!("{path}?ending_before={listed}"), &key).await.ok()),
        std::slice::from_ref(&landed)
    );

    let path = format!("{path}/{listed}");
    let run = door.get(&path, &key).await.ok();
    assert_eq!((&run["object"], &run["status"]), (&json!("reconciliation.run"), &json!("completed")));
    assert_eq!(run["totals"]["types"]["matched"], json!({ "count": 1, "amounts": { "USD": "10.00" } }));
    let file = door.client.get(format!("{}{path}", door.url)).bearer_auth(&key).header("accept", "text/csv");
    let file = Answer::read(file.send().await.unwrap()).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8; header=present");
    for line in [format!("id,{listed}"), "totals.types.matched.count,1".to_owned(), "source,list".to_owned()] {
        assert!(file.text.lines().any(|told| told.trim_end() == line), "{line}: {}", file.text);
    }
    // Whose source it is not sees nothing.
    let other = door.merchant("Another").await;
    assert_eq!(ids(door.get("/v1/reconciliation/runs", &other.key).await.ok()), Vec::<String>::new());
    assert_eq!(door.get(&path, &other.key).await.refused(404), "resource_not_found");
    assert_eq!(door.get(&path, &other.live_key).await.refused(404), "resource_not_found");
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
    let payout = [("reason", "the bank says so"), ("batch1", "list:batch_1")];
    assert_eq!(post(&kim, "land", &csrf, &payout).await, "landing", "it is no entry of a bank");
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

/// A difference about a payment that was paid here.
async fn about_a_payment(gateway: &Gateway) -> (String, NewBreak) {
    let payment = gateway.payment_by("approve").await;
    let new = NewBreak {
        object: Some((ObjectKind::Charge, payment.clone())),
        expected: Some(0),
        outcome: Outcome::StateDiffers,
        evidence: json!({ "happened_at": "2026-11-22T10:12:04.5Z", "circumstance": "under_way" }),
        ..difference(&gateway.tenant, "one")
    };
    (payment, new)
}

async fn written(gateway: &Gateway, new: NewBreak) -> Break {
    let mut tx = gateway.app.db.begin().await.unwrap();
    let (it, _) = breaks::open(&mut tx, new, gateway.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    it
}

async fn a_page_shows_everything_known_about_a_difference(world: World) {
    let gateway = world.gateway().await;
    let (payment, new) = about_a_payment(&gateway).await;
    let it = written(&gateway, new).await;
    let known = query(
        "select a.psp_key, p.psp_payment, j.id as journal from attempts a join payments p on p.id = a.payment_id
         join journals j on j.payment_id = p.id where p.id = $1",
    )
    .bind(payment.as_str());
    let known = known.one(&world.db).await.unwrap();
    let kim = Visitor::operator(&gateway).await;
    let shown = kim.page(&format!("/console/reconciliation/breaks/{}", it.id)).await;
    let kept: [String; 3] = ["psp_key", "psp_payment", "journal"].map(|name| known.get(name).unwrap());
    for word in kept.iter().map(String::as_str).chain([
        "15,000 KRW, Paid",
        "Captured",
        "Key at the PSP",
        "What happened here",
        "confirm",
        "payment.succeeded",
        "2026-11-22 10:12:04",
        "under way",
    ]) {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(shown.contains(&format!("/console/payments/{payment}")), "{shown}");
    gateway.stop().await;
}

async fn a_suggested_journal_is_proposed_by_one_click(world: World) {
    let gateway = world.gateway().await;
    let amount = Money::parse("1000", Currency::parse("KRW").unwrap()).unwrap();
    let journal = Transfer { debit: Account::Rounding, credit: Account::PspFees, amount };
    let suggestion = Some(breaks::proposal("the PSP rounds \"up\"", &[journal]));
    let it = written(&gateway, NewBreak { suggestion, ..difference(&gateway.tenant, "one") }).await;
    let kim = Visitor::operator(&gateway).await;
    let path = format!("/console/reconciliation/breaks/{}", it.id);
    let shown = kim.page(&path).await;
    // What the browser would send without anybody typing.
    let form = shown.split(&format!("action=\"{path}/propose\"")).nth(1).unwrap().split("</form>").next().unwrap();
    let value = |name: &str| {
        let field = form.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).unwrap();
        let value = field.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        value.replace("&#34;", "\"")
    };
    let names = ["csrf", "reason", "debit1", "credit1", "amount1", "currency1", "debit2", "amount2", "currency2"];
    let fields: Vec<(&str, String)> = names.into_iter().map(|name| (name, value(name))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = kim.post(&format!("{path}/propose"), &fields).await;
    assert!(answer.header("location").ends_with("said=proposed"), "{fields:?} {}", answer.header("location"));
    let proposed = breaks::find(&world.db, &it.id).await.unwrap().unwrap();
    assert_eq!(proposed.proposal, it.proposal);
    gateway.stop().await;
}

async fn lists_are_narrowed_and_given_as_files(world: World) {
    let gateway = world.gateway().await;
    let old = gateway.app.now().minus(std::time::Duration::from_hours(9 * 24));
    let mut tx = gateway.app.db.begin().await.unwrap();
    let (aged, _) = breaks::open(&mut tx, difference(&gateway.tenant, "old"), old).await.unwrap();
    tx.commit().await.unwrap();
    let elsewhere = NewBreak { source: "elsewhere".to_owned(), ..difference(&gateway.tenant, "new") };
    let young = written(&gateway, elsewhere).await;
    let kim = Visitor::operator(&gateway).await;
    for path in ["breaks", "differences.csv"] {
        for (asked, wanted) in [
            ("", [true, true]),
            ("?age=7", [true, false]),
            ("?age=30", [false, false]),
            ("?source=elsewhere", [false, true]),
            ("?source=elsewhere&age=1", [false, false]),
            ("?run=rcr_00000000000000000000000000", [false, false]),
        ] {
            let shown = kim.page(&format!("/console/reconciliation/{path}{asked}")).await;
            let there = [&aged, &young].map(|it| shown.contains(it.id.as_str()));
            assert_eq!(there, wanted, "{path}{asked}");
        }
    }
    let file = kim.page("/console/reconciliation/differences.csv").await;
    assert!(file.starts_with("id,created_at,source,type") && file.lines().count() == 3, "{file}");
    gateway.stop().await;
}

async fn a_file_is_taken_out_as_it_came_and_that_is_written_down(world: World) {
    let gateway = world.gateway().await;
    let app = with_source(&gateway);
    let source = &app.config.reconciliation.sources[0];
    // Of more than one piece, and refused: those that are asked about most.
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let what = What::File { name: "odd \"one\".json".to_owned(), bytes: Box::new(std::io::Cursor::new(bytes.clone())) };
    let run = reconcile(&app, source, what, Trigger::Command, false, "test", &Progress::nobody()).await.unwrap();
    assert!(run.failure.is_some());
    let row = query("select id from settlement_files").one(&world.db).await.unwrap();
    let id: String = row.get("id").unwrap();
    let kim = Visitor::operator(&gateway).await;
    assert!(kim.page("/console/reconciliation/files").await.contains(&format!("files/{id}/download")));
    let path = format!("/console/reconciliation/files/{id}/download");
    assert_eq!(kim.post(&path, &[]).await.status, 403, "only from our own page");
    assert!(!actions(&gateway).await.contains(&"file.download".to_owned()));
    let csrf = kim.csrf().await;
    let answer = kim.post(&path, &[("csrf", &csrf)]).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, "600000"));
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{id}\""));
    assert!(answer.text.as_bytes() == bytes, "byte for byte");
    assert!(actions(&gateway).await.contains(&"file.download".to_owned()));
    let nobodys = "/console/reconciliation/files/rcf_00000000000000000000000000/download";
    assert_eq!(kim.post(nobodys, &[("csrf", &csrf)]).await.status, 404);
    gateway.stop().await;
}

async fn a_source_that_is_busy_is_said_to_be(world: World) {
    let source =
        json!({ "name": "list", "format": "csv", "psp": "simulator", "merchant": "mrc_00000000000000000000000000" });
    let source = serde_json::from_value(source).unwrap();
    let gateway = world.gateway_with(|config| config.reconciliation.sources = vec![source]).await;
    let app = &gateway.app;
    // The gateway looks at the night of this source, too, and may be at it.
    let begun = async || runs::begin(app, "list", None, Trigger::Nightly, false).await.unwrap();
    let running = eventually("nobody reconciles it", begun).await;
    let kim = Visitor::operator(&gateway).await;
    let csrf = kim.csrf().await;
    let begin = async || {
        let fields = [("csrf", csrf.as_str()), ("source", "list"), ("date", "2025-10-09")];
        kim.post("/console/reconciliation/runs", &fields).await.header("location").to_owned()
    };
    assert_eq!(begin().await, "/console/reconciliation?said=busy");
    assert!(kim.page("/console/reconciliation?said=busy").await.contains("is being reconciled at this moment"));
    let ended = runs::Run { status: runs::Status::Completed, finished_at: Some(app.now()), ..running };
    let mut tx = app.db.begin().await.unwrap();
    assert!(runs::finish(&mut tx, &ended, app.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(begin().await, "/console/reconciliation?said=begun");
    gateway.stop().await;
}

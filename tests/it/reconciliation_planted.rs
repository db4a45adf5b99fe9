//! Days of simulated trade with mistakes of every type planted in the PSP's list, in the bank's statement and in what we heard: each
//! is found, with its type and class, and nothing else is; afterwards the three sides agree and `suspense` holds what nobody knows.
//!
//! `TOLLGATE_TEST_PLANTED=100000` makes the first day that large.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use tollgate::app::App;
use tollgate::config::reconciliation::Source;
use tollgate::db::query;
use tollgate::integrity;
use tollgate::payments::{self, Standing};
use tollgate::reconciliation::breaks::{self, Break, Filter, Status};
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::report::psp_account;
use tollgate::reconciliation::runs::{self, Run, Trigger};
use tollgate::reconciliation::{What, reconcile};
use tollgate::words::{Mode, Page, PaymentId};

use crate::support::{Answer, Gateway, World, both_databases};

both_databases!(every_planted_mistake_is_found_and_nothing_else);

/// Of each kind.
const EACH: usize = 3;
/// Payments of the first day, unless told otherwise.
const SIZE: usize = 2_000;
const GROSS: i64 = 15_000;
/// 2.9 % of it.
const FEE: i64 = 435;

fn size() -> usize {
    std::env::var("TOLLGATE_TEST_PLANTED").ok().and_then(|n| n.parse().ok()).unwrap_or(SIZE)
}

struct Town {
    world: World,
    gateway: Gateway,
    /// With sources; the gateway's own has none, so that its nights do not interfere.
    app: App,
}

impl Town {
    async fn open(world: World) -> Self {
        let gateway = world.gateway_on_test_clock().await;
        let mut config = (*gateway.app.config).clone();
        let merchant = gateway.tenant.merchant.to_string();
        let source = |name: &str, format: &str| -> Source {
            serde_json::from_value(json!({
                "name": name, "format": format, "psp": "simulator", "merchant": merchant, "zone": "Asia/Seoul",
                "fee": { "ppm": 29_000 },
            }))
            .unwrap()
        };
        config.reconciliation.sources = vec![source("list", "simulator"), source("bank", "camt053")];
        let of = gateway.app.clone();
        let app = App::new(config, of.db, of.clock, of.outbound, of.psps);
        let town = Self { world, gateway, app };
        town.admin("/admin/faults", json!({ "kind": "no_webhook" })).await;
        town
    }

    async fn admin(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.gateway.simulator.base_url());
        let request = self.gateway.http.post(url).bearer_auth(&self.gateway.simulator_admin_key).json(&body);
        Answer::read(request.send().await.unwrap()).await.ok()
    }

    /// The stand-in's record of captures, by our payment.
    async fn captures(&self) -> BTreeMap<String, String> {
        let ours: BTreeMap<String, String> =
            query("select id, psp_payment from payments where psp_payment is not null")
                .all(&self.world.db)
                .await
                .unwrap()
                .iter()
                .map(|row| (row.get("psp_payment").unwrap(), row.get("id").unwrap()))
                .collect();
        let (mut captures, mut after) = (BTreeMap::new(), 0);
        loop {
            let url = format!("{}/admin/record/captures?after={after}", self.gateway.simulator.base_url());
            let request = self.gateway.http.get(url).bearer_auth(&self.gateway.simulator_admin_key);
            let page = Answer::read(request.send().await.unwrap()).await.ok();
            let rows = page["data"].as_array().unwrap();
            let Some(last) = rows.last() else { return captures };
            after = last["seq"].as_i64().unwrap();
            for row in rows {
                let payment = ours[row["payment_id"].as_str().unwrap()].clone();
                captures.insert(payment, row["id"].as_str().unwrap().to_owned());
            }
        }
    }

    /// Payments that were paid, and that we know of.
    async fn trade(&self, count: usize) -> Vec<String> {
        let paid = futures_util::stream::iter(0..count).map(|_| self.gateway.payment_by("approve"));
        paid.buffer_unordered(8).collect().await
    }

    /// A payment that the PSP took and of which we heard nothing.
    async fn unheard_of(&self) -> String {
        let fault = json!({ "kind": "lose_response", "operation": "confirm", "count": 1 });
        self.admin("/admin/faults", fault).await;
        let session = json!({
            "line_items": [{"name": "Tea", "unit_amount": "15000", "quantity": 1}],
            "currency": "KRW", "success_url": "https://shop.example/paid",
        });
        let session = self.gateway.post("/v1/checkout/sessions", session).await.ok();
        let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
        payments::register(&self.gateway.app, &payment).await.unwrap();
        let standing = payments::execute(&self.gateway.app, &payment, "tok_sim_approve").await.unwrap();
        assert_ne!(standing, Standing::Succeeded);
        payment.to_string()
    }

    async fn plant(&self, list: &str, mistake: Value) {
        let mut mistake = mistake;
        mistake["list"] = list.into();
        self.admin("/admin/planted", mistake).await;
    }

    async fn close_day(&self) -> Date {
        let closed = self.admin("/admin/settlements/close", json!({})).await;
        closed["date"].as_str().unwrap().parse().unwrap()
    }

    async fn run(&self, source: &str, day: Date) -> Run {
        let source = self.app.config.reconciliation.sources.iter().find(|it| it.name == source).unwrap();
        let nobody = Progress::nobody();
        let run = reconcile(&self.app, source, What::Day(day), Trigger::Command, false, "test", &nobody).await.unwrap();
        assert_eq!((run.status, &run.failure), (runs::Status::Completed, &None));
        run
    }

    async fn breaks(&self) -> Vec<Break> {
        breaks::list(&self.world.db, None, &Filter::default(), &Page::newest(500)).await.unwrap().items
    }

    /// How many of each source, type, class and status there are.
    async fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for it in self.breaks().await {
            let name = format!("{} {} {} {}", it.source, it.outcome.as_str(), it.class.as_str(), it.status.as_str());
            *told.entry(name).or_default() += 1;
        }
        told
    }

    /// The payments about which there is a break of this type.
    async fn about(&self, outcome: &str) -> BTreeSet<String> {
        let of = self.breaks().await.into_iter().filter(|it| it.outcome.as_str() == outcome && it.source == "list");
        of.filter_map(|it| it.object.map(|(_, id)| id)).collect()
    }

    /// The PSP's account is explained, suspense holds what open breaks say, and the laws hold.
    async fn assert_explained(&self) {
        let sources = ["list".to_owned(), "bank".to_owned()];
        for account in psp_account(&self.world.db, "simulator", Mode::Test, &sources).await.unwrap() {
            assert_eq!(account.difference(), 0, "{account:?}");
        }
        let report = integrity::check(&self.world.db, integrity::Scope::Everything).await.unwrap();
        let broken: Vec<_> = report.checks.iter().filter(|it| it.state == integrity::State::Broken).collect();
        assert!(broken.iter().all(|check| check.name == "provider_agrees"), "{broken:?}");
        let held = query(
            "select cast(coalesce(sum(amount), 0) as bigint) as n from break_parkings where not released and currency = 'KRW'",
        );
        let held: i64 = held.one(&self.world.db).await.unwrap().get("n").unwrap();
        let there: i64 = query(
            "select cast(coalesce(sum(case when credit_account = 'suspense' then amount else -amount end), 0) as bigint) as n
             from transfers where currency = 'KRW' and (credit_account = 'suspense' or debit_account = 'suspense')",
        )
        .one(&self.world.db)
        .await
        .unwrap()
        .get("n")
        .unwrap();
        assert_eq!(there, held, "suspense is what open breaks say");
    }
}

fn expected(rows: &[(&str, usize)]) -> BTreeMap<String, usize> {
    rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

#[allow(clippy::too_many_lines, reason = "three days, one after the other")]
async fn every_planted_mistake_is_found_and_nothing_else(world: World) {
    let town = Town::open(world).await;
    let size = size();
    let paid = town.trade(size).await;
    let mut lost = Vec::new();
    for _ in 0..EACH {
        lost.push(town.unheard_of().await);
    }
    let captures = town.captures().await;
    assert_eq!(captures.len(), size + EACH);

    // What the PSP tells wrong on the first day.
    let mut groups = paid.chunks(EACH);
    let mut group = || groups.next().unwrap().to_vec();
    let (dropped, other_amount, other_fee) = (group(), group(), group());
    let (other_currency, doubled, delayed) = (group(), group(), group());
    for (ids, mistake) in [
        (&dropped, json!({ "kind": "drop" })),
        (&other_amount, json!({ "kind": "alter", "gross": GROSS - 1_000 })),
        (&other_fee, json!({ "kind": "alter", "fee": FEE + 100 })),
        (&other_currency, json!({ "kind": "alter", "currency": "USD" })),
        (&doubled, json!({ "kind": "double" })),
        (&delayed, json!({ "kind": "delay", "days": 1 })),
    ] {
        for id in ids {
            let mut mistake = mistake.clone();
            mistake["row"] = captures[id].clone().into();
            town.plant("settlement", mistake).await;
        }
    }
    for n in 0..EACH {
        let strange = json!({ "kind": "invent", "type": "sale", "currency": "KRW", "gross": 7_000, "fee": 203,
                              "payment_id": format!("spay_elsewhere_{n}"), "key": format!("elsewhere_{n}") });
        town.plant("settlement", strange).await;
        let odd = json!({ "kind": "invent", "type": "mystery", "currency": "KRW", "gross": -900 });
        town.plant("settlement", odd).await;
    }
    let gift = json!({ "kind": "invent", "type": "other", "currency": "KRW", "gross": 777, "reference": "A GIFT" });
    town.plant("statement", gift).await;
    let first = town.close_day().await;

    let run = town.run("list", first).await;
    let by_type = |run: &Run, name: &str| run.totals["types"][name]["count"].as_i64().unwrap();
    let told = expected(&[
        ("list late automatic open", 2 * EACH),
        ("list amount_differs investigate open", EACH),
        ("list fee_differs manual open", EACH),
        ("list currency_differs manual open", EACH),
        ("list duplicate investigate open", EACH),
        ("list missing_here investigate open", EACH),
        ("list unknown investigate open", EACH),
        ("list state_differs automatic resolved", EACH),
    ]);
    assert_eq!(town.told().await, told, "{}", run.totals);
    for (outcome, ids) in [
        ("amount_differs", &other_amount),
        ("fee_differs", &other_fee),
        ("currency_differs", &other_currency),
        ("duplicate", &doubled),
        ("state_differs", &lost),
    ] {
        assert_eq!(town.about(outcome).await, set(ids), "{outcome}");
    }
    assert_eq!(town.about("late").await, set(&[dropped.clone(), delayed.clone()].concat()));
    for id in &lost {
        let payment = town.gateway.get(&format!("/v1/payments/{id}")).await.ok();
        assert_eq!(payment["status"], "succeeded", "what was lost is settled by the one settle");
    }
    town.assert_explained().await;

    // The same day again says the same and opens nothing.
    let again = town.run("list", first).await;
    assert_eq!(again.totals["types"], run.totals["types"]);
    assert_eq!(town.told().await, told);

    let mut told = told;
    town.run("bank", first).await;
    told.insert("bank unknown investigate open".to_owned(), 1);
    assert_eq!(town.told().await, told);
    town.assert_explained().await;

    // A day later the delayed rows are told; the bank does not show what the PSP sent.
    town.world.clock.advance(Duration::from_hours(24));
    let second = town.close_day().await;
    town.plant("statement", json!({ "kind": "drop", "row": "BNKP3" })).await;
    let run = town.run("list", second).await;
    assert_eq!(by_type(&run, "matched"), i64::try_from(EACH).unwrap() + 1, "{}", run.totals);
    let bank = town.run("bank", second).await;
    told.insert("list late automatic open".to_owned(), EACH);
    told.insert("list late automatic resolved".to_owned(), EACH);
    told.insert("bank late automatic open".to_owned(), 1);
    assert_eq!(town.told().await, told, "{}", bank.totals);

    // Another day later the bank received less than the PSP sent.
    town.world.clock.advance(Duration::from_hours(24));
    town.trade(2).await;
    let third = town.close_day().await;
    town.plant("statement", json!({ "kind": "alter", "row": "BNKP4", "gross": 2 * (GROSS - FEE) - 100 })).await;
    town.run("list", third).await;
    let bank = town.run("bank", third).await;
    told.insert("bank amount_differs manual open".to_owned(), 1);
    assert_eq!(town.told().await, told, "{}", bank.totals);
    town.assert_explained().await;

    // What was waited for in vain is missing.
    town.world.clock.advance(Duration::from_hours(10 * 24));
    let later = third.checked_add(jiff::Span::new().days(9)).unwrap();
    town.run("list", later).await;
    let bank = town.run("bank", later).await;
    told.remove("list late automatic open");
    told.remove("bank late automatic open");
    told.insert("list late automatic resolved".to_owned(), 2 * EACH);
    told.insert("bank late automatic resolved".to_owned(), 1);
    told.insert("list missing_at_psp investigate open".to_owned(), EACH);
    told.insert("bank missing_at_psp manual open".to_owned(), 1);
    assert_eq!(town.told().await, told, "{}", bank.totals);
    assert_eq!(town.about("missing_at_psp").await, set(&dropped));
    town.assert_explained().await;

    // Suspense holds what nobody can explain, and nothing of what could be.
    let mut parked = BTreeSet::new();
    for it in town.breaks().await {
        let held = !breaks::parked(&town.world.db, &it.id).await.unwrap().is_empty();
        if held {
            assert_ne!(it.status, Status::Resolved);
            parked.insert(format!("{} {}", it.source, it.outcome.as_str()));
        }
    }
    let unknown = [
        "bank amount_differs",
        "bank unknown",
        "list amount_differs",
        "list currency_differs",
        "list duplicate",
        "list missing_here",
        "list unknown",
    ];
    assert_eq!(parked, unknown.into_iter().map(str::to_owned).collect());
    town.gateway.stop().await;
}

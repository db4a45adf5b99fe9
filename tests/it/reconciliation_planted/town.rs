//! A town: a gateway with the stand-in as its PSP and bank, of which it hears nothing by webhook, and three sources that are
//! reconciled by hand. What is planted is written down beside what it must be found as.

use std::collections::{BTreeMap, BTreeSet};

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

use super::table::{ALL, Found, Row, Stands};
use crate::support::{Answer, Gateway, World, eventually};

pub const GROSS: i64 = 15_000;
/// 2.9 % of it.
pub const FEE: i64 = 435;
/// What a refund gives back, and what is contested.
pub const PART: i64 = 4_000;
/// What the stand-in charges for a dispute.
pub const DISPUTE_FEE: i64 = 5_000;
/// A payout to a seller.
pub const OUT: i64 = 1_000;

pub struct Town {
    pub world: World,
    pub gateway: Gateway,
    /// With sources; the gateway's own has none, so that its nights do not interfere.
    pub app: App,
    expected: Vec<Row>,
    /// What the stand-in has paid out to the bank so far.
    landings: usize,
}

/// What the stand-in pays out for a day in one currency.
#[derive(Debug, Clone)]
pub struct Landing {
    /// The bank's name of the entry.
    pub entry: String,
    /// The row of the list.
    pub row: String,
    pub batch: String,
    pub amount: i64,
}

impl Town {
    pub async fn open(world: World) -> Self {
        let gateway = world.gateway_on_test_clock().await;
        let mut config = (*gateway.app.config).clone();
        let merchant = gateway.tenant.merchant.to_string();
        let source = |name: &str, format: &str, more: Value| -> Source {
            let mut settings = json!({
                "name": name, "format": format, "psp": "simulator", "merchant": merchant, "zone": "Asia/Seoul",
                // Longer than all the days that are played before everything is overdue.
                "in_transit_days": 10,
            });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(settings).unwrap()
        };
        config.reconciliation.sources = vec![
            source("list", "simulator", json!({ "fee": { "ppm": 29_000 } })),
            source("card", "stripe", json!({ "rounding_tolerance": 1 })),
            source("bank", "camt053", json!({})),
        ];
        let of = gateway.app.clone();
        let app = App::new(config, of.db, of.clock, of.outbound, of.psps);
        let town = Self { world, gateway, app, expected: Vec::new(), landings: 0 };
        town.admin("/admin/faults", json!({ "kind": "no_webhook" })).await;
        town.name_account().await;
        town
    }

    /// From now on a difference like this is expected.
    pub fn expect(&mut self, found: Found, about: &str, stands: Stands) {
        self.expected.push(Row::of(found, about, stands));
    }

    /// The same of each of them.
    pub fn expect_each<'i>(&mut self, found: Found, about: impl IntoIterator<Item = &'i String>, stands: &Stands) {
        for it in about {
            self.expect(found, it, stands.clone());
        }
    }

    /// What was expected to wait has come right.
    pub fn came_right<'i>(&mut self, found: Found, about: impl IntoIterator<Item = &'i String>) {
        for it in about {
            let same = |row: &&mut Row| {
                row.about == *it && (row.cause.as_str(), row.source.as_str()) == (found.cause, found.source)
            };
            let row =
                self.expected.iter_mut().find(same).unwrap_or_else(|| panic!("{found:?} about {it} was expected"));
            row.stands = Stands::Repaired;
        }
    }

    /// Expectations of a source that has not told anything yet, taken out until it has.
    pub fn put_aside(&mut self, source: &str) -> Vec<Row> {
        let (aside, stay) = std::mem::take(&mut self.expected).into_iter().partition(|row| row.source == source);
        self.expected = stay;
        aside
    }

    /// They are found from now on.
    pub fn take_up(&mut self, rows: Vec<Row>) {
        self.expected.extend(rows);
    }

    /// Movements that a source waits for.
    pub fn waited_for(&self, found: Found) -> Vec<String> {
        let waits = |row: &&Row| (row.cause.as_str(), &row.stands) == (found.cause, &Stands::WAITS);
        self.expected.iter().filter(waits).map(|row| row.about.clone()).collect()
    }

    /// No row of the table of expectations went untried.
    pub fn assert_every_row_of_the_table_arose(&self) {
        for found in ALL {
            let like = |row: &Row| {
                (row.cause.as_str(), row.source.as_str(), row.class.as_str())
                    == (found.cause, found.source, found.class)
            };
            assert!(self.expected.iter().any(like), "nothing was planted that is {found:?}");
        }
    }

    /// Our name of a dispute.
    pub async fn our_dispute(&self, there: &str) -> String {
        let named = query("select id from disputes where psp_reference = $1").bind(there);
        named.one(&self.world.db).await.unwrap().get("id").unwrap()
    }

    /// What was waited for in vain is something else.
    pub fn turns<'i>(&mut self, late: Found, missing: Found, about: impl IntoIterator<Item = &'i String> + Clone) {
        self.came_right(late, about.clone());
        self.expect_each(missing, about, &Stands::WAITS);
    }

    pub async fn admin(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.gateway.simulator.base_url());
        let request = self.gateway.http.post(url).bearer_auth(&self.gateway.simulator_admin_key).json(&body);
        Answer::read(request.send().await.unwrap()).await.ok()
    }

    /// The stand-in does this to the next call of `operation`.
    async fn next(&self, operation: &str, kind: &str) {
        self.admin("/admin/faults", json!({ "kind": kind, "operation": operation, "count": 1 })).await;
    }

    /// The stand-in's whole record of something.
    async fn record(&self, of: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let url = format!("{}/admin/record/{of}?after={after}", self.gateway.simulator.base_url());
            let request = self.gateway.http.get(url).bearer_auth(&self.gateway.simulator_admin_key);
            let page = Answer::read(request.send().await.unwrap()).await.ok();
            let rows = page["data"].as_array().unwrap();
            let Some(last) = rows.last() else { return all };
            after = last["seq"].as_i64().unwrap();
            all.extend(rows.iter().cloned());
        }
    }

    /// The stand-in's captures, by our payment.
    pub async fn captures(&self) -> BTreeMap<String, String> {
        let ours: BTreeMap<String, String> =
            query("select id, psp_payment from payments where psp_payment is not null")
                .all(&self.world.db)
                .await
                .unwrap()
                .iter()
                .map(|row| (row.get("psp_payment").unwrap(), row.get("id").unwrap()))
                .collect();
        let named = |row: &Value| (ours[row["payment_id"].as_str().unwrap()].clone(), text(&row["id"]));
        self.record("captures").await.iter().map(named).collect()
    }

    /// The stand-in's name of a payment.
    pub async fn psp_payment(&self, payment: &str) -> String {
        let named = query("select psp_payment from payments where id = $1").bind(payment);
        named.one(&self.world.db).await.unwrap().get("psp_payment").unwrap()
    }

    /// Payments that were paid, and that we know of.
    pub async fn trade(&self, count: usize) -> Vec<String> {
        let paid = futures_util::stream::iter(0..count).map(|_| self.gateway.payment_by("approve"));
        paid.buffer_unordered(8).collect().await
    }

    /// A payment that waits for its card.
    async fn checkout(&self) -> (String, PaymentId) {
        let session = json!({
            "line_items": [{"name": "Tea", "unit_amount": "15000", "quantity": 1}],
            "currency": "KRW", "success_url": "https://shop.example/paid",
        });
        let session = self.gateway.post("/v1/checkout/sessions", session).await.ok();
        let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
        payments::register(&self.gateway.app, &payment).await.unwrap();
        (text(&session["id"]), payment)
    }

    /// A payment that the PSP took and of which we heard nothing.
    pub async fn charge_unheard(&self) -> String {
        self.next("confirm", "lose_response").await;
        let (_, payment) = self.checkout().await;
        let standing = payments::execute(&self.gateway.app, &payment, "tok_sim_approve").await.unwrap();
        assert_ne!(standing, Standing::Succeeded);
        payment.to_string()
    }

    /// A hold that the PSP captured and of which we heard nothing.
    pub async fn capture_unheard(&self) -> String {
        let held = self.gateway.held_payment().await;
        self.next("capture", "lose_response").await;
        let asked = self.gateway.post(&format!("/v1/payments/{held}/capture"), json!({})).await.ok();
        assert_eq!(asked["captures"][0]["status"], "pending");
        held
    }

    /// A payment that nobody made, and that is given up.
    pub async fn given_up(&self) -> String {
        let (session, payment) = self.checkout().await;
        self.gateway.post(&format!("/v1/checkout/sessions/{session}/expire"), json!({})).await.ok();
        payment.to_string()
    }

    /// A refund of a part, by its key at the PSP and its name there.
    pub async fn refund(&self, payment: &str) -> (String, String) {
        self.refund_as(payment, "succeeded").await
    }

    /// One that the PSP made and of which we heard nothing.
    pub async fn refund_unheard(&self, payment: &str) -> (String, String) {
        self.next("refund", "lose_response").await;
        self.refund_as(payment, "pending").await
    }

    async fn refund_as(&self, payment: &str, status: &str) -> (String, String) {
        let asked = json!({ "payment": payment, "amount": PART.to_string() });
        let asked = self.gateway.post("/v1/refunds", asked).await.ok();
        assert_eq!(asked["status"], status);
        let key = text(&asked["id"]);
        let there = self.record("refunds").await.into_iter().find(|row| row["key"] == asked["id"]).unwrap();
        (key, text(&there["id"]))
    }

    /// Money that the stand-in's shopper contests; its name there.
    pub async fn dispute_unheard(&self, payment: &str) -> String {
        let contested = json!({ "payment_id": self.psp_payment(payment).await, "amount": PART });
        text(&self.admin("/admin/disputes", contested).await["id"])
    }

    /// The same, and we know of it.
    pub async fn dispute(&self, payment: &str) -> String {
        let id = self.dispute_unheard(payment).await;
        assert_eq!(payments::disputes::look(&self.gateway.app, &payment.parse().unwrap()).await.unwrap(), 1);
        id
    }

    pub async fn decide(&self, dispute: &str, outcome: &str) {
        self.admin(&format!("/admin/disputes/{dispute}/decide"), json!({ "outcome": outcome })).await;
    }

    async fn own_seller(&self) -> String {
        text(&self.gateway.get("/v1/sellers").await.ok()["data"][0]["id"])
    }

    /// The merchant's own seller may be paid out; one whose account is named once there is money has to wait.
    async fn name_account(&self) {
        let path = format!("/v1/sellers/{}", self.own_seller().await);
        let to = json!({ "payout_destination": { "token": "dest_sim_slow", "last4": "6789" } });
        self.gateway.post(&path, to).await.ok();
    }

    /// Asks for a payout. One that failed or came back has shut the account, so it is verified again.
    async fn ask_payout(&self, seller: &str) -> String {
        let verified = json!({ "state": "verified", "version": 1 });
        self.gateway.post(&format!("/v1/sellers/{seller}/verification"), verified).await.ok();
        let asked = json!({ "seller": seller, "amount": OUT.to_string(), "currency": "KRW" });
        text(&self.gateway.post("/v1/payouts", asked).await.ok()["id"])
    }

    /// The merchant's own seller, with what these payments brought.
    pub async fn seller_with(&self, delivered: &[String]) -> String {
        let own = self.own_seller().await;
        for payment in delivered {
            let order = self.gateway.get(&format!("/v1/payments/{payment}")).await.ok()["orders"][0]["id"].clone();
            self.gateway.post(&format!("/v1/payment_orders/{}/fulfill", text(&order)), json!({})).await.ok();
        }
        own
    }

    /// A payout that the bank paid and of which we heard nothing.
    pub async fn payout_unheard(&self, seller: &str) -> SellerPayout {
        let id = self.ask_payout(seller).await;
        let sent = eventually("the bank has it", || async {
            self.record("payouts").await.into_iter().find(|row| row["key"] == *id)
        })
        .await;
        let there = text(&sent["id"]);
        self.gateway.until(&format!("/v1/payouts/{id}"), |it| it["status"] == "processing").await;
        self.admin(&format!("/admin/payouts/{there}/advance"), json!({})).await;
        SellerPayout { id, there, number: sent["seq"].as_i64().unwrap() }
    }

    /// The same, and we know of it.
    pub async fn payout(&self, seller: &str) -> SellerPayout {
        let payout = self.payout_unheard(seller).await;
        self.look(&payout, "paid").await;
        payout
    }

    /// One that the bank refused.
    pub async fn payout_refused(&self, seller: &str) -> String {
        self.next("payout", "payout_rejected").await;
        let id = self.ask_payout(seller).await;
        self.gateway.until(&format!("/v1/payouts/{id}"), |it| it["status"] == "failed").await;
        id
    }

    /// The seller's bank sends it back.
    pub async fn comes_back(&self, payout: &SellerPayout) {
        self.admin(&format!("/admin/payouts/{}/advance", payout.there), json!({ "returned": true })).await;
    }

    /// We ask what became of a payout.
    pub async fn look(&self, payout: &SellerPayout, status: &str) {
        tollgate::payouts::look(&self.gateway.app, &payout.id.parse().unwrap()).await.unwrap();
        assert_eq!(self.gateway.get(&format!("/v1/payouts/{}", payout.id)).await.ok()["status"], status);
    }

    /// Plants a mistake in a list; gives the name of the row when it is an invented one.
    pub async fn plant(&self, list: &str, mistake: Value) -> String {
        let mut mistake = mistake;
        mistake["list"] = list.into();
        let planted = self.admin("/admin/planted", mistake).await;
        let prefix = if list == "settlement" { "sinv_" } else { "BNKI" };
        format!("{prefix}{}", planted["seq"])
    }

    /// The same mistake in each of these rows.
    pub async fn plant_each<'i>(&self, list: &str, rows: impl IntoIterator<Item = &'i String>, mistake: &Value) {
        for row in rows {
            let mut mistake = mistake.clone();
            mistake["row"] = row.as_str().into();
            self.plant(list, mistake).await;
        }
    }

    /// Ends the stand-in's business day; gives what is paid out for it, by currency.
    pub async fn close_day(&mut self) -> (Date, BTreeMap<String, Landing>) {
        let closed = self.admin("/admin/settlements/close", json!({})).await;
        let mut landings = BTreeMap::new();
        for payout in closed["payouts"].as_array().unwrap() {
            self.landings += 1;
            let landing = Landing {
                entry: format!("BNKP{}", self.landings),
                row: text(&payout["id"]),
                batch: text(&payout["batch"]),
                amount: payout["amount"].as_i64().unwrap(),
            };
            landings.insert(text(&payout["currency"]), landing);
        }
        (closed["date"].as_str().unwrap().parse().unwrap(), landings)
    }

    /// A day of each source, or a file of it.
    pub async fn run(&self, source: &str, what: What) -> Run {
        let source = self.app.config.reconciliation.sources.iter().find(|it| it.name == source).unwrap();
        let nobody = Progress::nobody();
        let run = reconcile(&self.app, source, what, Trigger::Command, false, "test", &nobody).await.unwrap();
        assert_eq!((run.status, &run.failure), (runs::Status::Completed, &None));
        run
    }

    /// Both sides of a day.
    pub async fn reconcile(&self, day: Date) {
        self.run("list", What::Day(day)).await;
        self.run("bank", What::Day(day)).await;
    }

    async fn breaks(&self) -> Vec<Break> {
        breaks::list(&self.world.db, None, &Filter::default(), &Page::newest(2_000)).await.unwrap().items
    }

    async fn found(&self) -> BTreeSet<Row> {
        let mut rows = BTreeSet::new();
        for it in self.breaks().await {
            let mut name = None;
            if let Some(line) = &it.line {
                let named = query("select identity, side from settlement_lines where id = $1").bind(line);
                let row = named.one(&self.world.db).await.unwrap();
                let identity: String = row.get("identity").unwrap();
                let at_bank = row.get::<String>("side").unwrap() == "bank";
                // A bank's entry is known by account, reference and direction. Of two rows that tell the same either is the
                // one too many.
                let row = if at_bank { identity.split('/').nth(1).unwrap() } else { &identity };
                name = Some(row.trim_end_matches(if at_bank { "A" } else { "_again" }).to_owned());
            }
            let parked = breaks::parked(&self.world.db, &it.id).await.unwrap();
            assert!(it.status != Status::Resolved || parked.is_empty(), "{it:?} {parked:?}");
            let parked = parked.into_iter().map(|(currency, minor)| (currency.code().to_owned(), minor)).collect();
            let row = Row::read(&it, name, parked);
            assert!(rows.insert(row.clone()), "found twice: {row:?}");
        }
        rows
    }

    /// Every mistake that was planted is found as what it is, and nothing else is.
    pub async fn assert_found(&self) {
        let (found, expected) = (self.found().await, self.expected.iter().cloned().collect::<BTreeSet<_>>());
        assert_eq!(expected.len(), self.expected.len(), "planted twice");
        let not_found: Vec<_> = expected.difference(&found).collect();
        let alarms: Vec<_> = found.difference(&expected).collect();
        assert!(not_found.is_empty() && alarms.is_empty(), "not found: {not_found:#?}\nfalse alarms: {alarms:#?}");
    }

    /// Everything about which nothing was planted is matched.
    pub async fn assert_rest_is_matched(&self) {
        let sql = "select standing, count(*) as n from settlement_lines group by standing";
        let rows = query(sql).all(&self.world.db).await.unwrap();
        let by: BTreeMap<String, i64> =
            rows.iter().map(|row| (row.get("standing").unwrap(), row.get("n").unwrap())).collect();
        let with_line = query("select count(*) as n from breaks where line_id is not null");
        let planted: i64 = with_line.one(&self.world.db).await.unwrap().get("n").unwrap();
        assert_eq!(by.get("new"), None, "{by:?}");
        assert_eq!(by.values().sum::<i64>() - by["matched"], planted, "{by:?}");
    }

    /// Minor units that an account has, debits less credits.
    async fn account(&self, code: &str, currency: &str) -> i64 {
        let sql = "select cast(coalesce(sum(case when debit_account = $1 then amount else 0 end), 0)
                 - coalesce(sum(case when credit_account = $1 then amount else 0 end), 0) as bigint) as n
             from transfers where currency = $2";
        query(sql).bind(code).bind(currency).one(&self.world.db).await.unwrap().get("n").unwrap()
    }

    /// Whether the books' account of the PSP is what its files say, by all runs' own reports.
    pub async fn is_explained(&self) -> bool {
        let sources = self.app.config.reconciliation.sources.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let accounts = psp_account(&self.world.db, "simulator", Mode::Test, &sources).await.unwrap();
        accounts.iter().all(|account| account.difference() == 0)
    }

    /// The laws of money hold; that the provider agrees is what is planted.
    pub async fn assert_sound(&self) {
        let report = integrity::check(&self.world.db, integrity::Scope::Everything).await.unwrap();
        let broken: Vec<_> = report.checks.iter().filter(|it| it.state == integrity::State::Broken).collect();
        assert!(broken.iter().all(|check| check.name == "provider_agrees"), "{broken:?}");
    }

    /// The PSP's account is explained, and suspense holds what was planted and nobody can explain, to the last won.
    pub async fn assert_agree(&self) {
        assert!(self.is_explained().await);
        for currency in ["KRW", "USD"] {
            let held: i64 = self
                .expected
                .iter()
                .filter_map(|row| if let Stands::Waits(held) = &row.stands { Some(held) } else { None })
                .flatten()
                .filter(|(of, _)| of == currency)
                .map(|(_, minor)| minor)
                .sum();
            assert_eq!(-self.account("suspense", currency).await, held, "suspense holds what waits, in {currency}");
        }
    }

    /// What the statements of the bank say has moved is what the books say, once they say nothing more.
    pub async fn assert_bank_agrees(&self) {
        for currency in ["KRW", "USD"] {
            let told = query(
                "select cast(coalesce(sum(net), 0) as bigint) as n from settlement_lines where side = 'bank' and currency = $1",
            );
            let told: i64 = told.bind(currency).one(&self.world.db).await.unwrap().get("n").unwrap();
            let untold = query(
                "select cast(coalesce(sum(case when type = 'missing_at_psp' then expected else 0 end), 0) as bigint) as n
                 from breaks where source = 'bank' and status <> 'resolved' and currency = $1 and object_kind <> 'batch'",
            );
            let untold: i64 = untold.bind(currency).one(&self.world.db).await.unwrap().get("n").unwrap();
            assert_eq!(self.account("bank", currency).await, told + untold, "{currency}");
        }
    }
}

/// A payout to a seller: its id here and there, and its number in the bank's book.
#[derive(Debug, Clone)]
pub struct SellerPayout {
    pub id: String,
    pub there: String,
    pub number: i64,
}

impl SellerPayout {
    /// The bank's entry of its going out.
    pub fn out(&self) -> String {
        format!("BNKS{}", self.number)
    }

    /// And of its coming back.
    pub fn back(&self) -> String {
        format!("BNKR{}", self.number)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

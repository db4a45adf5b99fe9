//! Reconciliation: what the PSP and the bank say, held against the books. Every kind of difference is found, named, and closed.

use serde_json::{Value, json};
use tollgate::config::reconciliation::Source;
use tollgate::db::query;
use tollgate::ledger::{Account, Transfer};
use tollgate::payments::{self, Opened};
use tollgate::psp::{Finding, Outcome as Heard};
use tollgate::reconciliation::breaks::{self, ActError, Break, Filter, Status};
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::report::psp_account;
use tollgate::reconciliation::runs::{self, Run, Trigger};
use tollgate::reconciliation::words::{Class, Outcome};
use tollgate::reconciliation::{What, reconcile};
use tollgate::words::{Currency, LineId, Mode, Money, Page};
use tollgate::{integrity, merchants};

use crate::support::scripted_psp::{approved, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

/// The day on which the tests' clock stands.
pub const DAY: &str = "2025-10-09";

pub struct Books {
    pub shop: Shop,
    pub list: Source,
    pub bank: Source,
    written: i64,
    /// Where its files would lie; there are none, for the lines are written down by the tests.
    _folder: tempfile::TempDir,
}

impl Books {
    pub async fn open(world: World) -> Self {
        Self::open_with(world, json!({})).await
    }

    /// `causes` is added to the table of known causes, `fee` is the contract.
    pub async fn open_with(world: World, settings: Value) -> Self {
        let mut shop = Shop::open(world).await;
        let merchant = shop.tenant.merchant.to_string();
        let folder = tempfile::tempdir().unwrap();
        let mut list = json!({ "name": "list", "format": "csv", "psp": "scripted", "merchant": merchant,
            "directory": folder.path() });
        for name in ["fee", "fee_at_most", "rounding_tolerance"] {
            if let Some(value) = settings.get(name) {
                list[name] = value.clone();
            }
        }
        let bank = json!({ "name": "bank", "format": "camt053", "psp": "scripted", "merchant": merchant,
            "directory": folder.path() });
        let list: Source = serde_json::from_value(list).unwrap();
        let bank: Source = serde_json::from_value(bank).unwrap();
        let mut config = (*shop.app.config).clone();
        config.reconciliation.sources = vec![list.clone(), bank.clone()];
        if let Some(causes) = settings.get("causes") {
            config.reconciliation.causes = serde_json::from_value(causes.clone()).unwrap();
        }
        shop.app.config = std::sync::Arc::new(config);
        let books = Self { shop, list, bank, written: 0, _folder: folder };
        for source in ["list", "bank"] {
            books.file(source, DAY).await;
        }
        books
    }

    /// A file that tells `day`, as if it had been taken in.
    pub async fn file(&self, source: &str, day: &str) {
        let mut tx = self.shop.world.db.begin().await.unwrap();
        query(
            "insert into settlement_files (id, source, format, parser_version, name, sha256, bytes, business_date, status,
                 received_at, decided_at, received_by) values ($1, $2, 'csv', 1, 'a file', $3, 1, $4, 'accepted', 1, 1, 'test')",
        )
        .bind(if day == DAY { file_id(source) } else { format!("{}{day}", file_id(source)) })
        .bind(source)
        .bind(format!("{:0<64}", format!("{source}{day}")))
        .bind(day)
        .execute(&mut tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// Writes a line down as a parser would; `more` is what it names.
    pub async fn line(&mut self, source: &str, kind: &str, gross: i64, fee: i64, more: &Value) -> LineId {
        self.written += 1;
        let id = LineId::new();
        let text = |name: &str| more.get(name).and_then(Value::as_str).map(str::to_owned);
        let presented = text("presented");
        let mut tx = self.shop.world.db.begin().await.unwrap();
        query(
            "insert into settlement_lines (id, file_id, source, number, identity, side, kind, business_date, currency, gross, fee,
                 net, presented_currency, presented_amount, psp_payment, psp_movement, our_key, ours, batch, texts, raw, reversal)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        )
        .bind(&id)
        .bind(text("file").unwrap_or_else(|| file_id(source)))
        .bind(source)
        .bind(self.written)
        .bind(format!("row-{}", self.written))
        .bind(if source == "bank" { "bank" } else { "psp" })
        .bind(kind)
        .bind(text("day").unwrap_or_else(|| DAY.to_owned()))
        .bind(text("currency").unwrap_or_else(|| "USD".to_owned()))
        .bind(gross)
        .bind(fee)
        .bind(gross - fee)
        .bind(presented.clone())
        .bind(presented.map(|_| more.get("paid").and_then(Value::as_i64).unwrap_or(140_000)))
        .bind(text("psp_payment"))
        .bind(text("psp_movement"))
        .bind(text("our_key"))
        .bind(text("ours"))
        .bind(text("batch"))
        .bind(more.get("texts").map_or("[]".to_owned(), Value::to_string))
        .bind(more.to_string())
        .bind(more.get("reversal").is_some())
        .execute(&mut tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn charge(&mut self, opened: &Opened, gross: i64, fee: i64) -> LineId {
        let more = json!({ "psp_payment": self.psp_payment(opened).await, "batch": "batch_1" });
        self.line("list", "charge", gross, fee, &more).await
    }

    pub async fn psp_payment(&self, opened: &Opened) -> String {
        let payment = payments::store::find(&self.shop.world.db, &opened.payment.id).await.unwrap().unwrap();
        payment.registered.unwrap().psp_payment
    }

    pub async fn run(&self, source: &Source) -> Run {
        self.run_day(source, DAY).await
    }

    pub async fn run_day(&self, source: &Source, day: &str) -> Run {
        let run = self.attempt(source, day).await;
        assert_eq!(run.failure, None);
        run
    }

    /// A run that may fail.
    pub async fn attempt(&self, source: &Source, day: &str) -> Run {
        let what = What::Day(day.parse().unwrap());
        reconcile(&self.shop.app, source, what, Trigger::Command, false, "test", &Progress::nobody()).await.unwrap()
    }

    /// Another source of the same PSP, with a folder of its own.
    fn beside(&mut self, source: &Source, name: &str) -> Source {
        let mut other = source.clone();
        name.clone_into(&mut other.name);
        let mut config = (*self.shop.app.config).clone();
        config.reconciliation.sources.push(other.clone());
        self.shop.app.config = std::sync::Arc::new(config);
        other
    }

    pub fn pass(&self, days: u64) {
        self.shop.world.clock.advance(std::time::Duration::from_hours(24 * days));
    }

    pub async fn open_breaks(&self) -> Vec<Break> {
        let page = Page::newest(100);
        let open = Filter { resolved: Some(false), ..Filter::default() };
        breaks::list(&self.shop.world.db, None, &open, &page).await.unwrap().items
    }

    pub async fn only_break(&self) -> Break {
        let mut found = self.open_breaks().await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Minor units of USD: debits less credits of an account in all books.
    pub async fn account(&self, code: &str) -> i64 {
        query(
            "select cast(coalesce(sum(case when debit_account = $1 then amount else 0 end), 0)
                 - coalesce(sum(case when credit_account = $1 then amount else 0 end), 0) as bigint) as n
             from transfers where currency = 'USD'",
        )
        .bind(code)
        .one(&self.shop.world.db)
        .await
        .unwrap()
        .get("n")
        .unwrap()
    }

    /// The PSP's account is explained to the last cent, and the laws hold.
    pub async fn assert_explained(&self) {
        let sources = ["list".to_owned(), "bank".to_owned()];
        for account in psp_account(&self.shop.world.db, "scripted", Mode::Test, &sources).await.unwrap() {
            assert_eq!(account.difference(), 0, "{account:?}");
        }
        assert_eq!(self.broken().await, Vec::<&str>::new());
    }

    /// The laws that do not hold; that the PSP agrees is asked for apart.
    pub async fn broken(&self) -> Vec<&'static str> {
        let report = integrity::check(&self.shop.world.db, integrity::Scope::Everything).await.unwrap();
        let broken = report.checks.iter().filter(|check| check.state == integrity::State::Broken);
        broken.map(|check| check.name).filter(|name| *name != "provider_agrees").collect()
    }

    pub async fn provider_agrees(&self) -> bool {
        let report = integrity::check(&self.shop.world.db, integrity::Scope::Everything).await.unwrap();
        report.checks.iter().any(|check| check.name == "provider_agrees" && check.state == integrity::State::Holds)
    }
}

fn file_id(source: &str) -> String {
    format!("rcf_{source}")
}

pub fn count(run: &Run, outcome: &str) -> i64 {
    run.totals["types"][outcome]["count"].as_i64().unwrap()
}

pub fn usd(minor: i64) -> Money {
    Money::of(minor, Currency::parse("USD").unwrap()).unwrap()
}

async fn a_day_that_agrees_is_matched_and_said_the_same_again(world: World) {
    let mut books = Books::open(world).await;
    for _ in 0..3 {
        let opened = books.shop.paid().await;
        books.charge(&opened, 1_000, 30).await;
    }
    let run = books.run(&books.list.clone()).await;
    assert_eq!(count(&run, "matched"), 3, "{}", run.totals);
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(books.account("fees:psp").await, 90);
    assert_eq!(books.account("psp:scripted").await, 2_910);
    assert!(books.provider_agrees().await);
    books.assert_explained().await;
    let again = books.run(&books.list.clone()).await;
    assert_eq!(again.totals, run.totals);
    assert_eq!(books.account("fees:psp").await, 90, "a fee is booked once");
    assert_eq!(books.shop.told("reconciliation.run_completed").await, 2);
}

async fn each_difference_on_a_line_has_its_type_and_class(world: World) {
    let settings = json!({ "fee": { "ppm": 30_000 }, "rounding_tolerance": 1 });
    let mut books = Books::open_with(world, settings).await;
    let mut opened = Vec::new();
    for _ in 0..6 {
        opened.push(books.shop.paid().await);
    }
    let psp_payment = books.psp_payment(&opened[0]).await;
    let mut wanted = vec![
        (books.charge(&opened[0], 1_050, 32).await, Outcome::AmountDiffers, Class::Investigate),
        (books.charge(&opened[1], 1_000, 35).await, Outcome::FeeDiffers, Class::Manual),
    ];
    books.charge(&opened[2], 1_000, 30).await;
    wanted.push((books.charge(&opened[2], 1_000, 30).await, Outcome::Duplicate, Class::Investigate));
    let won = json!({ "psp_payment": books.psp_payment(&opened[3]).await, "currency": "KRW" });
    wanted.push((books.line("list", "charge", 14_000, 0, &won).await, Outcome::CurrencyDiffers, Class::Manual));
    let strange = json!({ "psp_payment": "nobody's" });
    wanted.push((books.line("list", "charge", 700, 21, &strange).await, Outcome::MissingHere, Class::Investigate));
    let refund = json!({ "psp_payment": psp_payment, "psp_movement": "re_elsewhere" });
    wanted.push((books.line("list", "refund", -200, 0, &refund).await, Outcome::MissingHere, Class::Manual));
    wanted.push((books.line("list", "unknown:levy", -5, 0, &json!({})).await, Outcome::Unknown, Class::Investigate));
    wanted.push((books.line("list", "adjustment", -9, 0, &json!({})).await, Outcome::Unknown, Class::Manual));
    let rounded = json!({ "psp_payment": books.psp_payment(&opened[4]).await, "presented": "KRW" });
    let rounded = books.line("list", "charge", 1_001, 30, &rounded).await;
    books.charge(&opened[5], 1_000, 30).await;

    let run = books.run(&books.list.clone()).await;
    let found = books.open_breaks().await;
    for (line, outcome, class) in &wanted {
        let one: Vec<_> = found.iter().filter(|it| it.line.as_ref() == Some(line)).collect();
        assert_eq!(one.len(), 1, "{outcome:?}: {found:?}");
        assert_eq!((one[0].outcome, one[0].class), (*outcome, *class));
    }
    assert_eq!(found.len(), wanted.len(), "no false alarm: {found:?}");
    assert_eq!(count(&run, "matched"), 2, "{}", run.totals);
    assert_eq!(books.account("rounding").await, -1, "{rounded} was rounded up");
    // 50 too much, the second charge, the stranger, the refund made elsewhere, the levy and the adjustment; and 10.00 that
    // were settled in won.
    assert_eq!(books.account("suspense").await, -(50 + 970 + 679 - 200 - 5 - 9 - 1_000));
    books.assert_explained().await;
    assert!(!books.provider_agrees().await, "an amount differs, and verify says so");
    assert_eq!(books.shop.told("reconciliation.break_opened").await, i64::try_from(wanted.len()).unwrap() + 1);
    assert_eq!(books.shop.told("reconciliation.break_closed").await, 1);
}

async fn a_lost_webhook_is_settled_by_the_one_settle(world: World) {
    let mut books = Books::open(world).await;
    books.shop.psp.will(unknown());
    let opened = books.shop.checkout().await;
    books.shop.pay(&opened).await;
    books.charge(&opened, 1_000, 30).await;
    // The PSP was just asked, and is not asked again at once.
    books.shop.world.clock.advance(std::time::Duration::from_mins(1));
    books.shop.psp.knows(Finding::Found(approved()));
    let run = books.run(&books.list.clone()).await;
    assert_eq!(count(&run, "state_differs"), 1);
    assert_eq!(books.open_breaks().await.len(), 0, "it was repaired");
    assert_eq!(books.shop.told("payment.succeeded").await, 1);
    assert_eq!(books.account("psp:scripted").await, 970);
    assert_eq!(books.account("suspense").await, 0);
    books.assert_explained().await;
}

async fn what_the_psp_does_not_confirm_is_parked_and_comes_right_later(world: World) {
    let mut books = Books::open(world).await;
    books.shop.psp.will(unknown());
    let opened = books.shop.checkout().await;
    books.shop.pay(&opened).await;
    books.charge(&opened, 1_000, 30).await;
    books.shop.world.clock.advance(std::time::Duration::from_mins(1));
    books.shop.psp.knows(Finding::Found(Heard::Pending));
    books.run(&books.list.clone()).await;
    let it = books.only_break().await;
    assert_eq!((it.outcome, it.class, it.cause.as_str()), (Outcome::StateDiffers, Class::Investigate, "lost_webhook"));
    assert_eq!(books.account("suspense").await, -970);
    books.assert_explained().await;
    // The webhook comes after all.
    books.shop.world.clock.advance(std::time::Duration::from_mins(1));
    books.shop.psp.knows(Finding::Found(approved()));
    payments::look_again(&books.shop.app, &opened.payment.id).await.unwrap();
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!((books.account("suspense").await, books.account("psp:scripted").await), (0, 970));
    books.assert_explained().await;
}

async fn a_dispute_nobody_heard_of_is_opened_through_its_verb(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let psp_payment = books.psp_payment(&opened).await;
    books.shop.psp.contest(&psp_payment, "dp_1", 400, books.shop.world.now());
    let more = json!({ "psp_payment": psp_payment, "psp_movement": "dp_1", "batch": "batch_1" });
    books.line("list", "dispute", -400, 15, &more).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(books.shop.told("dispute.opened").await, 1);
    assert_eq!(books.account("fees:psp").await, 45, "the dispute's fee is booked once");
    books.assert_explained().await;
}

async fn what_is_not_told_is_late_then_missing_and_closes_when_it_comes(world: World) {
    let mut books = Books::open(world).await;
    let (told, untold) = (books.shop.paid().await, books.shop.paid().await);
    books.charge(&told, 1_000, 30).await;
    let run = books.run(&books.list.clone()).await;
    assert_eq!((count(&run, "matched"), count(&run, "late")), (1, 1), "{}", run.totals);
    let late = books.only_break().await;
    assert_eq!((late.outcome, late.class), (Outcome::Late, Class::Automatic));
    assert_eq!(late.expected_by.unwrap().to_string(), "2025-10-15", "five days, and one of lag");
    books.assert_explained().await;
    // Its time passes.
    books.pass(7);
    books.file("list", "2025-10-15").await;
    books.run_day(&books.list.clone(), "2025-10-15").await;
    let missing = books.only_break().await;
    assert_eq!((missing.outcome, missing.class), (Outcome::MissingAtPsp, Class::Investigate));
    assert_eq!(missing.at_risk, 1_000);
    assert!(!books.provider_agrees().await);
    // It comes after all.
    books.charge(&untold, 1_000, 30).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert!(books.provider_agrees().await);
    books.assert_explained().await;
}

async fn a_source_that_never_tells_anything_is_noticed(world: World) {
    let mut books = Books::open(world).await;
    books.shop.paid().await;
    let silent = books.beside(&books.list.clone(), "silent");
    let run = books.attempt(&silent, DAY).await;
    assert!(run.failure.unwrap().contains("no file for 2025-10-09"));
    assert_eq!(books.only_break().await.outcome, Outcome::Late, "what is there is looked at all the same");
    books.pass(7);
    let run = books.attempt(&silent, "2025-10-15").await;
    assert_eq!(run.status, runs::Status::Failed);
    assert_eq!(books.only_break().await.outcome, Outcome::MissingAtPsp);
    assert_eq!(books.shop.told("reconciliation.run_failed").await, 2);
    assert_eq!(books.shop.told("reconciliation.run_completed").await, 0);
}

async fn what_is_handed_in_is_looked_at_every_night(world: World) {
    let books = Books::open(world).await;
    books.shop.paid().await;
    let mut handed_in = books.list.clone();
    (handed_in.name, handed_in.directory) = ("handed_in".to_owned(), None);
    let (what, app) = (What::Day(DAY.parse().unwrap()), &books.shop.app);
    let run = reconcile(app, &handed_in, what, Trigger::Nightly, false, "test", &Progress::nobody()).await.unwrap();
    assert_eq!((run.status, count(&run, "late")), (runs::Status::Completed, 1), "{run:?}");
    let by_hand = books.attempt(&handed_in, DAY).await;
    assert!(by_hand.failure.unwrap().contains("hand a file in"));
}

async fn an_account_that_nothing_explains_is_an_alarm(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.run(&books.list.clone()).await;
    let mut tx = books.shop.world.db.begin().await.unwrap();
    query("delete from settlement_lines").execute(&mut tx).await.unwrap();
    query("update payments set captured = captured - 1").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let run = books.run(&books.list.clone()).await;
    assert_eq!(run.totals["explained"], false, "{}", run.totals);
    assert_eq!(books.shop.told("reconciliation.account_unexplained").await, 1);
}

async fn a_first_file_of_several_days_hides_none_of_them(world: World) {
    let mut books = Books::open(world).await;
    books.shop.paid().await;
    let told = books.shop.paid().await;
    let wide = books.beside(&books.list.clone(), "wide");
    books.pass(3);
    books.file("wide", "2025-10-12").await;
    let more = json!({ "psp_payment": books.psp_payment(&told).await, "file": "rcf_wide2025-10-12" });
    books.line("wide", "charge", 1_000, 30, &more).await;
    books.run_day(&wide, "2025-10-12").await;
    assert_eq!(books.only_break().await.outcome, Outcome::Late);
}

async fn what_stands_in_a_list_that_is_still_to_be_asked_for_is_not_missing(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    // Nothing ran for a week; its days are made up for one after the other.
    books.pass(8);
    books.run(&books.list.clone()).await;
    assert_eq!(books.only_break().await.outcome, Outcome::Late);
    books.file("list", "2025-10-10").await;
    books.charge(&opened, 1_000, 30).await;
    books.run_day(&books.list.clone(), "2025-10-10").await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(books.shop.told("reconciliation.break_opened").await, 1);
    books.assert_explained().await;
}

async fn of_several_sources_of_a_psp_any_may_tell_it(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let other_list = books.beside(&books.list.clone(), "other_list");
    let other_bank = books.beside(&books.bank.clone(), "other_bank");
    for source in ["other_list", "other_bank"] {
        books.file(source, DAY).await;
    }
    books.run(&other_list).await;
    assert_eq!(books.only_break().await.source, "other_list");
    books.charge(&opened, 1_000, 30).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0, "the other list has told it");
    books.run(&other_bank).await;
    books.run(&books.bank.clone()).await;
    assert_eq!(books.only_break().await.source, "other_bank", "one payout is waited for once");
    books.line("bank", "bank_entry", 970, 0, &json!({ "texts": ["batch_1"] })).await;
    books.run(&books.bank.clone()).await;
    for source in [&other_list, &other_bank] {
        books.run(source).await;
    }
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(books.shop.told("reconciliation.break_opened").await, 2);
    books.assert_explained().await;
}

async fn a_refused_file_does_not_keep_the_sound_one_beside_it_from_being_matched(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let folder = books.list.directory.clone().unwrap();
    std::fs::write(folder.join("broken.csv"), "no,such,columns\n").unwrap();
    let run = books.attempt(&books.list.clone(), DAY).await;
    assert!(run.failure.as_ref().unwrap().contains("broken.csv"), "{run:?}");
    assert_eq!((run.status, count(&run, "matched")), (runs::Status::Failed, 1));
    assert_eq!(books.account("fees:psp").await, 30);
    assert_eq!(books.shop.told("reconciliation.run_failed").await, 1);
}

async fn money_lands_once_and_the_account_is_explained(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.line("list", "fee", -20, 0, &json!({ "batch": "batch_1" })).await;
    books.line("list", "payout", -950, 0, &json!({ "batch": "batch_1" })).await;
    let run = books.run(&books.list.clone()).await;
    assert_eq!(count(&run, "matched"), 3, "{}", run.totals);
    assert_eq!(books.account("psp:scripted").await, 950);
    let named = json!({ "texts": ["NOTPROVIDED", "PSP PAYOUT batch_1 2025-10-09"] });
    books.line("bank", "bank_entry", 950, 0, &named).await;
    let second = books.line("bank", "bank_entry", 950, 0, &named).await;
    let run = books.run(&books.bank.clone()).await;
    assert_eq!((count(&run, "matched"), count(&run, "duplicate")), (1, 1), "{}", run.totals);
    assert_eq!((books.account("psp:scripted").await, books.account("bank").await), (0, 1_900));
    assert_eq!(books.only_break().await.line, Some(second));
    assert_eq!(books.account("suspense").await, -950);
    books.assert_explained().await;
}

async fn a_payout_without_a_reference_is_found_by_the_one_amount_that_fits(world: World) {
    let mut books = Books::open(world).await;
    for (batch, gross) in [("batch_a", 1_000), ("batch_b", 1_000)] {
        let opened = books.shop.paid().await;
        let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": batch });
        books.line("list", "charge", gross, if batch == "batch_a" { 10 } else { 25 }, &more).await;
    }
    books.run(&books.list.clone()).await;
    books.line("bank", "bank_entry", 990 + 975, 0, &json!({ "texts": ["BOTH TOGETHER"] })).await;
    let run = books.run(&books.bank.clone()).await;
    assert_eq!(count(&run, "matched"), 1, "{}", run.totals);
    assert_eq!((books.account("psp:scripted").await, books.account("bank").await), (0, 1_965));
    books.assert_explained().await;
}

async fn another_amount_at_the_bank_and_a_payout_that_does_not_come_are_told(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.run(&books.list.clone()).await;
    let run = books.run(&books.bank.clone()).await;
    assert_eq!(books.only_break().await.cause, "payout_on_its_way", "{}", run.totals);
    books.line("bank", "bank_entry", 960, 0, &json!({ "texts": ["batch_1"] })).await;
    books.line("bank", "bank_entry", 77, 0, &json!({ "texts": ["a stranger"] })).await;
    books.run(&books.bank.clone()).await;
    let found = books.open_breaks().await;
    let mut types: Vec<_> = found.iter().map(|it| (it.outcome, it.class)).collect();
    types.sort();
    assert_eq!(types, [(Outcome::AmountDiffers, Class::Manual), (Outcome::Unknown, Class::Investigate)]);
    assert_eq!((books.account("bank").await, books.account("suspense").await), (1_037, 10 - 77));
    books.assert_explained().await;
}

async fn two_people_close_what_is_parked_and_one_cannot(world: World) {
    let mut books = Books::open(world).await;
    books.line("list", "adjustment", -900, 0, &json!({ "batch": "batch_1" })).await;
    books.run(&books.list.clone()).await;
    let (it, now) = (books.only_break().await, books.shop.world.now());
    let db = &books.shop.world.db;
    let is_fee = |minor| Transfer { debit: Account::PspFees, credit: Account::Suspense, amount: usd(minor) };
    let mut tx = db.begin().await.unwrap();
    let leaves = breaks::propose(&mut tx, &it.id, "a levy", &[is_fee(899)], "one", now).await;
    assert!(matches!(leaves, Err(ActError::Leaves(..))), "{leaves:?}");
    let alone = breaks::resolve(&mut tx, &it.id, "never mind", "one", now).await;
    assert!(matches!(alone, Err(ActError::Parked)), "{alone:?}");
    breaks::propose(&mut tx, &it.id, "a levy", &[is_fee(900)], "one", now).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let seen = breaks::fingerprint(&breaks::find(&mut tx, &it.id).await.unwrap().unwrap());
    assert!(matches!(breaks::approve(&mut tx, &it.id, &seen, "one", now).await, Err(ActError::SamePerson)));
    let rejected = breaks::reject(&mut tx, &it.id, "show me the contract", "two", now).await.unwrap();
    assert_eq!(rejected.status, Status::Open);
    let it = breaks::propose(&mut tx, &it.id, "a levy, by contract", &[is_fee(900)], "one", now).await.unwrap();
    let changed = breaks::approve(&mut tx, &it.id, &seen, "two", now).await;
    assert!(matches!(changed, Err(ActError::Changed)), "another journal was shown: {changed:?}");
    let seen = breaks::fingerprint(&it);
    let closed = breaks::approve(&mut tx, &it.id, &seen, "two", now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((closed.status, closed.closed_by.as_deref()), (Status::Resolved, Some("two")));
    let mut tx = db.begin().await.unwrap();
    assert!(matches!(breaks::approve(&mut tx, &it.id, &seen, "two", now).await, Err(ActError::Status(_))));
    drop(tx);
    assert_eq!((books.account("suspense").await, books.account("fees:psp").await), (0, 900));
    let what: Vec<String> = breaks::notes(db, &it.id).await.unwrap().into_iter().map(|note| note.what).collect();
    assert_eq!(what, ["opened", "proposed", "rejected", "proposed", "approved"]);
    books.assert_explained().await;
}

async fn notes_are_never_changed(world: World) {
    let mut books = Books::open(world).await;
    books.line("list", "adjustment", -900, 0, &json!({})).await;
    books.run(&books.list.clone()).await;
    for tampering in ["update break_notes set note = 'nothing happened'", "delete from break_notes where number = 1"] {
        let mut tx = books.shop.world.db.begin().await.unwrap();
        let refused = query(tampering).execute(&mut tx).await;
        assert!(refused.is_err(), "{tampering}");
    }
}

async fn what_operators_know_is_booked_as_they_say(world: World) {
    let cause = json!({ "name": "terminal_rent", "outcome": "unknown", "kinds": ["adjustment"], "text": "terminal",
        "class": "automatic", "repair": "book_fee", "explanation": "The PSP lends us terminals." });
    let mut books = Books::open_with(world, json!({ "causes": [cause] })).await;
    books.line("list", "adjustment", -250, 0, &json!({ "memo": "TERMINAL October" })).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!((books.account("fees:psp").await, books.account("suspense").await), (250, 0));
    books.assert_explained().await;
}

async fn a_rehearsal_changes_nothing(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_050, 30).await;
    let (day, list) = (DAY.parse().unwrap(), books.list.clone());
    let app = &books.shop.app;
    let run = reconcile(app, &list, What::Day(day), Trigger::Command, true, "test", &Progress::nobody()).await.unwrap();
    assert_eq!(count(&run, "amount_differs"), 1, "{}", run.totals);
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!((books.account("suspense").await, books.account("psp:scripted").await), (0, 1_000));
    assert_eq!(books.shop.count("select count(*) as n from settlement_lines where standing <> 'new'").await, 0);
}

async fn a_file_that_was_taken_rehearses_as_it_was_found(world: World) {
    let rent = json!({ "name": "terminal_rent", "outcome": "unknown", "kinds": ["adjustment"], "text": "rent",
        "class": "manual", "explanation": "The PSP lends us terminals." });
    let books = Books::open_with(world, json!({ "causes": [rent] })).await;
    let opened = books.shop.paid().await;
    let mut past = books.list.clone();
    "past".clone_into(&mut past.name);
    for name in ["identity", "date", "kind", "currency", "gross", "fee", "psp_payment", "text"] {
        past.columns.insert(name.to_owned(), name.to_owned());
    }
    let text = format!(
        "identity,date,kind,currency,gross,fee,psp_payment,text\n1,{DAY},charge,USD,10.00,0.30,{},\n2,{DAY},adjustment,USD,-9,0,,Rent\n",
        books.psp_payment(&opened).await
    );
    for dry in [true, false, true] {
        let what = What::File { name: "past.csv".to_owned(), bytes: Box::new(std::io::Cursor::new(text.clone())) };
        let (app, nobody) = (&books.shop.app, Progress::nobody());
        let run = reconcile(app, &past, what, Trigger::Command, dry, "test", &nobody).await.unwrap();
        assert_eq!((count(&run, "matched"), count(&run, "duplicate"), count(&run, "unknown")), (1, 0, 1), "{run:?}");
        if dry {
            assert_eq!(run.totals["causes"], json!({ "terminal_rent": 1 }));
            assert_eq!(run.totals["classes"], json!({ "manual": 1 }));
        }
    }
}

async fn a_banks_day_that_was_done_rehearses_as_it_was_found(world: World) {
    let mut books = Books::open(world).await;
    for batch in ["batch_1", "batch_2"] {
        let opened = books.shop.paid().await;
        let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": batch });
        books.line("list", "charge", 1_000, if batch == "batch_1" { 30 } else { 40 }, &more).await;
    }
    books.run(&books.list.clone()).await;
    books.line("bank", "bank_entry", 970, 0, &json!({ "texts": ["PAYOUT batch_1"] })).await;
    // One that names nothing is known by its amount, and one that is told again stays a repetition.
    books.line("bank", "bank_entry", 960, 0, &json!({ "texts": ["PAYOUT"] })).await;
    books.line("bank", "bank_entry", 970, 0, &json!({ "texts": ["PAYOUT batch_1"] })).await;
    let done = books.run(&books.bank.clone()).await;
    assert_eq!((count(&done, "matched"), count(&done, "duplicate")), (2, 1), "{}", done.totals);
    let what = What::Day(DAY.parse().unwrap());
    let (app, nobody) = (&books.shop.app, Progress::nobody());
    let dry = reconcile(app, &books.bank, what, Trigger::Command, true, "test", &nobody).await.unwrap();
    assert_eq!((count(&dry, "matched"), count(&dry, "duplicate")), (2, 1), "{}", dry.totals);
}

async fn one_run_at_a_time_and_a_dead_one_is_taken_over(world: World) {
    let books = Books::open(world).await;
    let app = &books.shop.app;
    let dead = runs::begin(app, "list", None, Trigger::Nightly, false).await.unwrap().unwrap();
    assert!(runs::begin(app, "list", None, Trigger::Console, false).await.unwrap().is_none());
    assert!(runs::begin(app, "bank", None, Trigger::Console, false).await.unwrap().is_some(), "another source");
    books.shop.world.clock.advance(runs::LEASE * 2);
    assert!(runs::begin(app, "list", None, Trigger::Console, false).await.unwrap().is_some());
    assert!(!runs::still_there(app, &dead).await.unwrap(), "it must stop");
    let mut tx = app.db.begin().await.unwrap();
    assert!(!runs::finish(&mut tx, &dead, app.now()).await.unwrap());
}

async fn a_run_whose_process_lives_is_never_taken_for_dead(world: World) {
    let books = Books::open(world).await;
    let (app, clock) = (&books.shop.app, &books.shop.world.clock);
    let run = runs::begin(app, "list", None, Trigger::Nightly, false).await.unwrap().unwrap();
    let often = std::time::Duration::from_millis(20);
    let keeper = runs::Keeper::start(app, &run, often);
    for _ in 0..3 {
        clock.advance(runs::LEASE / 5 * 4);
        tokio::time::sleep(often * 20).await;
        assert!(
            runs::begin(app, "list", None, Trigger::Console, false).await.unwrap().is_none(),
            "it was buried alive"
        );
    }
    // It sleeps for longer than its lease, and another process takes over.
    let mut tx = app.db.begin().await.unwrap();
    query("update reconciliation_runs set status = 'failed', failure = 'buried', finished_at = 1")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(20), keeper.lost()).await.expect("it goes on working");
}

async fn a_source_of_nobody_fails_and_says_so(world: World) {
    let books = Books::open(world).await;
    let mut list = books.list.clone();
    list.merchant = tollgate::words::MerchantId::new().to_string();
    assert!(merchants::get(&books.shop.world.db, &list.merchant.parse().unwrap()).await.unwrap().is_none());
    let day = DAY.parse().unwrap();
    let app = &books.shop.app;
    let run =
        reconcile(app, &list, What::Day(day), Trigger::Command, false, "test", &Progress::nobody()).await.unwrap();
    assert!(run.failure.unwrap().contains("does not exist"));
}

both_databases!(
    a_day_that_agrees_is_matched_and_said_the_same_again,
    each_difference_on_a_line_has_its_type_and_class,
    a_lost_webhook_is_settled_by_the_one_settle,
    what_the_psp_does_not_confirm_is_parked_and_comes_right_later,
    a_dispute_nobody_heard_of_is_opened_through_its_verb,
    what_is_not_told_is_late_then_missing_and_closes_when_it_comes,
    a_source_that_never_tells_anything_is_noticed,
    what_is_handed_in_is_looked_at_every_night,
    an_account_that_nothing_explains_is_an_alarm,
    a_first_file_of_several_days_hides_none_of_them,
    what_stands_in_a_list_that_is_still_to_be_asked_for_is_not_missing,
    of_several_sources_of_a_psp_any_may_tell_it,
    a_refused_file_does_not_keep_the_sound_one_beside_it_from_being_matched,
    a_run_whose_process_lives_is_never_taken_for_dead,
    money_lands_once_and_the_account_is_explained,
    a_payout_without_a_reference_is_found_by_the_one_amount_that_fits,
    another_amount_at_the_bank_and_a_payout_that_does_not_come_are_told,
    two_people_close_what_is_parked_and_one_cannot,
    notes_are_never_changed,
    what_operators_know_is_booked_as_they_say,
    a_rehearsal_changes_nothing,
    a_file_that_was_taken_rehearses_as_it_was_found,
    a_banks_day_that_was_done_rehearses_as_it_was_found,
    one_run_at_a_time_and_a_dead_one_is_taken_over,
    a_source_of_nobody_fails_and_says_so,
);

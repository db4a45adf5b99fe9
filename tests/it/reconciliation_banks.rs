//! Bank accounts that receive from several PSPs, and banks that exchange what a PSP has sent.

use serde_json::{Value, json};
use tollgate::config::reconciliation::Source;
use tollgate::db::query;
use tollgate::merchants;
use tollgate::reconciliation::breaks::{self, Break, Status};
use tollgate::reconciliation::landing;
use tollgate::reconciliation::runs::Run;
use tollgate::reconciliation::words::{Class, Outcome};
use tollgate::words::{Mode, Tenant};

use crate::reconciliation::{Books, DAY, count};
use crate::support::{World, both_databases};

both_databases!(
    what_two_psps_send_lands_and_a_strangers_entry_is_unknown_once,
    what_one_psp_has_sent_is_waited_for_whatever_the_other_calls_its_own,
    one_name_and_one_amount_of_two_psps_prove_nothing,
    what_a_psp_says_of_its_payout_ends_no_waiting_for_the_bank,
    a_payout_that_the_bank_exchanged_lands_with_both_sides,
    an_exchanged_payout_of_two_merchants_is_given_in_proportion,
    what_was_exchanged_and_is_not_what_was_sent_is_a_persons,
    two_people_say_what_was_exchanged_where_the_bank_does_not,
);

/// A bank account into which the PSP of [`Books`] pays out, and another one, `other`, whose list is `second`.
struct Account {
    books: Books,
    second: Source,
}

impl Account {
    async fn open(world: World) -> Self {
        let mut books = Books::open(world).await;
        let mut second = books.list.clone();
        "second".clone_into(&mut second.name);
        "other".clone_into(&mut second.psp);
        books.bank.also_psps.push("other".to_owned());
        let mut config = (*books.shop.app.config).clone();
        config.reconciliation.sources = vec![books.list.clone(), books.bank.clone(), second.clone()];
        books.shop.app.config = std::sync::Arc::new(config);
        books.file("second", DAY).await;
        Self { books, second }
    }

    /// A batch of 970 of the first PSP.
    async fn first_sends(&mut self, batch: &str) {
        let opened = self.books.shop.paid().await;
        let more = json!({ "psp_payment": self.books.psp_payment(&opened).await, "batch": batch });
        self.books.line("list", "charge", 1_000, 30, &more).await;
        self.books.run(&self.books.list.clone()).await;
    }

    /// A batch of the second PSP: a row of which no payment of ours knows anything.
    async fn second_sends(&mut self, batch: &str, net: i64) {
        self.books.line("second", "fee", net, 0, &json!({ "batch": batch })).await;
        self.books.run(&self.second.clone()).await;
    }

    async fn entry(&mut self, net: i64, text: &str) {
        self.books.line("bank", "bank_entry", net, 0, &json!({ "texts": [text] })).await;
    }

    /// Won for dollars that the bank says were sent, or does not say.
    async fn won_for(&mut self, won: i64, sent: Option<i64>, text: &str) {
        let mut more = json!({ "texts": [text], "currency": "KRW" });
        if let Some(sent) = sent {
            more["presented"] = "USD".into();
            more["paid"] = sent.into();
        }
        self.books.line("bank", "bank_entry", won, 0, &more).await;
    }

    async fn run_bank(&self) -> Run {
        let run = self.books.run(&self.books.bank.clone()).await;
        assert_eq!(run.totals["explained"], true, "{}", run.totals);
        assert_eq!(self.books.broken().await, Vec::<&str>::new());
        run
    }

    /// Minor units of a currency that an account holds in the books of everybody, or of one merchant.
    async fn holds(&self, account: &str, currency: &str, of: Option<&Tenant>) -> i64 {
        query(
            "select cast(coalesce(sum(case when debit_account = $1 then amount else -amount end), 0) as bigint) as n
             from transfers where currency = $2 and (debit_account = $1 or credit_account = $1)
                 and (merchant_id = $3 or $3 = '')",
        )
        .bind(account)
        .bind(currency)
        .bind(of.map_or("", |tenant| tenant.merchant.as_str()))
        .one(&self.books.shop.world.db)
        .await
        .unwrap()
        .get("n")
        .unwrap()
    }

    async fn dollars(&self, account: &str) -> i64 {
        self.holds(account, "USD", None).await
    }

    async fn won(&self, account: &str) -> i64 {
        self.holds(account, "KRW", None).await
    }

    /// Open differences of the bank by what they are about.
    async fn found(&self, outcome: Outcome) -> Vec<Break> {
        self.books.open_breaks().await.into_iter().filter(|it| it.outcome == outcome).collect()
    }

    async fn land(&self, it: &Break, source: &str, batch: &str) -> Break {
        let (app, now) = (&self.books.shop.app, self.books.shop.world.now());
        let mut landed = landing::candidates(app, it).await.unwrap();
        landed.retain(|of| (of.source.as_str(), of.name.as_str()) == (source, batch));
        let mut tx = app.db.begin().await.unwrap();
        let it = landing::propose(&mut tx, it, "the bank says so", &landed, "one", now).await.unwrap();
        let it = breaks::approve(&mut tx, &it.id, &breaks::fingerprint(&it), "two", now).await.unwrap();
        tx.commit().await.unwrap();
        it
    }
}

fn waits_for(it: &Break) -> &str {
    it.evidence["psp_source"].as_str().unwrap()
}

async fn what_two_psps_send_lands_and_a_strangers_entry_is_unknown_once(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.second_sends("batch_1", 500).await;
    account.second_sends("batch_2", 300).await;
    account.entry(970, "PAYOUT batch_1").await;
    account.entry(500, "PAYOUT batch_1").await;
    account.entry(123, "RENT OCTOBER").await;
    account.entry(300, "SETTLEMENT").await;
    let run = account.run_bank().await;
    assert_eq!((count(&run, "matched"), count(&run, "unknown"), count(&run, "late")), (3, 1, 0), "{}", run.totals);
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("psp:other").await), (0, 0));
    assert_eq!((account.dollars("bank").await, account.dollars("suspense").await), (970 + 500 + 123 + 300, -123));
    let rows = run.totals["psp_account"].as_array().unwrap();
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (text(row, "psp"), text(row, "not_landed"))).collect();
    assert_eq!(told, [("scripted", "0.00"), ("other", "0.00")]);
    let again = account.run_bank().await;
    assert_eq!((again.totals, account.books.open_breaks().await.len()), (run.totals, 1));
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap()
}

async fn what_one_psp_has_sent_is_waited_for_whatever_the_other_calls_its_own(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.second_sends("batch_1", 500).await;
    account.run_bank().await;
    let waiting = account.found(Outcome::Late).await;
    assert_eq!(waiting.len(), 2, "each is waited for: {waiting:?}");
    account.entry(500, "PAYOUT batch_1").await;
    account.run_bank().await;
    let waiting = account.found(Outcome::Late).await;
    assert_eq!(waiting.iter().map(waits_for).collect::<Vec<_>>(), ["list"]);
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("psp:other").await), (970, 0));
    // An entry that is neither of them lands neither.
    account.entry(970, "PAYOUT batch_1").await;
    account.entry(500, "PAYOUT batch_1").await;
    account.run_bank().await;
    assert_eq!(account.books.only_break().await.outcome, Outcome::Duplicate);
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("suspense").await), (0, -500));
}

async fn one_name_and_one_amount_of_two_psps_prove_nothing(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.second_sends("batch_1", 970).await;
    account.entry(970, "PAYOUT batch_1").await;
    account.run_bank().await;
    let [it] = &account.found(Outcome::Unknown).await[..] else { panic!("one entry") };
    assert_eq!((account.dollars("suspense").await, it.class), (-970, Class::Investigate));
    let it = account.land(it, "second", "batch_1").await;
    assert_eq!((it.status, account.dollars("suspense").await), (Status::Resolved, 0));
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("psp:other").await), (970, 0));
    account.run_bank().await;
    let waiting = account.books.only_break().await;
    assert_eq!((waiting.outcome, waits_for(&waiting)), (Outcome::Late, "list"));
}

async fn what_a_psp_says_of_its_payout_ends_no_waiting_for_the_bank(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.run_bank().await;
    let waiting = account.books.only_break().await;
    account.books.line("list", "payout", -970, 0, &json!({ "batch": "batch_1" })).await;
    account.books.run(&account.books.list.clone()).await;
    assert_eq!(account.books.only_break().await.id, waiting.id, "the bank has shown nothing");
    account.entry(970, "batch_1").await;
    account.run_bank().await;
    assert_eq!(account.books.open_breaks().await.len(), 0);
}

async fn a_payout_that_the_bank_exchanged_lands_with_both_sides(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.won_for(13_400, Some(970), "PAYOUT batch_1").await;
    let run = account.run_bank().await;
    assert_eq!((count(&run, "matched"), account.books.open_breaks().await.len()), (1, 0), "{}", run.totals);
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("bank").await), (0, 0));
    assert_eq!((account.won("bank").await, account.won("suspense").await), (13_400, 0));
    assert_eq!((account.dollars("exchange").await, account.won("exchange").await), (970, -13_400));
    let shown = json!([{ "from": "USD", "into": "KRW", "count": 1, "paid": "9.70", "settled": "13400" }]);
    assert_eq!(run.totals["exchanged"], shown);
    // Once more is once more.
    account.won_for(13_400, Some(970), "PAYOUT batch_1").await;
    account.run_bank().await;
    assert_eq!(account.books.only_break().await.outcome, Outcome::Duplicate);
    // By what was sent, where nothing is named.
    account.second_sends("batch_7", 620).await;
    account.won_for(8_500, Some(620), "SETTLEMENT").await;
    account.run_bank().await;
    assert_eq!((account.dollars("psp:other").await, account.won("bank").await), (0, 13_400 * 2 + 8_500));
}

async fn an_exchanged_payout_of_two_merchants_is_given_in_proportion(world: World) {
    let mut account = Account::open(world).await;
    let first = account.books.shop.tenant.clone();
    let mut tx = account.books.shop.world.db.begin().await.unwrap();
    let other = merchants::create(&mut tx, "Other", account.books.shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let other = Tenant::new(other.id, Mode::Test);
    account.books.shop.tenant = other.clone();
    account.first_sends("batch_1").await;
    account.books.shop.tenant = first.clone();
    account.books.line("list", "fee", -471, 0, &json!({ "batch": "batch_1" })).await;
    account.books.run(&account.books.list.clone()).await;
    account.won_for(6_860, Some(499), "PAYOUT batch_1").await;
    let run = account.run_bank().await;
    assert_eq!(count(&run, "matched"), 1, "{}", run.totals);
    for (tenant, sent) in [(&first, -471), (&other, 970)] {
        assert_eq!(account.holds("psp:scripted", "USD", Some(tenant)).await, 0);
        assert_eq!(account.holds("bank", "USD", Some(tenant)).await, 0);
        assert_eq!(account.holds("exchange", "USD", Some(tenant)).await, sent);
        let won = account.holds("bank", "KRW", Some(tenant)).await;
        assert!((won - 6_860 * sent / 499).abs() <= 1, "{won}");
    }
    assert_eq!(account.won("bank").await, 6_860, "together they have all of it");
    assert_eq!(run.totals["exchanged"][0]["settled"], "6860");
}

async fn what_was_exchanged_and_is_not_what_was_sent_is_a_persons(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    // Another amount was sent, or it is not said what was.
    account.won_for(13_300, Some(960), "PAYOUT batch_1").await;
    account.won_for(13_400, None, "PAYOUT batch_1").await;
    let run = account.run_bank().await;
    assert_eq!(count(&run, "currency_differs"), 2, "{}", run.totals);
    let found = account.found(Outcome::CurrencyDiffers).await;
    assert!(found.iter().all(|it| it.class == Class::Manual), "{found:?}");
    assert_eq!((account.dollars("psp:scripted").await, account.won("suspense").await), (970, -26_700));
    assert_eq!((account.dollars("exchange").await, account.won("exchange").await), (0, 0));
    account.run_bank().await;
    assert_eq!(account.found(Outcome::CurrencyDiffers).await.len(), 2, "looking again changes nothing");
}

async fn two_people_say_what_was_exchanged_where_the_bank_does_not(world: World) {
    let mut account = Account::open(world).await;
    account.first_sends("batch_1").await;
    account.second_sends("batch_2", 300).await;
    account.won_for(13_400, None, "PAYOUT batch_1").await;
    account.run_bank().await;
    let [it] = &account.found(Outcome::CurrencyDiffers).await[..] else { panic!("one entry") };
    let it = account.land(it, "list", "batch_1").await;
    assert_eq!(it.status, Status::Resolved);
    assert_eq!((account.dollars("psp:scripted").await, account.dollars("psp:other").await), (0, 300));
    assert_eq!((account.dollars("bank").await, account.won("bank").await), (0, 13_400));
    assert_eq!((account.dollars("exchange").await, account.won("exchange").await), (970, -13_400));
    assert_eq!(account.won("suspense").await, 0);
    account.run_bank().await;
    let waiting = account.books.only_break().await;
    assert_eq!((waiting.outcome, waits_for(&waiting)), (Outcome::Late, "second"));
}

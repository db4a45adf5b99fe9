//! What finance people read: trial balance, statements and their files say the same numbers, and corrections need two people.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tollgate::corrections::{self, Asked, CorrectionError};
use tollgate::db::query;
use tollgate::integrity::{self, watch};
use tollgate::ledger::balances::totals;
use tollgate::ledger::seals::{self, Sealed};
use tollgate::ledger::{self, Account, BalanceFilter, Posting, Transfer};
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::words::{Currency, Money, SellerId, Tenant, Timestamp};
use tollgate::{http, wallets};
use tower::ServiceExt;

use crate::ledger::{sale, seller};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_760_000_000 + seconds)
}

fn krw() -> Currency {
    Currency::parse("KRW").unwrap()
}

fn won(minor: i64) -> Money {
    Money::of(minor, krw()).unwrap()
}

/// A shop with a seller of its own, and what is posted for them at given seconds.
pub struct Books {
    pub shop: Shop,
    pub seller: SellerId,
    key: String,
}

impl Books {
    pub async fn open(world: World) -> Self {
        let shop = Shop::open(world).await;
        let seller = seller(&shop.world, &shop.tenant).await;
        let mut tx = shop.app.db.begin().await.unwrap();
        let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let key = keys::issue(&mut tx, &shop.tenant, new, shop.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        let key = key.token.expose().to_owned();
        Self { shop, seller, key }
    }

    pub fn tenant(&self) -> &Tenant {
        &self.shop.tenant
    }

    pub async fn post(&self, posting: Posting) -> tollgate::words::JournalId {
        let mut tx = self.shop.app.db.begin().await.unwrap();
        let entries = wallets::post(&mut tx, &[posting]).await.unwrap();
        tx.commit().await.unwrap();
        entries[0].journal.clone()
    }

    pub async fn sold(&self, amount: i64, fee: i64, seconds: i64) {
        let mut posting = sale(self.tenant(), &self.seller, amount, fee);
        posting.now = at(seconds);
        self.post(posting).await;
    }

    async fn moved(&self, kind: &'static str, debit: Account, credit: Account, amount: i64, seconds: i64) {
        let source_id = format!("{kind}_{seconds}");
        let transfers = vec![Transfer { debit, credit, amount: won(amount) }];
        let tenant = self.tenant().clone();
        self.post(Posting { kind, source_id, tenant, payment: None, transfers, now: at(seconds) }).await;
    }

    fn pending(&self) -> Account {
        Account::Pending(self.seller.clone())
    }

    fn available(&self) -> Account {
        Account::Available(self.seller.clone())
    }

    pub async fn seal(&self) {
        while let Sealed::Block(_) =
            seals::seal(&self.shop.app.db, &self.shop.app.keyring, &seals::Head::default(), self.shop.app.now())
                .await
                .unwrap()
        {}
    }

    pub async fn ask(&self, path: &str, accept: &str) -> (StatusCode, String) {
        let request =
            Request::get(path).header("authorization", format!("Bearer {}", self.key)).header("accept", accept);
        let answer = http::routes(self.shop.app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 22).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, text) = self.ask(path, "application/json").await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn standing(&self, at: Option<Timestamp>) -> Vec<(String, i128, i128)> {
        let filter = BalanceFilter { at, ..BalanceFilter::default() };
        let slice = ledger::balances(&mut self.shop.app.db.snapshot().await.unwrap(), self.tenant(), &filter, 100)
            .await
            .unwrap();
        slice.items.into_iter().map(|it| (it.account, it.debits, it.credits)).collect()
    }
}

/// The same balances at every instant, whatever of the books is sealed and however the blocks fall.
async fn balances_do_not_depend_on_what_is_sealed(world: World) {
    let books = Books::open(world).await;
    let instants: Vec<Option<Timestamp>> = (0..=80).step_by(5).map(|s| Some(at(s))).chain([None]).collect();
    // Dated out of order on purpose: commits follow no clock.
    let dates = [10, 30, 20, 40, 35, 60, 5, 70];
    for (index, date) in dates.into_iter().enumerate() {
        books.sold(100 + i64::try_from(index).unwrap(), 3, date).await;
        let mut before = Vec::new();
        for instant in &instants {
            before.push(books.standing(*instant).await);
            let expected: i128 = (0..=index)
                .filter(|&i| instant.is_none_or(|end| at(dates[i]) <= end))
                .map(|i| 100 + i128::try_from(i).unwrap())
                .sum();
            let psp =
                before.last().unwrap().iter().find(|(account, ..)| account == "psp:simulator").map_or(0, |it| it.1);
            assert_eq!(psp, expected, "at {instant:?} after {index}");
        }
        if index % 3 != 1 {
            books.seal().await;
        }
        for (instant, before) in instants.iter().zip(before) {
            assert_eq!(books.standing(*instant).await, before, "at {instant:?} after {index}");
        }
    }
    let report = integrity::check(&books.shop.app.db, integrity::Scope::Everything).await.unwrap();
    let kept = report.checks.iter().find(|check| check.name == "balances_equal_transfers").unwrap();
    assert_eq!((kept.state, kept.broken), (integrity::State::Holds, 0));
}

async fn a_trial_balance_balances_at_any_instant_and_its_file_says_the_same(world: World) {
    let books = Books::open(world).await;
    books.sold(100, 3, 10).await;
    books.sold(50, 0, 20).await;
    books.seal().await;
    books.moved("fulfillment", books.pending(), books.available(), 97, 30).await;
    for seconds in [9, 10, 25, 40] {
        let view = books.get(&format!("/v1/ledger/trial_balance?at={}&limit=100", at(seconds))).await;
        let column = |name: &str| -> i64 {
            view["data"].as_array().unwrap().iter().map(|it| it[name].as_str().unwrap().parse::<i64>().unwrap()).sum()
        };
        assert_eq!(column("debit"), column("credit"), "{view}");
        if seconds == 9 {
            assert_eq!(view["totals"], serde_json::json!([]));
            continue;
        }
        assert_eq!(view["totals"][0]["debit"], column("debit").to_string());
        assert_eq!(view["totals"][0]["balanced"], true);
        let (_, file) = books.ask(&format!("/v1/ledger/trial_balance?at={}", at(seconds)), "text/csv").await;
        let rows: Vec<Vec<&str>> = file.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let listed = view["data"].as_array().unwrap();
        assert_eq!(rows.len(), listed.len() + 1, "{file}");
        for (row, account) in rows.iter().zip(listed) {
            assert_eq!(row[0], account["account"]);
            assert_eq!((row[3], row[4]), (account["debit"].as_str().unwrap(), account["credit"].as_str().unwrap()));
        }
        assert_eq!(rows.last().unwrap()[0], "total");
    }
    // In pages of two, the same accounts and the same sums.
    let mut seen = Vec::new();
    let mut path = format!("/v1/ledger/trial_balance?at={}&limit=2", at(40));
    loop {
        let page = books.get(&path).await;
        assert_eq!(page["totals"][0]["debit"], "150");
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        if page["has_more"] == false {
            break;
        }
        path = format!("/v1/ledger/trial_balance?at={}&limit=2&starting_after={}", at(40), seen.last().unwrap());
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    let sums = totals(&mut books.shop.app.db.snapshot().await.unwrap(), books.tenant(), None).await.unwrap();
    assert_eq!((sums[0].debit, sums[0].credit), (150, 150));
}

async fn a_statement_adds_up_and_its_file_says_the_same(world: World) {
    let books = Books::open(world).await;
    books.sold(1000, 30, 10).await;
    books.moved("fulfillment", books.pending(), books.available(), 970, 20).await;
    books.seal().await;
    books.sold(500, 0, 30).await;
    let paying = Account::PayingOut(books.seller.clone());
    books.moved("payout_asked", books.available(), paying.clone(), 900, 40).await;
    books.moved("payout_paid", paying.clone(), Account::Bank, 900, 50).await;
    books.moved("fulfillment", books.pending(), books.available(), 500, 60).await;
    books.moved("payout_asked", books.available(), paying, 570, 70).await;

    let path = format!("/v1/sellers/{}/statement?from={}&to={}", books.seller, at(15), at(71));
    let view = books.get(&format!("{path}&limit=100")).await;
    assert_eq!(view["currency"], "KRW");
    assert_eq!((&view["opening"]["pending"], &view["opening"]["total"]), (&"970".into(), &"970".into()));
    assert_eq!(view["closing"]["paying_out"], "570");
    assert_eq!(view["closing"]["available"], "0");
    assert_eq!(view["changes"]["total"], "-400");
    assert_eq!(view["unexplained"]["total"], "0");
    let payouts = view["payouts"].as_array().unwrap();
    let of = |index: usize, name: &str| payouts[index][name].as_str().unwrap().to_owned();
    assert_eq!(
        (of(0, "carried_in"), of(0, "lines"), of(0, "amount"), of(0, "remainder")),
        ("0".into(), "970".into(), "900".into(), "70".into())
    );
    assert_eq!(
        (of(1, "carried_in"), of(1, "lines"), of(1, "amount"), of(1, "remainder")),
        ("70".into(), "500".into(), "570".into(), "0".into())
    );
    let lines = view["data"].as_array().unwrap();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[1]["change"]["pending"], "500");
    assert_eq!(lines[1]["kind"], "sale");

    let (status, file) = books.ask(&path, "text/csv").await;
    assert_eq!(status, StatusCode::OK);
    let rows: Vec<Vec<&str>> = file.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 1 + 6 + 1, "{file}");
    assert_eq!((rows[1][2], rows[1][9]), ("opening", "970"));
    assert_eq!((rows[8][2], rows[8][7]), ("closing", "570"));
    // What a payout is made of stands in its line, and nowhere else.
    let made_of: Vec<_> = rows[1..].iter().filter(|row| !row[11].is_empty()).map(|row| (row[2], &row[11..])).collect();
    assert_eq!(
        made_of,
        [("payout_asked", &["0", "970", "1", "900", "70"][..]), ("payout_asked", &["70", "500", "1", "570", "0"][..]),],
        "{file}"
    );
    for (row, line) in rows[2..8].iter().zip(lines) {
        assert_eq!(row[1], line["journal"]);
        for (column, name) in (5..).zip(["pending", "available", "paying_out", "reserved", "total"]) {
            assert_eq!(row[column], line["change"][name], "{file}");
        }
    }
}

async fn journals_and_balances_are_files_as_well(world: World) {
    let books = Books::open(world).await;
    books.sold(1000, 30, 10).await;
    books.seal().await;
    books.sold(500, 0, 20).await;
    let rows = |file: String| -> Vec<Vec<String>> {
        file.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
    };
    for path in ["/v1/ledger/balances".to_owned(), format!("/v1/ledger/balances?at={}&currency=KRW", at(15))] {
        let listed = books.get(&path).await;
        let (status, file) = books.ask(&path, "text/csv").await;
        assert_eq!(status, StatusCode::OK, "{file}");
        let names = ["account", "class", "currency", "debits", "credits", "balance"];
        let listed = listed["data"].as_array().unwrap().iter();
        let listed: Vec<Vec<String>> =
            listed.map(|it| names.map(|name| it[name].as_str().unwrap().to_owned()).to_vec()).collect();
        assert!(rows(file) == listed && listed.len() == 3, "{path}");
    }
    let listed = books.get("/v1/ledger/journals").await;
    let (_, file) = books.ask("/v1/ledger/journals", "text/csv").await;
    let mut expected = Vec::new();
    for journal in listed["data"].as_array().unwrap() {
        for line in journal["lines"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let of_journal = ["created_at", "id", "kind", "source", "payment"].map(|name| text(&journal[name]));
            let of_line = ["account", "direction", "amount", "currency"].map(|name| text(&line[name]));
            expected.push([&of_journal[..], &of_line[..]].concat());
        }
    }
    assert_eq!(rows(file), expected);
    let payment = listed["data"][0]["payment"].as_str().unwrap();
    let (_, one) = books.ask(&format!("/v1/ledger/journals?payment={payment}"), "text/csv").await;
    assert!(rows(one).iter().all(|row| row[4] == payment), "of one payment alone");
}

/// However short the pages, they are the same lines: also where many are of one instant, and where one journal moves an account
/// more often than a page has lines.
async fn a_statement_in_pages_is_the_same_statement(world: World) {
    let books = Books::open(world).await;
    books.sold(1000, 30, 10).await;
    let transfers =
        (1..=9).map(|amount| Transfer { debit: books.pending(), credit: books.available(), amount: won(amount) });
    let (tenant, source_id) = (books.tenant().clone(), "in_parts".to_owned());
    let transfers = transfers.collect();
    books.post(Posting { kind: "fulfillment", source_id, tenant, payment: None, transfers, now: at(20) }).await;
    for amount in [100, 200, 300, 400, 500] {
        books.sold(amount, 0, 30).await;
    }
    let path = format!("/v1/sellers/{}/statement?from={}&to={}", books.seller, at(5), at(71));
    let whole = books.get(&format!("{path}&limit=100")).await;
    let whole = whole["data"].as_array().unwrap();
    assert_eq!((whole.len(), &whole[1]["change"]["available"]), (7, &"45".into()));
    for limit in [1, 2, 4] {
        let (mut seen, mut next) = (Vec::new(), format!("{path}&limit={limit}"));
        loop {
            let page = books.get(&next).await;
            seen.extend(page["data"].as_array().unwrap().clone());
            if page["has_more"] == false {
                break;
            }
            let last = seen.last().unwrap()["journal"].as_str().unwrap();
            next = format!("{path}&limit={limit}&starting_after={last}");
        }
        assert_eq!(&seen, whole, "in pages of {limit}");
    }
}

async fn what_cannot_be_asked_of_a_statement_is_refused_by_name(world: World) {
    let books = Books::open(world).await;
    let path = format!("/v1/sellers/{}/statement", books.seller);
    for (query, param) in [
        ("?from=yesterday", "from"),
        ("?to=tomorrow", "to"),
        ("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("?currency=usd", "currency"),
        ("", "currency"),
        ("?ending_before=x", "ending_before"),
        ("?account=bank", "account"),
    ] {
        let (status, text) = books.ask(&format!("{path}{query}"), "application/json").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["param"], param, "{query}: {problem}");
    }
    for path in [format!("/v1/sellers/{}/statement", SellerId::new()), "/v1/ledger/journals/jrn_1/proof".to_owned()] {
        assert_eq!(books.ask(&path, "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let bad = books.ask("/v1/ledger/trial_balance?at=now", "text/csv").await;
    assert_eq!(bad.0, StatusCode::BAD_REQUEST);
}

async fn a_proof_is_read_by_its_merchant(world: World) {
    let books = Books::open(world).await;
    let journal = books.post(sale(books.tenant(), &books.seller, 100, 3)).await;
    let path = format!("/v1/ledger/journals/{journal}/proof");
    let (status, text) = books.ask(&path, "").await;
    assert_eq!(status, StatusCode::CONFLICT, "{text}");
    books.seal().await;
    let proof = books.get(&path).await;
    assert_eq!(proof["journal"], journal.as_str());
    assert_eq!(proof["leaf"], proof["block"]["root"], "one journal is its own root");
}

async fn a_correction_needs_two_people_and_is_posted_once(world: World) {
    let books = Books::open(world).await;
    books.sold(1000, 30, 10).await;
    let db = &books.shop.app.db;
    let now = books.shop.app.now();
    let asked = |transfers| Asked {
        reason: "the fee was taken twice".into(),
        corrects: None,
        payment: None,
        transfers,
        by: "kim@example.com".into(),
    };
    let available = || Account::Available(books.seller.clone());
    let back = Transfer { debit: Account::PlatformFees, credit: available(), amount: won(30) };
    let mut tx = db.begin().await.unwrap();
    let correction = corrections::ask(&mut tx, books.tenant(), &asked(vec![back.clone()]), now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(corrections::find(db, &correction.id).await.unwrap().unwrap(), correction);

    let decide = async |by: &str| {
        let mut tx = db.begin().await.unwrap();
        let correction = corrections::find(&mut tx, &correction.id).await.unwrap().unwrap();
        let done = corrections::agree(&mut tx, &correction, by, now).await;
        if done.is_ok() {
            tx.commit().await.unwrap();
        }
        done
    };
    assert!(matches!(decide("kim@example.com").await, Err(CorrectionError::SamePerson)));
    let posted = decide("lee@example.com").await.unwrap();
    assert!(posted.journal.is_some());
    assert!(matches!(decide("park@example.com").await, Err(CorrectionError::Decided)));
    let wallet = wallets::of_seller(db, books.tenant(), &books.seller).await.unwrap();
    assert_eq!((wallet[0].pending, wallet[0].available), (970, 30));
    let listed = books.get("/v1/corrections").await;
    assert_eq!(listed["data"][0]["reason"], "the fee was taken twice");
    assert_eq!(listed["data"][0]["decided_by"], "lee@example.com");
    let told = query("select count(*) as n from events where kind = 'ledger.corrected'").one(db).await.unwrap();
    assert_eq!(told.get::<i64>("n").unwrap(), 1);

    // What would leave a seller with less than nothing, and what makes no sense.
    let mut tx = db.begin().await.unwrap();
    let too_much = Transfer { debit: available(), credit: Account::Suspense, amount: won(31) };
    let taken = corrections::ask(&mut tx, books.tenant(), &asked(vec![too_much]), now).await.unwrap();
    let refused = corrections::agree(&mut tx, &taken, "lee@example.com", now).await;
    assert!(matches!(refused, Err(CorrectionError::Wallet(_))), "{refused:?}");
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    let stranger = Transfer { debit: Account::Bank, credit: Account::Available(SellerId::new()), amount: won(1) };
    assert!(matches!(
        corrections::ask(&mut tx, books.tenant(), &asked(vec![stranger]), now).await,
        Err(CorrectionError::NoSuchSeller(_))
    ));
    assert!(matches!(
        corrections::ask(&mut tx, books.tenant(), &asked(Vec::new()), now).await,
        Err(CorrectionError::Transfers)
    ));
    let silent = Asked { reason: " ".into(), ..asked(vec![back]) };
    assert!(matches!(corrections::ask(&mut tx, books.tenant(), &silent, now).await, Err(CorrectionError::Reason)));
}

async fn the_watch_finds_what_changed_and_forgets_what_is_mended(world: World) {
    let shop = Shop::open(world).await;
    shop.paid().await;
    let db = &shop.app.db;
    let look = async || while watch::look(db, shop.app.now()).await.unwrap() {};
    let place = async || {
        let mut tx = db.begin().await.unwrap();
        tollgate::events::place(&mut tx, 100).await.unwrap();
        tx.commit().await.unwrap();
        while let Sealed::Block(_) =
            seals::seal(db, &shop.app.keyring, &seals::Head::default(), shop.app.now()).await.unwrap()
        {}
    };
    let raw = async |statement: &'static str| {
        let mut tx = db.begin().await.unwrap();
        query(statement).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    look().await;
    let seen = watch::seen(db).await.unwrap();
    assert!(seen.full_at.is_some() && watch::breaks(db, &shop.tenant).await.unwrap().is_empty());

    // A payment changes and is sound: one payment was looked at, by whoever has the watch.
    shop.paid().await;
    place().await;
    raw("update integrity_watch set taken_until = 1760000060000000").await;
    look().await;
    assert_eq!(watch::seen(db).await.unwrap(), seen, "another process has the watch");
    shop.world.clock.advance(std::time::Duration::from_mins(1));
    look().await;
    let seen = watch::seen(db).await.unwrap();
    assert!(seen.payments > 0 && seen.position > 0, "{seen:?}");
    assert!(watch::breaks(db, &shop.tenant).await.unwrap().is_empty());

    // The next one is broken after it is paid and before the watch comes by; the one before it is as well, which the stretch does not show.
    shop.paid().await;
    place().await;
    raw("update payments set captured = captured - 1 where id = (select max(id) from payments)").await;
    raw("update wallets set available = 5").await;
    look().await;
    let names = async || {
        let breaks = watch::breaks(db, &shop.tenant).await.unwrap();
        breaks.into_iter().map(|(one, _)| one.check).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["one_capture_per_checkout", "wallets_equal_ledger"]);
    let counted = watch::counts(db).await.unwrap();
    assert!(
        counted.contains(&("wallets_equal_ledger", 1)) && counted.contains(&("debits_equal_credits", 0)),
        "{counted:?}"
    );

    raw("update payments set captured = captured + 1 where id = (select max(id) from payments)").await;
    raw("update wallets set available = 0").await;
    look().await;
    assert_eq!(names().await.len(), 2, "only a look at everything can tell that it is mended");
    shop.world.clock.advance(std::time::Duration::from_hours(7));
    look().await;
    assert_eq!(names().await, Vec::<String>::new());
}

both_databases!(
    balances_do_not_depend_on_what_is_sealed,
    a_trial_balance_balances_at_any_instant_and_its_file_says_the_same,
    a_statement_adds_up_and_its_file_says_the_same,
    a_statement_in_pages_is_the_same_statement,
    journals_and_balances_are_files_as_well,
    what_cannot_be_asked_of_a_statement_is_refused_by_name,
    a_proof_is_read_by_its_merchant,
    a_correction_needs_two_people_and_is_posted_once,
    the_watch_finds_what_changed_and_forgets_what_is_mended,
);

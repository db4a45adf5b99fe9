//! The table of causes that operators extend: by what it tells differences apart, and what becomes of those that were found before.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::psp::Finding;
use tollgate::reconciliation::words::{Class, Outcome};

use crate::reconciliation::{Books, count};
use crate::support::scripted_psp::{approved, unknown};
use crate::support::{World, both_databases};

both_databases!(
    a_new_cause_books_what_was_found_before,
    a_cause_for_what_has_grown_old_reaches_it_and_is_told_once,
    a_cause_is_for_its_sources_currencies_and_circumstances,
    a_psp_that_stays_silent_becomes_a_persons_and_is_asked_on,
    a_fee_above_the_limit_is_booked_and_told,
);

impl Books {
    /// The gateway is started again with these causes.
    fn restart_with(&mut self, causes: &Value) {
        let mut config = (*self.shop.app.config).clone();
        config.reconciliation.causes = serde_json::from_value(causes.clone()).unwrap();
        self.shop.app.config = Arc::new(config);
    }

    async fn look(&self) {
        self.run(&self.list.clone()).await;
        self.assert_explained().await;
    }
}

fn cause(name: &str, change: &Value) -> Value {
    let mut it =
        json!({ "name": name, "outcome": "unknown", "class": "manual", "explanation": "The PSP lends us terminals." });
    it.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    it
}

async fn a_new_cause_books_what_was_found_before(world: World) {
    let mut books = Books::open(world).await;
    books.line("list", "adjustment", -250, 0, &json!({ "memo": "TERMINAL October", "batch": "batch_1" })).await;
    books.line("list", "adjustment", -900, 0, &json!({ "memo": "A levy", "batch": "batch_1" })).await;
    books.look().await;
    assert_eq!((books.open_breaks().await.len(), books.account("suspense").await), (2, 1_150));
    let rent = json!({ "text": "terminal", "class": "automatic", "repair": "book_fee" });
    books.restart_with(&json!([cause("terminal_rent", &rent)]));
    books.look().await;
    assert_eq!(books.only_break().await.cause, "held_back_or_put_right");
    assert_eq!((books.account("fees:psp").await, books.account("suspense").await), (250, 900));
    assert_eq!(books.account("psp:scripted").await, -1_150);
    assert_eq!(books.shop.told("reconciliation.break_updated").await, 1);
    assert_eq!(books.shop.told("reconciliation.break_closed").await, 1);
    books.look().await;
    assert_eq!(books.account("fees:psp").await, 250, "once");
}

async fn a_cause_for_what_has_grown_old_reaches_it_and_is_told_once(world: World) {
    let old = cause("forgotten", &json!({ "older_than_days": 3, "class": "investigate" }));
    let mut books = Books::open_with(world, json!({ "causes": [old] })).await;
    books.line("list", "adjustment", -250, 0, &json!({ "batch": "batch_1" })).await;
    books.look().await;
    assert_eq!(books.only_break().await.class, Class::Manual);
    books.pass(3);
    books.look().await;
    assert_eq!(books.shop.told("reconciliation.break_updated").await, 0, "three days are not more than three");
    books.pass(1);
    for _ in 0..2 {
        books.look().await;
        let it = books.only_break().await;
        assert_eq!((it.cause.as_str(), it.class), ("forgotten", Class::Investigate));
    }
    assert_eq!(books.shop.told("reconciliation.break_updated").await, 1);
    // The operator changes the class of the row, and takes it out at last.
    books.restart_with(&json!([cause("forgotten", &json!({ "older_than_days": 3 }))]));
    books.look().await;
    assert_eq!(books.only_break().await.class, Class::Manual);
    books.restart_with(&json!([]));
    books.look().await;
    assert_eq!(books.only_break().await.cause, "held_back_or_put_right");
    assert_eq!(books.shop.told("reconciliation.break_updated").await, 3);
}

async fn a_cause_is_for_its_sources_currencies_and_circumstances(world: World) {
    let causes = json!([
        cause("of_the_bank", &json!({ "sources": ["bank"] })),
        cause("in_won", &json!({ "currencies": ["KRW"] })),
        cause("strange", &json!({ "circumstances": ["strange"] })),
        cause("small", &json!({ "currencies": ["USD"], "at_most": 100 })),
    ]);
    let mut books = Books::open_with(world, json!({ "causes": causes })).await;
    let mut lines = Vec::new();
    for (gross, currency) in [(-100, "USD"), (-101, "USD"), (-50, "KRW")] {
        lines.push(books.line("list", "adjustment", gross, 0, &json!({ "currency": currency })).await);
    }
    books.look().await;
    let found = books.open_breaks().await;
    let of = |line| found.iter().find(|it| it.line.as_ref() == Some(line)).unwrap().cause.as_str();
    assert_eq!([of(&lines[0]), of(&lines[1]), of(&lines[2])], ["small", "held_back_or_put_right", "in_won"]);
}

async fn a_psp_that_stays_silent_becomes_a_persons_and_is_asked_on(world: World) {
    let mut books = Books::open(world).await;
    books.shop.psp.will(unknown());
    let opened = books.shop.checkout().await;
    books.shop.pay(&opened).await;
    books.charge(&opened, 1_000, 30).await;
    let silent_night = async |books: &Books| {
        books.shop.world.clock.advance(Duration::from_mins(1));
        *books.shop.psp.away.lock().unwrap() = 1;
        books.look().await;
        assert_eq!(books.account("suspense").await, -970);
        books.only_break().await.class
    };
    for night in 1..5 {
        assert_eq!(silent_night(&books).await, Class::Automatic, "night {night}");
    }
    for _ in 0..2 {
        assert_eq!(silent_night(&books).await, Class::Investigate);
    }
    assert_eq!(books.shop.told("reconciliation.break_updated").await, 1);
    books.shop.world.clock.advance(Duration::from_mins(1));
    books.shop.psp.knows(Finding::Found(approved()));
    books.look().await;
    assert_eq!(books.open_breaks().await.len(), 0, "it was asked on, and has answered");
    assert_eq!((books.account("suspense").await, books.account("psp:scripted").await), (0, 970));
    assert!(books.provider_agrees().await);
}

async fn a_fee_above_the_limit_is_booked_and_told(world: World) {
    let settings = json!({ "fee": { "ppm": 30_000 }, "fee_at_most": { "USD": "0.25" } });
    let mut books = Books::open_with(world, settings).await;
    let opened = books.shop.paid().await;
    // By contract, above what another row's fee may be.
    books.charge(&opened, 1_000, 30).await;
    books.line("list", "fee", -25, 0, &json!({ "batch": "batch_1" })).await;
    let dear = books.line("list", "fee", -26, 0, &json!({ "batch": "batch_1" })).await;
    let run = books.run(&books.list.clone()).await;
    assert_eq!((count(&run, "matched"), count(&run, "fee_differs")), (2, 1), "{}", run.totals);
    let it = books.only_break().await;
    assert_eq!((it.outcome, it.class, it.line.as_ref()), (Outcome::FeeDiffers, Class::Manual, Some(&dear)));
    assert_eq!((it.cause.as_str(), it.expected, it.actual), ("fee_above_the_limit", Some(25), Some(26)));
    assert_eq!((books.account("fees:psp").await, books.account("psp:scripted").await), (81, 919));
    books.look().await;
    assert_eq!(books.only_break().await.id, it.id);
}

//! What the platform takes, by API: of the merchant's decision, a seller's own or the session's, in currencies of every kind.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate::integrity::{self, Scope};
use tollgate::payments;
use tollgate::psp::Psps;
use tollgate::words::PaymentId;

use crate::support::door::{Door, Merchant};
use crate::support::scripted_psp::{ScriptedPsp, approved};
use crate::support::{World, both_databases};

both_databases!(
    the_merchants_fee_a_sellers_own_and_the_sessions,
    a_fee_is_settled_when_the_session_is_opened,
    each_currency_is_kept_apart_with_its_own_decimals,
    a_seller_of_nothing_has_no_order,
    an_explanation_says_what_would_be_done_and_does_nothing,
    an_explanation_says_when_the_money_could_leave_and_why_then,
    an_explanation_of_what_cannot_be_paid_says_why,
);

/// A front door whose PSP approves everything.
struct Stand {
    world: World,
    door: Door,
    psp: Arc<ScriptedPsp>,
    shop: Merchant,
}

impl Stand {
    async fn open(world: World) -> Self {
        let psp = Arc::new(ScriptedPsp::default());
        let door = Door::start_with(&world, Psps::of([psp.clone() as _])).await;
        let shop = door.merchant("Market").await;
        Self { world, door, psp, shop }
    }

    async fn seller(&self, name: &str) -> String {
        let answer = self.door.post("/v1/sellers", &self.shop.key, &json!({ "name": name })).await;
        answer.json["id"].as_str().unwrap().to_owned()
    }

    async fn decide(&self, path: &str, wanted: Value) {
        let answer = self.door.post(path, &self.shop.key, &wanted).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    async fn session(&self, currency: &str, lines: &[(&str, &str)], fee: Option<&str>) -> Value {
        let lines: Vec<_> = lines
            .iter()
            .map(|(seller, amount)| json!({"name": "Tea", "unit_amount": amount, "quantity": 1, "seller": seller}))
            .collect();
        let body = json!({"line_items": lines, "currency": currency, "success_url": "https://shop.example/paid",
            "application_fee": fee});
        let answer = self.door.post("/v1/checkout/sessions", &self.shop.key, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// Pays a session and gives the payment.
    async fn pay(&self, session: &Value) -> Value {
        let id = PaymentId::parse(session["payment"].as_str().unwrap()).unwrap();
        payments::register(&self.door.app, &id).await.unwrap();
        self.psp.will(approved());
        payments::execute(&self.door.app, &id, "tok_1").await.unwrap();
        let payment = self.door.get(&format!("/v1/payments/{id}"), &self.shop.key).await.json;
        assert_eq!(payment["status"], "succeeded");
        payment
    }

    async fn wallet(&self, seller: &str, currency: &str) -> [String; 3] {
        let wallet = self.door.get(&format!("/v1/wallets/{seller}"), &self.shop.key).await.json;
        let all = wallet["balances"].as_array().unwrap();
        let of: Vec<_> = all.iter().filter(|balance| balance["currency"] == currency).collect();
        assert_eq!(of.len(), 1, "{wallet}");
        ["pending", "available", "reserved"].map(|name| of[0][name].as_str().unwrap().to_owned())
    }

    async fn fees(&self, currency: &str) -> String {
        let balances = self.door.get("/v1/ledger/balances?limit=100", &self.shop.key).await.json;
        let of = |balance: &&Value| balance["account"] == "fees:platform" && balance["currency"] == currency;
        balances["data"].as_array().unwrap().iter().find(of).unwrap()["balance"].as_str().unwrap().to_owned()
    }

    async fn assert_sound(&self) {
        let report = integrity::check(&self.world.db, Scope::Everything).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

fn fees_of(payment: &Value) -> Vec<&str> {
    payment["orders"].as_array().unwrap().iter().map(|order| order["application_fee"].as_str().unwrap()).collect()
}

async fn the_merchants_fee_a_sellers_own_and_the_sessions(world: World) {
    let stand = Stand::open(world).await;
    let (old, young) = (stand.seller("Old").await, stand.seller("Young").await);
    stand.decide("/v1/policies", json!({"platform_fee": {"fixed": {"USD": "0.31"}, "ppm": 29_000}})).await;
    // 2.9 % of 20.01 are 0.58029; with 0.31 that is 0.89, and the odd cent is the older seller's wherever its line stands.
    let payment = stand.pay(&stand.session("USD", &[(&young, "10.00"), (&old, "10.01")], None).await).await;
    assert_eq!(fees_of(&payment), ["0.44", "0.45"]);
    assert_eq!(stand.wallet(&old, "USD").await[0], "9.56");
    assert_eq!(stand.fees("USD").await, "0.89");

    stand.decide(&format!("/v1/sellers/{young}/policies"), json!({"platform_fee": {"ppm": 500_000}})).await;
    let payment = stand.pay(&stand.session("USD", &[(&young, "10.00"), (&old, "10.00")], None).await).await;
    assert_eq!(fees_of(&payment), ["5.00", "0.60"], "each by its own terms");

    let session = stand.session("USD", &[(&young, "10.00"), (&old, "10.00")], Some("0.03")).await;
    let payment = stand.pay(&session).await;
    assert_eq!(fees_of(&payment), ["0.01", "0.02"], "the session's own fee stands instead of all of them");
    let payment = stand.pay(&stand.session("USD", &[(&old, "0.20")], None).await).await;
    assert_eq!(fees_of(&payment), ["0.20"], "never more than the order");
    stand.assert_sound().await;
}

async fn a_fee_is_settled_when_the_session_is_opened(world: World) {
    let stand = Stand::open(world).await;
    let seller = stand.seller("Tea house").await;
    stand.decide("/v1/policies", json!({"platform_fee": {"ppm": 100_000}})).await;
    let session = stand.session("USD", &[(&seller, "10.00")], None).await;
    stand.decide("/v1/policies", json!({"platform_fee": {"ppm": 900_000}})).await;
    assert_eq!(fees_of(&stand.pay(&session).await), ["1.00"], "what was agreed is not changed afterwards");
}

/// A free line of a seller with others is an order's part; a free line alone would be an order that can never be posted.
async fn a_seller_of_nothing_has_no_order(world: World) {
    let stand = Stand::open(world).await;
    let (first, second) = (stand.seller("First").await, stand.seller("Second").await);
    let line =
        |seller: &str, amount: &str| json!({"name": "Tea", "unit_amount": amount, "quantity": 1, "seller": seller});
    let body = json!({"line_items": [line(&first, "1.00"), line(&second, "0.00")], "currency": "USD",
        "success_url": "https://shop.example/paid"});
    let refused = stand.door.post("/v1/checkout/sessions", &stand.shop.key, &body).await;
    assert_eq!(refused.problem(400, "parameter_invalid")["param"], "line_items");
    let session = stand.session("USD", &[(&first, "1.00"), (&first, "0.00")], None).await;
    stand.pay(&session).await;
    stand.assert_sound().await;
}

/// Currency, the two shares, the fixed fee; then what the first seller has, and what of it a refund takes.
struct Case {
    currency: &'static str,
    shares: [&'static str; 2],
    fixed: &'static str,
    fees: [&'static str; 2],
    pending: &'static str,
    refund: &'static str,
    available: &'static str,
    platform: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        currency: "KRW",
        shares: ["15000", "5001"],
        fixed: "300",
        fees: ["660", "220"],
        pending: "14340",
        refund: "2001",
        available: "12905",
        platform: "793",
    },
    Case {
        currency: "JPY",
        shares: ["999", "1"],
        fixed: "7",
        fees: ["36", "0"],
        pending: "963",
        refund: "500",
        available: "481",
        platform: "18",
    },
    Case {
        currency: "KWD",
        shares: ["12.345", "0.005"],
        fixed: "0.100",
        fees: ["0.458", "0.000"],
        pending: "11.887",
        refund: "6.175",
        available: "5.943",
        platform: "0.229",
    },
    Case {
        currency: "USD",
        shares: ["10.00", "0.01"],
        fixed: "0.30",
        fees: ["0.59", "0.00"],
        pending: "9.41",
        refund: "5.00",
        available: "4.70",
        platform: "0.30",
    },
];

async fn each_currency_is_kept_apart_with_its_own_decimals(world: World) {
    let stand = Stand::open(world).await;
    let (first, second) = (stand.seller("First").await, stand.seller("Second").await);
    let fixed: serde_json::Map<_, _> = CASES.iter().map(|case| (case.currency.to_owned(), json!(case.fixed))).collect();
    stand.decide("/v1/policies", json!({"platform_fee": {"fixed": fixed, "ppm": 29_000}})).await;
    let mut paid = Vec::new();
    for case in &CASES {
        let lines = [(first.as_str(), case.shares[0]), (second.as_str(), case.shares[1])];
        let payment = stand.pay(&stand.session(case.currency, &lines, None).await).await;
        assert_eq!(fees_of(&payment), case.fees, "{}", case.currency);
        assert_eq!(stand.wallet(&first, case.currency).await[0], case.pending, "{}", case.currency);
        paid.push(payment);
    }
    for (case, payment) in CASES.iter().zip(&paid) {
        let body = json!({"payment": payment["id"], "amount": case.refund});
        let refund = stand.door.post("/v1/refunds", &stand.shop.key, &body).await.json;
        assert_eq!((&refund["status"], &refund["amount"]), (&json!("succeeded"), &json!(case.refund)), "{refund}");
        let order = payment["orders"][0]["id"].as_str().unwrap();
        let path = format!("/v1/payment_orders/{order}/fulfill");
        let done = stand.door.post(&path, &stand.shop.key, &json!({})).await.json;
        assert!(done["fulfilled_at"].is_string(), "{done}");
        let nothing = if case.available.contains('.') {
            format!("0.{}", "0".repeat(case.available.split('.').nth(1).unwrap().len()))
        } else {
            "0".to_owned()
        };
        let now = stand.wallet(&first, case.currency).await;
        assert_eq!(now, [nothing.clone(), case.available.to_owned(), nothing], "{}", case.currency);
        assert_eq!(stand.fees(case.currency).await, case.platform, "{}", case.currency);
    }
    for case in &CASES {
        assert_eq!(stand.wallet(&first, case.currency).await[1], case.available, "no other currency has touched it");
    }
    // An amount with another currency's decimals is refused, not converted.
    let body = json!({"payment": paid[0]["id"], "amount": "1.00"});
    let refused = stand.door.post("/v1/refunds", &stand.shop.key, &body).await;
    assert_eq!(refused.problem(400, "parameter_invalid")["param"], "amount");
    stand.assert_sound().await;
}

async fn explained(stand: &Stand, body: &Value) -> Value {
    let request = stand.door.request(reqwest::Method::POST, "/v1/payments/explain", &stand.shop.key).json(body);
    let answer = crate::support::Answer::read(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

async fn an_explanation_says_what_would_be_done_and_does_nothing(world: World) {
    let stand = Stand::open(world).await;
    let (first, second) = (stand.seller("First").await, stand.seller("Second").await);
    stand
        .decide(
            "/v1/policies",
            json!({"platform_fee": {"fixed": {"USD": "0.30"}, "ppm": 29_000}, "fulfill_after_days": 2}),
        )
        .await;
    stand.decide(&format!("/v1/sellers/{second}/policies"), json!({"platform_fee": {"ppm": 10_000}})).await;
    let line = |seller: &str| json!({"name": "Tea", "unit_amount": "10.00", "quantity": 1, "seller": seller});
    let body = json!({"currency": "USD", "line_items": [line(&first), line(&second)]});
    let before = super::bad_input::contents(&stand.world).await;
    let said = explained(&stand, &body).await;
    assert_eq!(super::bad_input::contents(&stand.world).await, before, "nothing is written");
    assert_eq!(said["psp"]["name"], "scripted");
    assert_eq!(said["risk"], json!({"verdict": "allow", "rule": null}));
    assert_eq!((&said["amount"], &said["application_fee"]), (&json!("20.00"), &json!("0.69")));
    let share = |at: usize, name: &str| said["orders"][at][name].clone();
    assert_eq!([share(0, "application_fee"), share(0, "fee_by"), share(0, "net")], ["0.59", "merchant", "9.41"]);
    assert_eq!([share(1, "application_fee"), share(1, "fee_by"), share(1, "net")], ["0.10", "seller", "9.90"]);
    let available = tollgate::words::Timestamp::parse(share(0, "available_at").as_str().unwrap()).unwrap();
    assert_eq!(available.since(stand.world.now()), std::time::Duration::from_hours(48));

    // What is said is what is done: the same lines stand in the books afterwards.
    let payment = stand.pay(&stand.session("USD", &[(&first, "10.00"), (&second, "10.00")], None).await).await;
    let path = format!("/v1/ledger/journals?payment={}", payment["id"].as_str().unwrap());
    let journals = stand.door.get(&path, &stand.shop.key).await.json;
    let lines = |journals: &Value| {
        let mut lines: Vec<String> =
            journals.as_array().unwrap().iter().map(|journal| journal["lines"].to_string()).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&said["journals"]), lines(&journals["data"]));
    for journal in said["journals"].as_array().unwrap() {
        let minor = |line: &Value| line["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
        assert_eq!(journal["lines"].as_array().unwrap().iter().map(minor).sum::<i64>(), 0, "debits equal credits");
    }
    let one =
        explained(&stand, &json!({"currency": "KRW", "amount": "5000", "seller": second, "application_fee": "7"}))
            .await;
    assert_eq!((&one["orders"][0]["fee_by"], &one["orders"][0]["net"]), (&json!("session"), &json!("4993")));
}

async fn an_explanation_says_when_the_money_could_leave_and_why_then(world: World) {
    let stand = Stand::open(world).await;
    let (seller, other) = (stand.seller("Weekly").await, stand.seller("Nobody").await);
    stand.decide("/v1/policies", json!({"fulfill_after_days": 7, "payout_approval_above": {"USD": "5.00"}})).await;
    let schedule = json!({"interval": "weekly", "weekday": "monday", "time_zone": "Asia/Seoul", "hour": 9,
        "delay_days": 2, "reserve_ppm": 100_000});
    let change = json!({"payout_destination": {"token": "dest_1", "last4": "6789"}, "payout_schedule": schedule});
    stand.decide(&format!("/v1/sellers/{seller}"), change).await;
    stand.decide(&format!("/v1/sellers/{seller}/verification"), json!({"state": "verified", "version": 1})).await;
    let line = |seller: &str| json!({"name": "Tea", "unit_amount": "10.00", "quantity": 1, "seller": seller});
    let body = json!({"currency": "USD", "line_items": [line(&seller), line(&other)]});
    let said = explained(&stand, &body).await;
    let payout = |at: usize| said["orders"][at]["payout"].clone();
    let codes = |at: usize| {
        let reasons = payout(at)["reasons"].as_array().unwrap().clone();
        reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let by_schedule = ["fulfilled_by_time", "paid_out_by_schedule", "delay", "reserve", "needs_approval"];
    assert_eq!((payout(0)["interval"].as_str(), payout(0)["amount"].as_str()), (Some("weekly"), Some("9.00")));
    assert_eq!(codes(0), by_schedule, "{said}");
    let at = |name: &str| tollgate::words::Timestamp::parse(payout(0)[name].as_str().unwrap()).unwrap();
    let (earliest, expected) = (at("earliest_at"), at("expected_at"));
    let day = std::time::Duration::from_hours(24);
    for (turn, after) in [(earliest, 2), (expected, 9)] {
        // Nine on a Monday in Seoul is midnight in UTC; the seventh of January 1980 was a Monday.
        assert_eq!(turn.unix_seconds() % (7 * 86_400), 316_051_200 % (7 * 86_400), "{turn}");
        let waited = turn.since(stand.world.now());
        assert!(waited > day * after && waited <= day * (after + 7), "{turn}");
    }
    assert_eq!((payout(1)["interval"].as_str(), &payout(1)["earliest_at"]), (Some("manual"), &Value::Null));
    assert_eq!(codes(1), ["fulfilled_by_time", "paid_out_by_hand", "payout_destination_missing", "needs_approval"]);
}

async fn an_explanation_of_what_cannot_be_paid_says_why(world: World) {
    let stand = Stand::open(world).await;
    let none = stand.door.request(reqwest::Method::POST, "/v1/payments/explain", &stand.shop.live_key);
    let none = none.json(&json!({"currency": "USD", "amount": "1.00"})).send().await.unwrap();
    let none = crate::support::Answer::read(none).await;
    assert_eq!(
        (none.status, &none.json["psp"], &none.json["journals"]),
        (200, &Value::Null, &json!([])),
        "{}",
        none.text
    );
    for (body, param) in [
        (json!({"currency": "USD"}), "amount"),
        (json!({"currency": "USD", "amount": "1"}), "amount"),
        (json!({"currency": "USD", "amount": "0.00"}), "amount"),
        (json!({"currency": "usd", "amount": "1.00"}), "currency"),
        (json!({"currency": "USD", "amount": "1.00", "seller": "sel_x"}), "seller"),
        (json!({"currency": "USD", "amount": "1.00", "application_fee": "1.01"}), "application_fee"),
        (
            json!({"currency": "USD", "amount": "1.00", "line_items": [{"name": "x", "unit_amount": "1.00", "quantity": 1}]}),
            "amount",
        ),
        (
            json!({"currency": "USD", "line_items": [{"name": "x", "unit_amount": "x", "quantity": 1}]}),
            "line_items[0].unit_amount",
        ),
    ] {
        let answer = stand.door.post("/v1/payments/explain", &stand.shop.key, &body).await;
        assert_eq!(answer.any_problem()["param"], param, "{body}: {}", answer.text);
        assert_eq!(answer.status, 400);
    }
    let key = stand
        .door
        .key(&stand.shop, tollgate::merchants::keys::Kind::Restricted, &[tollgate::merchants::Scope::Read])
        .await;
    let may = stand.door.post("/v1/payments/explain", &key, &json!({"currency": "USD", "amount": "1.00"})).await;
    assert_eq!(may.status, 200, "{}", may.text);
}

//! The validation table: one line per rule, and what a good session becomes.

use super::*;

/// A name or field, and what is changed in a good request.
type Case = (&'static str, fn(&mut Asked));

fn good() -> Asked {
    Asked {
        line_items: vec![line("Mug", "18.00", 2), line("Coffee", "14.50", 1)],
        currency: "USD".into(),
        success_url: "https://shop.example/paid?s={CHECKOUT_SESSION_ID}".into(),
        ..Asked::default()
    }
}

fn line(name: &str, unit_amount: &str, quantity: i64) -> AskedLine {
    AskedLine { name: name.into(), unit_amount: unit_amount.into(), quantity, seller: None }
}

fn faults_of(change: impl FnOnce(&mut Asked)) -> Vec<String> {
    let mut asked = good();
    change(&mut asked);
    NewSession::check(asked).map_or_else(|faults| faults.into_iter().map(|f| f.param).collect(), |_| Vec::new())
}

fn metadata(entries: usize, name: usize, value: usize) -> BTreeMap<String, String> {
    let names = (0..entries).map(|n| format!("{n:0>name$}"));
    names.map(|name| (name, "v".repeat(value))).collect()
}

#[test]
fn a_good_session_is_summed_and_given_its_defaults() {
    let new = NewSession::check(good()).unwrap();
    assert_eq!(new.amount.to_string(), "50.50");
    assert_eq!(new.line_items[0].amount.to_string(), "36.00");
    assert_eq!(new.expires_in, Duration::from_hours(1));
    assert_eq!((new.language, new.capture), (Language::Auto, Capture::Automatic));
    assert_eq!(new.application_fee, None);
}

#[test]
fn values_at_the_edge_are_taken() {
    let long = "가".repeat(200);
    let accepted: Vec<Case> = vec![
        ("shortest", |a| a.expires_in = Some(1_800)),
        ("longest", |a| a.expires_in = Some(86_400)),
        ("whole fee", |a| a.application_fee = Some("50.50".into())),
        ("no fee", |a| a.application_fee = Some("0.00".into())),
        ("many", |a| a.line_items[0].quantity = 10_000),
        ("free item", |a| a.line_items[0].unit_amount = "0.00".into()),
        ("hundred", |a| a.line_items = vec![line("Mug", "1.00", 1); 100]),
        ("won", |a| {
            a.currency = "KRW".into();
            a.line_items = vec![line("머그", "15000", 1)];
        }),
        ("fils", |a| {
            a.currency = "KWD".into();
            a.line_items = vec![line("mug", "1.234", 1)];
        }),
        ("most", |a| a.line_items = vec![line("car", "99999999.99", 1)]),
        ("metadata", |a| a.metadata = Some(metadata(50, 40, 500))),
        ("email", |a| a.customer_email = Some("kim.o'neil+toll@mail.example.co.kr".into())),
        ("locale", |a| a.locale = Some("ko".into())),
        ("capture", |a| a.capture = Some("automatic".into())),
        ("capture", |a| a.capture = Some("manual".into())),
        ("seller", |a| a.line_items[1].seller = Some(SellerId::new().to_string())),
    ];
    for (name, change) in accepted {
        assert_eq!(faults_of(change), Vec::<String>::new(), "{name}");
    }
    assert!(faults_of(|a| a.line_items[0].name.clone_from(&long)).is_empty());
    assert!(faults_of(|a| a.reference = Some(long)).is_empty());
}

#[test]
fn every_broken_rule_names_its_field() {
    let refused: Vec<Case> = vec![
        ("line_items", |a| a.line_items.clear()),
        ("line_items", |a| a.line_items = vec![line("Mug", "1.00", 1); 101]),
        ("line_items", |a| a.line_items = vec![line("Gift", "0.00", 3)]),
        ("line_items", |a| a.line_items = vec![line("car", "99999999.99", 1), line("x", "0.01", 1)]),
        ("line_items[1].name", |a| a.line_items[1].name.clear()),
        ("line_items[1].name", |a| a.line_items[1].name = " \u{3000}".into()),
        ("line_items[1].name", |a| a.line_items[1].name = "x".repeat(201)),
        ("line_items[0].name", |a| a.line_items[0].name = "a\nb".into()),
        ("line_items[0].name", |a| a.line_items[0].name = "a\u{202e}b".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "18".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "18.0".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "18.000".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "-18.00".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "1e3".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "1,800.00".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = " 18.00".into()),
        ("line_items[0].unit_amount", |a| a.line_items[0].unit_amount = "9999999999999.99".into()),
        ("line_items[0].quantity", |a| a.line_items[0].quantity = 0),
        ("line_items[0].quantity", |a| a.line_items[0].quantity = -1),
        ("line_items[0].quantity", |a| a.line_items[0].quantity = 10_001),
        ("line_items[0].quantity", |a| a.line_items[0].quantity = i64::MAX),
        ("line_items[1].seller", |a| a.line_items[1].seller = Some("acme".into())),
        ("currency", |a| a.currency = "usd".into()),
        ("currency", |a| a.currency = "XXX".into()),
        ("success_url", |a| a.success_url = "javascript:alert(1)".into()),
        ("cancel_url", |a| a.cancel_url = Some("/cart".into())),
        ("reference", |a| a.reference = Some(String::new())),
        ("reference", |a| a.reference = Some("r".repeat(201))),
        ("customer_email", |a| a.customer_email = Some("kim".into())),
        ("customer_email", |a| a.customer_email = Some("kim@localhost".into())),
        ("customer_email", |a| a.customer_email = Some("a@b@c.example".into())),
        ("customer_email", |a| a.customer_email = Some("kim <kim@mail.example>".into())),
        ("customer_email", |a| a.customer_email = Some(format!("k@{}.example", "m".repeat(260)))),
        ("locale", |a| a.locale = Some("fr".into())),
        ("capture", |a| a.capture = Some("later".into())),
        ("expires_in", |a| a.expires_in = Some(1_799)),
        ("expires_in", |a| a.expires_in = Some(86_401)),
        ("expires_in", |a| a.expires_in = Some(i64::MIN)),
        ("application_fee", |a| a.application_fee = Some("50.51".into())),
        ("application_fee", |a| a.application_fee = Some("5".into())),
        ("metadata", |a| a.metadata = Some(metadata(51, 4, 1))),
        ("metadata", |a| a.metadata = Some(metadata(1, 41, 1))),
        ("metadata", |a| a.metadata = Some([(String::new(), String::new())].into())),
        ("metadata.k", |a| a.metadata = Some([("k".to_owned(), "v".repeat(501))].into())),
    ];
    for (number, (param, change)) in refused.into_iter().enumerate() {
        assert_eq!(faults_of(change), [param], "case {number}");
    }
}

#[test]
fn all_broken_rules_are_told_at_once() {
    let params = faults_of(|a| {
        a.line_items[0].quantity = 0;
        a.line_items[1].unit_amount = "x".into();
        a.success_url.clear();
        a.locale = Some("xx".into());
    });
    assert_eq!(params, ["line_items[0].quantity", "line_items[1].unit_amount", "success_url", "locale"]);
}

proptest::proptest! {
    #[test]
    fn no_amount_or_quantity_panics(unit in ".{0,24}", quantity: i64, fee in ".{0,24}") {
        let mut asked = good();
        asked.line_items[0].unit_amount = unit;
        asked.line_items[0].quantity = quantity;
        asked.application_fee = Some(fee);
        let _ = NewSession::check(asked);
    }

    #[test]
    fn the_amount_is_the_sum_of_the_lines(items in proptest::collection::vec((0_i64..1_000_000, 1_i64..100), 1..20)) {
        let mut asked = good();
        asked.currency = "KRW".into();
        asked.line_items = items.iter().map(|(unit, quantity)| line("x", &unit.to_string(), *quantity)).collect();
        let sum: i64 = items.iter().map(|(unit, quantity)| unit * quantity).sum();
        let summed = NewSession::check(asked).map_or(0, |new| new.amount.minor());
        proptest::prop_assert_eq!(summed, sum);
    }
}

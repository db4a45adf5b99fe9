//! The gateway's adapter against the stand-in, over HTTP.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;
use tollgate::config::{PspRetries, SimulatorPsp};
use tollgate::outbound::{Outbound, Settings};
use tollgate::psp::simulator::Simulator;
use tollgate::psp::{
    CaptureRequest, ConfirmRequest, DeclineCode, Finding, Hold, NotDone, NoticeRefused, Outcome, Psp, RegisterRequest,
    Registered, VoidRequest,
};
use tollgate::words::{Clock as _, Currency, Mode, Money, PaymentId, PaymentOrderId, Secret, SystemClock};

use super::stand::{Receiver, Stand};

fn adapter(stand: &Stand, webhook_secret: &Secret<String>) -> Simulator {
    at(stand.server.base_url(), &stand.secret_key, webhook_secret)
}

fn at(url: &str, secret_key: &str, webhook_secret: &Secret<String>) -> Simulator {
    let settings = SimulatorPsp {
        url: url.parse().unwrap(),
        secret_key: Secret::new(secret_key.to_owned()),
        webhook_secret: webhook_secret.clone(),
        retry: PspRetries::default(),
    };
    Simulator::new(&settings, Outbound::new(&Settings::default()).unwrap().psp().clone())
}

fn no_secret() -> Secret<String> {
    Secret::new("unused".to_owned())
}

fn won() -> Money {
    Money::of(15000, Currency::parse("KRW").unwrap()).unwrap()
}

fn registration() -> RegisterRequest {
    let order = PaymentOrderId::new();
    let key = format!("register:{order}");
    RegisterRequest {
        payment: PaymentId::new(),
        orders: vec![order],
        amount: won(),
        hold: false,
        description: "socks".to_owned(),
        key,
    }
}

fn confirm(registered: &Registered, card: &str, key: &str) -> ConfirmRequest {
    ConfirmRequest {
        psp_payment: registered.psp_payment.clone(),
        method: Secret::new(format!("tok_sim_{card}")),
        amount: won(),
        key: key.to_owned(),
        save: false,
        off_session: false,
    }
}

#[tokio::test]
async fn outcomes_are_read_as_they_are() {
    let stand = Stand::start().await;
    let psp = adapter(&stand, &no_secret());
    assert!(psp.takes(Mode::Test) && !psp.takes(Mode::Live));
    assert_eq!(psp.page_origins().frame, [stand.server.base_url()]);
    let request = registration();
    let registered = psp.register(&request).await.unwrap();
    assert_eq!(psp.register(&request).await.unwrap(), registered);
    assert!(registered.form_url.as_str().starts_with(stand.server.base_url()));

    let declined = psp.confirm(&confirm(&registered, "insufficient_funds", "a:1")).await;
    assert!(
        matches!(&declined, Ok(Outcome::Declined(decline)) if decline.code == DeclineCode::InsufficientFunds),
        "{declined:?}"
    );
    let challenged = psp.confirm(&confirm(&registered, "challenge", "a:2")).await;
    assert!(matches!(&challenged, Ok(Outcome::ActionRequired { url, .. }) if url.path().starts_with("/challenge/")));
    let given_up = psp.abandon(&registered.psp_payment, "a:2").await;
    assert!(
        matches!(&given_up, Ok(Finding::Found(Outcome::Declined(decline))) if decline.code == DeclineCode::AuthenticationAbandoned)
    );
    let approved = psp.confirm(&confirm(&registered, "approve", "a:3")).await.unwrap();
    let Outcome::Approved(approval) = &approved else { panic!("{approved:?}") };
    assert_eq!(approval.card.as_ref().map(|card| card.last4.as_str()), Some("4242"));
    assert_eq!(psp.confirm(&confirm(&registered, "approve", "a:3")).await.unwrap(), approved);
    assert_eq!(psp.look_up(&registered.psp_payment, "a:3").await, Ok(Finding::Found(approved)));
    assert_eq!(psp.look_up(&registered.psp_payment, "a:4").await, Ok(Finding::NotFound));
    let again = psp.confirm(&confirm(&registered, "approve", "a:4")).await;
    assert!(matches!(&again, Err(NotDone::Refused { code, .. }) if code == "payment_already_succeeded"), "{again:?}");
    let reused = psp.confirm(&confirm(&registered, "lost_card", "a:3")).await;
    assert!(matches!(&reused, Err(NotDone::Refused { code, .. }) if code == "idempotency_key_reused"), "{reused:?}");
    let keys: Vec<_> = stand.record("attempts").await.iter().map(|row| row["key"].clone()).collect();
    assert_eq!(keys, [json!("a:1"), json!("a:2"), json!("a:3")], "keys travel as they are");
}

#[tokio::test]
async fn doubt_is_unknown_and_what_was_not_sent_is_said_so() {
    let stand = Stand::start().await;
    let psp = adapter(&stand, &no_secret());
    let registered = psp.register(&registration()).await.unwrap();

    let lost = psp.confirm(&confirm(&registered, "lost_answer", "a:1")).await;
    assert!(matches!(lost, Ok(Outcome::Unknown { .. })), "{lost:?}");
    let found = psp.look_up(&registered.psp_payment, "a:1").await;
    assert!(matches!(found, Ok(Finding::Found(Outcome::Approved(_)))), "{found:?}");

    let registered = psp.register(&registration()).await.unwrap();
    for (n, kind) in ["error_500", "error_500_after", "lose_response"].into_iter().enumerate() {
        stand.fault(json!({"kind": kind, "operation": "confirm", "count": 1})).await;
        let doubt = psp.confirm(&confirm(&registered, "do_not_honor", &format!("b:{n}"))).await;
        assert!(matches!(doubt, Ok(Outcome::Unknown { .. })), "{kind}: {doubt:?}");
    }
    stand.fault(json!({"kind": "timeout_before", "operation": "confirm", "count": 1, "delay_ms": 200})).await;
    let doubt = psp.confirm(&confirm(&registered, "approve", "b:4")).await;
    assert!(matches!(doubt, Ok(Outcome::Unknown { .. })), "{doubt:?}");
    assert_eq!(psp.look_up(&registered.psp_payment, "b:4").await, Ok(Finding::NotFound));

    stand.fault(json!({"kind": "rate_limit_429", "count": 1, "delay_ms": 3000})).await;
    let limited = psp.confirm(&confirm(&registered, "approve", "b:5")).await;
    assert!(matches!(limited, Err(NotDone::Unreachable { after: Some(wait), .. }) if wait == Duration::from_secs(3)));
    stand.fault(json!({"kind": "error_500", "operation": "lookup", "count": 1})).await;
    assert!(matches!(psp.look_up(&registered.psp_payment, "b:5").await, Err(NotDone::Unreachable { .. })));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let alone = at(&format!("http://{nobody}"), "key", &no_secret());
    let unsent = alone.confirm(&confirm(&registered, "approve", "b:6")).await;
    assert!(matches!(unsent, Err(NotDone::Unreachable { after: None, .. })), "{unsent:?}");
    let stranger = at(stand.server.base_url(), "wrong", &no_secret());
    let refused = stranger.register(&registration()).await;
    assert!(matches!(&refused, Err(NotDone::Refused { code, .. }) if code == "unauthorized"), "{refused:?}");
}

#[tokio::test]
async fn held_money_is_taken_or_let_go_once() {
    let stand = Stand::start().await;
    let psp = adapter(&stand, &no_secret());
    let held = async |key: &str| {
        let registered = psp.register(&RegisterRequest { hold: true, ..registration() }).await.unwrap();
        let approved = psp.confirm(&confirm(&registered, "approve", key)).await;
        assert!(matches!(approved, Ok(Outcome::Approved(_))), "{approved:?}");
        assert_eq!(psp.look_up_hold(&registered.psp_payment).await, Ok(Hold::Held));
        registered.psp_payment
    };
    let part = Money::of(5000, won().currency()).unwrap();
    let take = |psp_payment: &str, key: &str, amount| CaptureRequest {
        psp_payment: psp_payment.to_owned(),
        amount,
        key: key.to_owned(),
    };
    let let_go =
        |psp_payment: &str, key: &str| VoidRequest { psp_payment: psp_payment.to_owned(), key: key.to_owned() };

    let payment = held("a:1").await;
    let more = Money::of(15001, won().currency()).unwrap();
    let refused = psp.capture(&take(&payment, "c:0", more)).await;
    assert!(matches!(&refused, Err(NotDone::Refused { code, .. }) if code == "amount_too_large"), "{refused:?}");
    stand.fault(json!({"kind": "lose_response", "operation": "capture", "count": 1})).await;
    let lost = psp.capture(&take(&payment, "c:1", part)).await;
    assert!(matches!(lost, Ok(Hold::Unknown { .. })), "{lost:?}");
    let captured = psp.look_up_hold(&payment).await.unwrap();
    assert!(matches!(&captured, Hold::Captured { amount, .. } if *amount == part), "{captured:?}");
    assert_eq!(psp.capture(&take(&payment, "c:1", part)).await.unwrap(), captured, "the same key, the same answer");
    assert_eq!(psp.capture(&take(&payment, "c:2", won())).await.unwrap(), captured, "taken once, and told so");
    assert_eq!(psp.void(&let_go(&payment, "v:1")).await.unwrap(), captured);
    assert_eq!(stand.record("captures").await.len(), 1);

    let payment = held("a:2").await;
    stand.fault(json!({"kind": "error_500", "operation": "void", "count": 1})).await;
    let doubt = psp.void(&let_go(&payment, "v:2")).await;
    assert!(matches!(doubt, Ok(Hold::Unknown { .. })), "{doubt:?}");
    assert_eq!(psp.void(&let_go(&payment, "v:2")).await, Ok(Hold::Released));
    assert_eq!(psp.look_up_hold(&payment).await, Ok(Hold::Released));
    assert_eq!(psp.capture(&take(&payment, "c:3", part)).await, Ok(Hold::Released), "let go before it could be taken");
}

#[tokio::test]
async fn a_real_webhook_is_believed_and_a_touched_or_old_one_is_not() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    let psp = adapter(&stand, &receiver.target.secret);
    let registered = psp.register(&registration()).await.unwrap();
    psp.confirm(&confirm(&registered, "approve", "a:1")).await.unwrap();
    let heard = receiver.wait(1).await.remove(0);
    let mut headers = HeaderMap::new();
    headers.insert("simulator-signature", heard.signature.parse().unwrap());
    let now = SystemClock.now();

    let notice = psp.verify_notice(&headers, &heard.body, now).unwrap();
    assert_eq!(notice.psp_payment.as_deref(), Some(registered.psp_payment.as_str()));
    assert_eq!((notice.kind.as_str(), json!(notice.event_id)), ("payment.succeeded", heard.json()["id"].clone()));

    let mut touched = heard.body.to_vec();
    touched[10] ^= 1;
    assert_eq!(psp.verify_notice(&headers, &touched, now), Err(NoticeRefused::WrongSignature));
    let late = now.plus(Duration::from_secs(302));
    assert_eq!(psp.verify_notice(&headers, &heard.body, late), Err(NoticeRefused::Stale(300)));
    let stranger = adapter(&stand, &no_secret());
    assert_eq!(stranger.verify_notice(&headers, &heard.body, now), Err(NoticeRefused::WrongSignature));
}

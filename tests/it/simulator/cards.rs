//! Every magic card does what its row says.

use serde_json::json;
use tollgate::simulator::cards::{Behaviour, MAGIC_CARDS};

use super::stand::{Receiver, Stand, read};

#[tokio::test]
async fn every_magic_card_behaves_as_documented() {
    let stand = Stand::start().await;
    for card in MAGIC_CARDS {
        let order = format!("po_{}", card.name);
        let payment = stand.payment(&order).await;
        let id = payment["id"].as_str().unwrap();
        let form = payment["form_url"].as_str().unwrap();
        let cvc = if card.brand().cvc_length() == 4 { "1234" } else { "123" };
        let typed = json!({"number": card.number, "exp_month": 12, "exp_year": 2090, "cvc": cvc});
        let (status, made) = read(stand.http.post(format!("{form}/token")).json(&typed).send().await.unwrap()).await;
        assert_eq!(status, 201, "{}: {made}", card.name);
        assert_eq!((&made["brand"], &made["last4"]), (&json!(card.brand().as_str()), &json!(card.last4())));
        let body = json!({"payment_method": made["token"]});
        let sent = stand.post(&format!("/v1/payments/{id}/confirm"), &format!("{order}:1"), &body).await;
        if card.behaviour == Behaviour::LostAnswer {
            assert!(sent.is_err(), "an answer came");
            stand.until_status(id, "succeeded").await;
            continue;
        }
        let (status, told) = read(sent.unwrap()).await;
        match card.behaviour {
            Behaviour::Approve | Behaviour::Slow | Behaviour::DeclineOffSession | Behaviour::Disputed(_) => {
                assert_eq!((status, &told["status"]), (200, &json!("succeeded")), "{}", card.name);
                assert_eq!(told["captured_amount"], 15000);
            }
            Behaviour::Decline(code) => {
                assert_eq!((status, &told["error"]["decline_code"]), (402, &json!(code.as_str())), "{}", card.name);
                assert_eq!(told["payment"]["status"], "declined");
            }
            Behaviour::Challenge | Behaviour::ChallengeThenDecline => {
                assert_eq!((status, &told["status"]), (200, &json!("requires_action")));
                let (status, ended) = stand.verdict(&told, "approve").await;
                let expected = if card.behaviour == Behaviour::Challenge { "succeeded" } else { "declined" };
                assert_eq!((status, &ended["status"]), (200, &json!(expected)), "{}", card.name);
            }
            Behaviour::Pending => {
                assert_eq!((status, &told["status"]), (202, &json!("processing")));
                stand.until_status(id, "succeeded").await;
            }
            Behaviour::LostAnswer => unreachable!(),
        }
    }
    let captured = MAGIC_CARDS
        .iter()
        .filter(|card| !matches!(card.behaviour, Behaviour::Decline(_) | Behaviour::ChallengeThenDecline))
        .count();
    assert_eq!(stand.record("captures").await.len(), captured);
}

#[tokio::test]
async fn no_card_number_is_kept_anywhere() {
    let stand = Stand::start().await;
    for card in MAGIC_CARDS {
        let payment = stand.payment(&format!("po_{}", card.name)).await;
        let form = payment["form_url"].as_str().unwrap();
        for cvc in ["123", "12345"] {
            let typed = json!({"number": card.number, "exp_month": 12, "exp_year": 2090, "cvc": cvc});
            stand.http.post(format!("{form}/token")).json(&typed).send().await.unwrap();
        }
    }
    let folder = stand.folder.clone();
    stand.server.shutdown().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for card in MAGIC_CARDS {
            let found = bytes.windows(card.number.len()).any(|window| window == card.number.as_bytes());
            assert!(!found, "{} is in the file", card.name);
        }
    }
}

#[tokio::test]
async fn a_challenge_ends_once_and_its_verdict_is_told() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    for (wish, status, code) in [
        ("approve", "succeeded", None),
        ("fail", "declined", Some("authentication_failed")),
        ("abandon", "declined", Some("authentication_abandoned")),
    ] {
        let payment = stand.registered(&format!("po_{wish}")).await;
        let (_, asked) = stand.confirm(&payment, &format!("po_{wish}:1"), "challenge").await;
        assert_eq!(stand.verdict(&asked, wish).await.0, 200);
        assert_eq!(stand.verdict(&asked, "approve").await.0, 409, "a verdict is given once");
        let (_, now) = stand.ask(&format!("/v1/payments/{payment}")).await;
        assert_eq!((&now["status"], &now["attempt"]["decline_code"]), (&json!(status), &json!(code)));
        // The answer of the confirm call stays what it was.
        assert_eq!(stand.confirm(&payment, &format!("po_{wish}:1"), "challenge").await.1, asked);
    }
    let kinds = receiver.wait(6).await.iter().map(super::stand::Heard::kind).collect::<Vec<_>>();
    for (kind, count) in [("payment.requires_action", 3), ("payment.succeeded", 1), ("payment.failed", 2)] {
        assert_eq!(kinds.iter().filter(|heard| *heard == kind).count(), count, "{kind}");
    }
}

#[tokio::test]
async fn a_challenge_nobody_answers_runs_out() {
    let mut delays = super::stand::quick();
    delays.challenge = std::time::Duration::from_millis(200);
    let stand = Stand::with(delays, None).await;
    let payment = stand.registered("po_1").await;
    let (_, asked) = stand.confirm(&payment, "po_1:1", "challenge").await;
    let ended = stand.until_status(&payment, "declined").await;
    assert_eq!(ended["attempt"]["decline_code"], "authentication_expired");
    assert_eq!(stand.verdict(&asked, "approve").await.0, 409);
}

#[tokio::test]
async fn another_card_ends_the_open_challenge_and_the_old_page_cannot_pay_any_more() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let (_, asked) = stand.confirm(&payment, "po_1:1", "challenge").await;
    assert_eq!(stand.confirm(&payment, "po_1:2", "approve").await.0, 200);
    assert_eq!(stand.verdict(&asked, "approve").await.0, 409);
    let (_, first) = stand.ask("/v1/payments?key=po_1:1").await;
    assert_eq!(first["data"][0]["attempt"]["decline_code"], "authentication_abandoned");
    assert_eq!(stand.record("captures").await.len(), 1);
}

#[tokio::test]
async fn an_abandoned_challenge_is_closed_and_a_paid_one_stays_paid() {
    let stand = Stand::start().await;
    for (order, pass, expected) in [("po_1", false, "declined"), ("po_2", true, "succeeded")] {
        let payment = stand.registered(order).await;
        let key = format!("{order}:1");
        let (_, asked) = stand.confirm(&payment, &key, "challenge").await;
        if pass {
            stand.verdict(&asked, "approve").await;
        }
        for _ in 0..2 {
            let (status, told) =
                stand.told(&format!("/v1/payments/{payment}/abandon"), "unused", json!({"key": key})).await;
            assert_eq!((status, &told["data"][0]["attempt"]["status"]), (200, &json!(expected)));
        }
    }
    let payment = stand.registered("po_3").await;
    let (_, told) = stand.told(&format!("/v1/payments/{payment}/abandon"), "unused", json!({"key": "never"})).await;
    assert_eq!(told["data"], json!([]));
}

/// The document lists every magic destination with the words of the table that drives it.
#[test]
fn the_document_lists_every_destination() {
    let document = std::fs::read_to_string(crate::support::source::root().join("docs/psp-simulator.md")).unwrap();
    for row in tollgate::simulator::destinations::DESTINATIONS {
        let line = format!("| `{}` | {} |", row.token, row.meaning);
        assert!(document.contains(&line), "docs/psp-simulator.md lacks: {line}");
    }
}

//! The pages in the frame: who may frame them, in which language, and what the card form accepts.

use serde_json::json;

use super::stand::{PARENT, Stand, read};

#[tokio::test]
async fn the_form_may_be_framed_by_a_registered_page_only() {
    let stand = Stand::start().await;
    let form = stand.payment("po_1").await["form_url"].as_str().unwrap().to_owned();
    let page = stand.http.get(format!("{form}?parent={PARENT}&locale=ko")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.ends_with(&format!("frame-ancestors {PARENT}")), "{policy}");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let html = page.text().await.unwrap();
    assert!(html.contains("<html lang=\"ko\">") && html.contains("카드 번호"));
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onclick"));
    for parent in ["", "?parent=https://evil.example", "?parent=https://pay.example.evil.example"] {
        let page = stand.http.get(format!("{form}{parent}")).send().await.unwrap();
        assert_eq!(page.status(), 403, "{parent}");
        assert!(page.headers()["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors 'none'"));
    }
    let english =
        stand.http.get(format!("{form}?parent={PARENT}")).header("accept-language", "en-GB").send().await.unwrap();
    assert!(english.text().await.unwrap().contains("Card number"));
    let unknown = stand.http.get(stand.url(&format!("/form/sct_never?parent={PARENT}"))).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn the_pages_load_only_what_is_served() {
    let stand = Stand::start().await;
    for (name, kind, text) in [
        ("form.js", "text/javascript; charset=utf-8", "postMessage"),
        ("card.js", "text/javascript; charset=utf-8", "luhn"),
        ("challenge.js", "text/javascript; charset=utf-8", "challenge_complete"),
        ("texts.js", "text/javascript; charset=utf-8", "카드 번호"),
        ("simulator.css", "text/css; charset=utf-8", "prefers-color-scheme"),
    ] {
        let file = stand.http.get(stand.url(&format!("/assets/{name}"))).send().await.unwrap();
        assert_eq!((file.status().as_u16(), file.headers()["content-type"].to_str().unwrap()), (200, kind), "{name}");
        assert!(file.text().await.unwrap().contains(text), "{name}");
    }
    assert_eq!(stand.http.get(stand.url("/assets/..%2fmain.rs")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn wrong_card_details_are_told_by_code_and_never_repeated() {
    let stand = Stand::start().await;
    let payment = stand.payment("po_1").await;
    let url = format!("{}/token", payment["form_url"].as_str().unwrap());
    let good = json!({"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2090, "cvc": "123"});
    for (field, value, code) in [
        ("number", json!("4242424242424241"), "invalid_number"),
        ("number", json!("4242"), "invalid_number"),
        ("number", json!(4_242_424_242_424_242_i64), "invalid_request"),
        ("exp_month", json!(13), "invalid_expiry"),
        ("exp_year", json!(2020), "expired_card"),
        ("exp_year", json!(20), "invalid_expiry"),
        ("cvc", json!("12"), "invalid_cvc"),
        ("cvc", json!("12a"), "invalid_cvc"),
        ("holder", json!("x"), "invalid_request"),
    ] {
        let mut typed = good.clone();
        typed[field] = value;
        let (status, told) = read(stand.http.post(&url).json(&typed).send().await.unwrap()).await;
        assert_eq!((status, &told["error"]["code"]), (400, &json!(code)), "{field}");
        assert!(!told.to_string().contains("4242"), "{told}");
    }
    let (status, made) = read(stand.http.post(&url).json(&good).send().await.unwrap()).await;
    assert_eq!((status, &made["brand"], &made["last4"]), (201, &json!("visa"), &json!("4242")));

    // A token pays only the payment it was made for.
    let other = stand.registered("po_2").await;
    let body = json!({"payment_method": made["token"]});
    assert_eq!(stand.told(&format!("/v1/payments/{other}/confirm"), "po_2:1", body.clone()).await.0, 400);
    let id = payment["id"].as_str().unwrap();
    assert_eq!(stand.told(&format!("/v1/payments/{id}/confirm"), "po_1:1", body).await.0, 200);
    assert_eq!(stand.http.post(&url).json(&good).send().await.unwrap().status(), 409, "a paid payment takes no card");
    let form = payment["form_url"].as_str().unwrap();
    assert_eq!(stand.http.get(format!("{form}?parent={PARENT}")).send().await.unwrap().status(), 410);
}

#[tokio::test]
async fn the_challenge_shows_what_is_paid_and_ends() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let (_, asked) = stand.confirm(&payment, "po_1:1", "challenge").await;
    let url = asked["attempt"]["challenge_url"].as_str().unwrap();
    let page = stand.http.get(format!("{url}?parent={PARENT}&locale=en")).send().await.unwrap();
    assert!(
        page.headers()["content-security-policy"].to_str().unwrap().ends_with(&format!("frame-ancestors {PARENT}"))
    );
    let html = page.text().await.unwrap();
    assert!(
        html.contains("15,000 KRW") && html.contains("3184") && html.contains("data-outcome=\"abandon\""),
        "{html}"
    );
    assert_eq!(stand.http.get(format!("{url}?parent=https://evil.example")).send().await.unwrap().status(), 403);
    let (status, _) = read(stand.http.post(url).json(&json!({"outcome": "maybe"})).send().await.unwrap()).await;
    assert_eq!(status, 400);
    stand.verdict(&asked, "fail").await;
    let ended = stand.http.get(format!("{url}?parent={PARENT}")).send().await.unwrap().text().await.unwrap();
    assert!(ended.contains("data-open=\"false\"") && !ended.contains("data-outcome"));
}

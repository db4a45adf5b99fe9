//! Whole payments over HTTP, as a merchant's server, a shopper's page and the PSP's card form make them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate::words::random_base62;

use super::numbers::Run;
use super::town::Town;

pub const STEPS: [&str; 5] = ["open session", "show page", "register", "card to PSP", "confirm"];

/// Drives payments with `clients` at once, each beginning the next when one is done.
pub async fn drive(town: &Town, clients: usize, span: Duration) -> Run {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (http, gateway, key) = (town.http.clone(), town.gateway.clone(), town.key.clone());
            tokio::spawn(async move {
                let mut paid = Vec::new();
                while begun.elapsed() < span {
                    paid.push(pay(&http, &gateway, &key).await);
                }
                paid
            })
        })
        .collect();
    let mut paid = Vec::new();
    for task in tasks {
        paid.extend(task.await.unwrap());
    }
    let took = begun.elapsed();
    let mut run = Run::new(took, paid.iter().map(|steps| steps.iter().sum()).collect());
    for (at, step) in STEPS.into_iter().enumerate() {
        run.steps.push((step, Run::new(took, paid.iter().map(|steps| steps[at]).collect())));
    }
    run
}

/// One payment, from the merchant's call to the paid answer; how long each step took.
pub async fn pay(http: &reqwest::Client, gateway: &str, key: &str) -> [Duration; 5] {
    let mut watch = Watch::default();
    let order = json!({
        "currency": "KRW",
        "line_items": [{"name": "Tea", "unit_amount": "15000", "quantity": 1}],
        "success_url": "https://shop.example/thanks",
    });
    let opening = http
        .post(format!("{gateway}/v1/checkout/sessions"))
        .bearer_auth(key)
        .header("idempotency-key", random_base62(22))
        .json(&order);
    let session = watch.time(answer(opening)).await;
    let page = session["url"].as_str().unwrap().to_owned();

    let html = watch.time(async { http.get(&page).send().await.unwrap().text().await.unwrap() }).await;
    let ticket = attribute(&html, "data-page-token");

    let registering = http.post(format!("{page}/register")).bearer_auth(&ticket).json(&json!({}));
    let registered = watch.time(answer(registering)).await;
    let form = registered["form_url"].as_str().unwrap_or_else(|| panic!("{registered}"));
    let form = form.split('?').next().unwrap();

    // The stand-in's number for a card that is approved.
    let card = json!({"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"});
    let token = watch.time(answer(http.post(format!("{form}/token")).json(&card))).await;

    let method = json!({"payment_method": token["token"]});
    let confirming = http.post(format!("{page}/confirm")).bearer_auth(&ticket).json(&method);
    let paid = watch.time(answer(confirming)).await;
    assert_eq!(paid["state"], "succeeded", "{paid}");
    watch.laps
}

#[derive(Default)]
struct Watch {
    laps: [Duration; 5],
    next: usize,
}

impl Watch {
    async fn time<T>(&mut self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = work.await;
        self.laps[self.next] = begun.elapsed();
        self.next += 1;
        done
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn attribute(html: &str, name: &str) -> String {
    let (_, rest) = html.split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

//! A stand-in on a free port with a folder of its own, and a receiver of its webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate::simulator::{Delays, Server, SimulatorConfig, Target};
use tollgate::words::{Secret, random_base62};

pub const PARENT: &str = "https://pay.example";

pub struct Stand {
    pub server: Server,
    pub http: Client,
    pub secret_key: String,
    pub admin_key: String,
    pub folder: Arc<TempDir>,
}

pub fn quick() -> Delays {
    Delays {
        slow: Duration::from_millis(400),
        pending: Duration::from_millis(300),
        challenge: Duration::from_mins(1),
        dispute: Duration::from_millis(100),
        webhook_retry: Duration::from_millis(50),
        payout: Duration::from_millis(200),
        payout_slow: Duration::from_millis(600),
        payout_return: Duration::from_hours(72),
    }
}

impl Stand {
    pub async fn start() -> Self {
        Self::with(quick(), None).await
    }

    pub async fn telling(receiver: &Receiver) -> Self {
        Self::with(quick(), Some(receiver.target.clone())).await
    }

    pub async fn with(delays: Delays, webhook: Option<Target>) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        Self::open(folder, random_base62(30), random_base62(30), delays, webhook).await
    }

    async fn open(
        folder: Arc<TempDir>,
        secret_key: String,
        admin_key: String,
        delays: Delays,
        webhook: Option<Target>,
    ) -> Self {
        let data = folder.path().join("simulator.db");
        let mut config = SimulatorConfig::new(data, Secret::new(secret_key.clone()), Secret::new(admin_key.clone()));
        config.delays = delays;
        config.webhook = webhook;
        config.parent_origins = vec![PARENT.to_owned()];
        let server = Server::start(config).await.unwrap();
        Self { server, http: Client::new(), secret_key, admin_key, folder }
    }

    /// Stops it and starts it again on the same file.
    pub async fn restart(self, webhook: Option<Target>) -> Self {
        self.server.shutdown().await;
        Self::open(self.folder, self.secret_key, self.admin_key, quick(), webhook).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> reqwest::Result<Response> {
        self.http
            .post(self.url(path))
            .bearer_auth(&self.secret_key)
            .header("Idempotency-Key", key)
            .json(body)
            .send()
            .await
    }

    /// Posts and reads: status and body.
    pub async fn told(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        read(self.post(path, key, &body).await.unwrap()).await
    }

    pub async fn ask(&self, path: &str) -> (u16, Value) {
        read(self.http.get(self.url(path)).bearer_auth(&self.secret_key).send().await.unwrap()).await
    }

    pub async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(&self.admin_key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.unwrap()).await
    }

    pub async fn fault(&self, order: Value) {
        assert_eq!(self.admin(Method::POST, "/admin/faults", Some(order)).await.0, 201);
    }

    /// Rows of the record.
    pub async fn record(&self, list: &str) -> Vec<Value> {
        let (status, told) = self.admin(Method::GET, &format!("/admin/record/{list}"), None).await;
        assert_eq!(status, 200);
        told["data"].as_array().unwrap().clone()
    }

    /// A registered payment.
    pub async fn payment(&self, order: &str) -> Value {
        let (status, told) = self.told("/v1/payments", &format!("{order}:register"), registration(order)).await;
        assert_eq!(status, 201, "{told}");
        told
    }

    /// A registered payment's id.
    pub async fn registered(&self, order: &str) -> String {
        self.payment(order).await["id"].as_str().unwrap().to_owned()
    }

    pub async fn confirm(&self, payment: &str, key: &str, card: &str) -> (u16, Value) {
        self.told(&format!("/v1/payments/{payment}/confirm"), key, json!({"payment_method": format!("tok_sim_{card}")}))
            .await
    }

    pub async fn verdict(&self, confirmed: &Value, outcome: &str) -> (u16, Value) {
        let url = confirmed["attempt"]["challenge_url"].as_str().unwrap();
        read(self.http.post(url).json(&json!({"outcome": outcome})).send().await.unwrap()).await
    }

    /// Asks for a payment until it is in this state.
    pub async fn until_status(&self, payment: &str, wanted: &str) -> Value {
        for _ in 0..200 {
            let (_, told) = self.ask(&format!("/v1/payments/{payment}")).await;
            if told["status"] == wanted {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the payment never became {wanted}");
    }
}

pub fn registration(order: &str) -> Value {
    json!({"amount": 15000, "currency": "KRW", "order_ids": [order], "reference": format!("pay_of_{order}")})
}

pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Heard {
    pub signature: String,
    pub body: Bytes,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    refusals_left: Mutex<u32>,
}

/// A receiver of webhooks that answers 200, after a number of 500s.
pub struct Receiver {
    pub target: Target,
    ear: Arc<Ear>,
}

impl Receiver {
    pub async fn open(refusals: u32) -> Self {
        let ear = Arc::new(Ear { refusals_left: Mutex::new(refusals), ..Ear::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(hear).with_state(Arc::clone(&ear));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { target: Target { url, secret: Secret::new(random_base62(40)) }, ear }
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.ear.heard.lock().unwrap().clone()
    }

    pub fn kinds(&self) -> Vec<String> {
        self.heard().iter().map(Heard::kind).collect()
    }

    /// Waits until this many webhooks came.
    pub async fn wait(&self, count: usize) -> Vec<Heard> {
        for _ in 0..400 {
            if self.heard().len() >= count {
                return self.heard();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("only {:?} came", self.kinds());
    }
}

async fn hear(State(ear): State<Arc<Ear>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["simulator-signature"].to_str().unwrap().to_owned();
    ear.heard.lock().unwrap().push(Heard { signature, body });
    let mut left = ear.refusals_left.lock().unwrap();
    if *left > 0 {
        *left -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}

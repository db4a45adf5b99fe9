//! A whole gateway in this process: HTTP server, worker, the stand-in PSP, and a merchant that holds a key.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate::app::App;
use tollgate::config::{Config, PspRetries, SimulatorPsp};
use tollgate::listener::Listener;
use tollgate::merchants::keys::{Kind, NewKey};
use tollgate::merchants::{self, keys};
use tollgate::outbound::Outbound;
use tollgate::payments;
use tollgate::psp::Psps;
use tollgate::simulator::cards::MAGIC_CARDS;
use tollgate::simulator::{Server as Simulator, SimulatorConfig, Target};
use tollgate::words::{Clock, Mode, PaymentId, Secret, SystemClock, Tenant, random_base62};

use super::{World, contract};

pub struct Gateway {
    pub app: App,
    /// Without a slash at the end.
    pub url: String,
    pub simulator: Simulator,
    /// The stand-in's admin key, for its faults by HTTP.
    pub simulator_admin_key: String,
    pub tenant: Tenant,
    /// The merchant's `sk_test_` key.
    pub key: String,
    pub http: reqwest::Client,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `null` when the body is not JSON.
    pub json: Value,
}

impl Answer {
    /// The JSON of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.json
    }

    /// The `code` of an answer that must be a refusal with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        let kind = self.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(kind.as_deref(), Some("application/problem+json"), "{}", self.text);
        self.json["code"].as_str().expect("a problem has a code")
    }

    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let path = response.url().path().to_owned();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        contract::assert_told(&path, status, &json);
        Self { status, headers, text, json }
    }

    /// A header's text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a well-formed problem with this status and code, and gives it back.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        self.any_problem()
    }

    /// Asserts the shape that every problem has, whatever it is about.
    #[track_caller]
    pub fn any_problem(&self) -> &Value {
        let json = &self.json;
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(json["status"], self.status);
        assert_eq!(json["type"], format!("urn:tollgate:problem:{}", json["code"].as_str().unwrap()));
        let id = self.header("request-id");
        assert!(id.starts_with("req_"), "{id}");
        assert_eq!(json["request_id"], id);
        assert_eq!(json["instance"], format!("urn:request:{id}"));
        for member in ["title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {}", self.text);
        }
        assert!(json["retryable"].is_boolean() && json.get("param").is_some(), "{}", self.text);
        json
    }
}

impl World {
    /// A gateway on the machine's clock.
    pub async fn gateway(&self) -> Gateway {
        Gateway::start(self, Arc::new(SystemClock), |_| {}).await
    }

    /// A gateway on the test's clock: nothing becomes due, expires or is retried until the test moves it on.
    pub async fn gateway_on_test_clock(&self) -> Gateway {
        Gateway::start(self, self.clock.clone(), |_| {}).await
    }

    /// A gateway on the machine's clock, with other settings.
    pub async fn gateway_with(&self, change: impl FnOnce(&mut Config)) -> Gateway {
        Gateway::start(self, Arc::new(SystemClock), change).await
    }
}

impl Gateway {
    async fn start(world: &World, clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let url = format!("http://{}", listener.address());
        let (secret_key, admin_key) = (Secret::new(random_base62(32)), Secret::new(random_base62(32)));
        let webhook_secret = Secret::new(random_base62(32));
        let simulator = Simulator::start(SimulatorConfig {
            webhook: Some(Target { url: format!("{url}/psp/simulator/webhooks"), secret: webhook_secret.clone() }),
            parent_origins: vec![url.clone()],
            clock: clock.clone(),
            ..SimulatorConfig::new(folder.path().join("psp.db"), secret_key.clone(), admin_key.clone())
        })
        .await
        .unwrap();

        let mut config = Config {
            public_url: url.parse().unwrap(),
            master_key: Secret::new(random_base62(48)),
            ..Config::default()
        };
        config.database.url = Secret::new(world.database_url.clone());
        config.psp.simulator = Some(SimulatorPsp {
            url: simulator.base_url().parse().unwrap(),
            secret_key,
            webhook_secret,
            retry: PspRetries::default(),
        });
        config.webhooks.allow_private_networks = true;
        change(&mut config);

        let outbound = Outbound::new(&config.outbound()).unwrap();
        let psps = Psps::configured(&config.psp, &outbound);
        let app = App::new(config, world.db.clone(), clock, outbound, psps);

        let mut tx = app.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "Test shop", app.now()).await.unwrap();
        let tenant = Tenant::new(merchant.id, Mode::Test);
        let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let issued = keys::issue(&mut tx, &tenant, new, app.now()).await.unwrap();
        tx.commit().await.unwrap();

        let stop = CancellationToken::new();
        let grace = Duration::from_secs(5);
        let serving = tokio::spawn(tollgate::cli::gateway::run(app.clone(), vec![listener], stop.clone(), grace));
        Self {
            app,
            url,
            simulator,
            simulator_admin_key: admin_key.expose().clone(),
            tenant,
            key: issued.token.expose().to_owned(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap(),
            stop,
            serving,
            folder,
        }
    }

    /// The stand-in's own database.
    pub fn simulator_file(&self) -> std::path::PathBuf {
        self.folder.path().join("psp.db")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &self.key, None).await
    }

    /// What is at `path` once it is as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(path, || async { Some(self.get(path).await.ok()).filter(|found| wanted(found)) }).await
    }

    /// A POST with an Idempotency-Key of its own.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &self.key, Some(body)).await
    }

    /// A POST under the given Idempotency-Key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key);
        Self::send(request.header("idempotency-key", key).json(body)).await
    }

    /// A checkout of 15000 KRW that was paid with the first magic card; gives the payment's id.
    pub async fn paid_payment(&self) -> String {
        self.payment_with("15000", "automatic").await
    }

    /// A checkout of 12000 KRW whose money a card holds, to be captured later; gives the payment's id.
    pub async fn held_payment(&self) -> String {
        self.payment_with("12000", "manual").await
    }

    async fn payment_with(&self, amount: &str, capture: &str) -> String {
        let session = json!({
            "line_items": [{ "name": "Tea", "unit_amount": amount, "quantity": 1 }],
            "currency": "KRW", "success_url": "https://shop.example/paid", "capture": capture,
        });
        let session = self.post("/v1/checkout/sessions", session).await.ok();
        let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
        let mut form = payments::register(&self.app, &payment).await.unwrap().form_url;
        form.set_query(None);
        let card = json!({ "number": MAGIC_CARDS[0].number, "exp_month": 12, "exp_year": 2030, "cvc": "123" });
        let token = Self::send(self.http.post(format!("{form}/token")).json(&card)).await.ok();
        let standing = payments::execute(&self.app, &payment, token["token"].as_str().unwrap()).await.unwrap();
        assert_eq!(standing, payments::Standing::Succeeded);
        payment.to_string()
    }

    /// A checkout of 15000 KRW that was paid with a magic card; gives the payment's id.
    pub async fn payment_by(&self, card: &str) -> String {
        let session = json!({
            "line_items": [{ "name": "Tea", "unit_amount": "15000", "quantity": 1 }],
            "currency": "KRW", "success_url": "https://shop.example/paid",
        });
        let session = self.post("/v1/checkout/sessions", session).await.ok();
        let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
        payments::register(&self.app, &payment).await.unwrap();
        let standing = payments::execute(&self.app, &payment, &format!("tok_sim_{card}")).await.unwrap();
        assert_eq!(standing, payments::Standing::Succeeded);
        payment.to_string()
    }

    pub async fn call(&self, method: Method, path: &str, bearer: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(bearer);
        if method == Method::POST {
            request = request.header("idempotency-key", random_base62(22));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Self::send(request).await
    }

    /// Sends a request that the test made itself.
    pub async fn send(request: reqwest::RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// Stops it as SIGTERM would.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.simulator.shutdown().await;
    }
}

/// Asks again until there is an answer, for what the worker does in its own time.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let what = what.to_owned();
    async move {
        for _ in 0..400 {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("still not so after 20 seconds: {what}");
    }
}

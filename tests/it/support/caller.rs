//! The gateway's parts on a test's database, without a process of their own.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::Value;
use tollgate::app::App;
use tollgate::config::Config;
use tollgate::db::Db;
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::outbound::Outbound;
use tollgate::psp::Psps;
use tollgate::words::{Clock, Mode, Secret, SystemClock, Tenant, random_base62};
use tollgate::{http, merchants};
use tower::ServiceExt;

use super::World;

impl World {
    /// Settings for a test: webhooks may reach this machine.
    #[expect(clippy::unused_self, reason = "a world's settings")]
    pub fn config(&self) -> Config {
        let mut config = Config { master_key: Secret::new(random_base62(43)), ..Config::default() };
        config.webhooks.allow_private_networks = true;
        config
    }

    /// The parts on the test's standing clock.
    pub fn app(&self) -> App {
        self.app_of(self.config(), self.clock.clone())
    }

    /// The parts on the machine's clock, for those who check our timestamps with theirs.
    pub fn app_on_real_time(&self) -> App {
        self.app_of(self.config(), Arc::new(SystemClock))
    }

    pub fn app_of(&self, config: Config, clock: Arc<dyn Clock>) -> App {
        let outbound = Outbound::new(&config.outbound()).unwrap();
        App::new(config, self.db.clone(), clock, outbound, Psps::default())
    }

    /// A new connection to the same database, as a second process would have.
    pub async fn second_db(&self) -> Db {
        Db::open(&self.database_url, 8).await.unwrap()
    }

    /// A new merchant's test side.
    pub async fn tenant(&self) -> Tenant {
        let mut tx = self.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "A shop", self.now()).await.unwrap();
        tx.commit().await.unwrap();
        Tenant::new(merchant.id, Mode::Test)
    }
}

/// A merchant's view of the API.
pub struct Caller {
    routes: Router,
    key: String,
}

/// What the API answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

impl Caller {
    /// With a new secret key of this tenant.
    pub async fn new(app: &App, tenant: &Tenant) -> Self {
        let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let mut tx = app.db.begin().await.unwrap();
        let issued = keys::issue(&mut tx, tenant, new, app.now()).await.unwrap();
        tx.commit().await.unwrap();
        Self { routes: http::routes(app.clone()), key: issued.token.expose().to_owned() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }
}

//! The front door alone, on a port of its own: no worker and no PSP, so that nothing changes but by what is asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tollgate::app::App;
use tollgate::config::Config;
use tollgate::http;
use tollgate::listener::Listener;
use tollgate::merchants::keys::{Kind, NewKey};
use tollgate::merchants::{self, Scope, keys};
use tollgate::outbound::Outbound;
use tollgate::psp::Psps;
use tollgate::words::{Mode, Secret, Tenant};

use super::shop::Shop;
use super::{Answer, World};

/// A running server; stops when dropped.
pub struct Door {
    pub app: App,
    pub url: String,
    pub address: SocketAddr,
    pub client: Client,
    stop: CancellationToken,
}

impl Door {
    /// Without any PSP.
    pub async fn start(world: &World) -> Self {
        Self::start_with(world, Psps::default()).await
    }

    #[expect(clippy::unused_async, reason = "it spawns the server, so it needs the runtime")]
    pub async fn start_with(world: &World, psps: Psps) -> Self {
        let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.address();
        let url = format!("http://{address}");
        let config = Config {
            master_key: Secret::new("a key for this test alone, forty characters".to_owned()),
            public_url: url.parse().unwrap(),
            ..Config::default()
        };
        let outbound = Outbound::new(&config.outbound()).unwrap();
        let app = App::new(config, world.db.clone(), world.clock.clone(), outbound, psps);
        Self::serve(app, listener, url, address)
    }

    /// In front of a shop that is there already; with a secret key of its merchant.
    pub async fn of_shop(shop: &Shop) -> (Self, String) {
        let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.address();
        let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let mut tx = shop.app.db.begin().await.unwrap();
        let key = keys::issue(&mut tx, &shop.tenant, new, shop.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        let door = Self::serve(shop.app.clone(), listener, format!("http://{address}"), address);
        (door, key.token.expose().to_owned())
    }

    fn serve(app: App, listener: Listener, url: String, address: SocketAddr) -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(http::routes(app.clone()), stop.clone(), Duration::from_secs(1)));
        Self { app, url, address, client: Client::new(), stop }
    }

    /// A merchant with a secret key for each mode.
    pub async fn merchant(&self, name: &str) -> Merchant {
        let mut tx = self.app.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, name, self.app.now()).await.unwrap();
        let (test, live) = (Tenant::new(merchant.id.clone(), Mode::Test), Tenant::new(merchant.id, Mode::Live));
        let new = || NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let key = keys::issue(&mut tx, &test, new(), self.app.now()).await.unwrap();
        let live_key = keys::issue(&mut tx, &live, new(), self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        Merchant { test, live, key: key.token.expose().to_owned(), live_key: live_key.token.expose().to_owned() }
    }

    /// Another key of a merchant in test mode.
    pub async fn key(&self, merchant: &Merchant, kind: Kind, scopes: &[Scope]) -> String {
        let new = NewKey { kind, scopes: scopes.to_vec(), name: None, expires_at: None };
        let mut tx = self.app.db.begin().await.unwrap();
        let issued = keys::issue(&mut tx, &merchant.test, new, self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        issued.token.expose().to_owned()
    }

    pub fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(key)
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        Answer::read(self.request(Method::GET, path, key).send().await.unwrap()).await
    }

    /// With an `Idempotency-Key` that nobody used before.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_once(path, key, &tollgate::words::random_base62(20), body).await
    }

    pub async fn post_once(&self, path: &str, key: &str, idempotency_key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path, key).header("idempotency-key", idempotency_key).json(body);
        Answer::read(request.send().await.unwrap()).await
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A merchant with its secret keys.
pub struct Merchant {
    pub test: Tenant,
    pub live: Tenant,
    pub key: String,
    pub live_key: String,
}

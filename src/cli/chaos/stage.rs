//! Everything a run needs, put up: the stand-in PSP, the gateways, a merchant with a key, and its receiver.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::net::{How, Net, Reply};
use super::process::Process;
use super::receiver::Receiver;
use super::relay::Relay;
use super::store;
use crate::cli::demo::private_files;
use crate::db::{Db, GATEWAY};
use crate::listener::Listener;
use crate::merchants;
use crate::merchants::keys::{self, Kind, NewKey};
use crate::outbound::{self, Outbound};
use crate::simulator::{Server, SimulatorConfig, Target};
use crate::words::{Clock as _, Mode, Secret, SystemClock, Tenant, random_base62};

/// Connections of the harness itself.
const CONNECTIONS: u32 = 4;

/// Connections of each gateway on PostgreSQL.
const GATEWAY_CONNECTIONS: &str = "30";

/// What is asked of the stage.
#[derive(Debug)]
pub struct Wish {
    /// Of everything that is drawn.
    pub seed: u64,
    /// Of a hundred checkouts, how many only have the money held until the shop decides.
    pub held: u64,
    /// Gateway processes.
    pub processes: usize,
    /// PostgreSQL; SQLite in the run's folder when absent.
    pub database: Option<String>,
    /// The protection that the gateways do without.
    pub sabotage: Option<String>,
}

/// The running stage.
pub struct Stage {
    /// Of everything that is drawn.
    pub seed: u64,
    /// Of a hundred checkouts, how many only have the money held until the shop decides.
    pub held: u64,
    /// The way to the gateways.
    pub net: Net,
    /// The stand-in PSP, in this process.
    pub psp: Server,
    /// The key of its record.
    pub admin_key: String,
    /// The gateways' database, to look at.
    pub db: Db,
    /// Whose payments they are.
    pub tenant: Tenant,
    /// The merchant's sellers beside itself.
    pub sellers: Vec<String>,
    /// What the merchant hears.
    pub receiver: Arc<Receiver>,
    /// The road of the PSP's webhooks.
    pub relay: Arc<Relay>,
    /// Databases and logs.
    pub folder: PathBuf,
    key: String,
    stop: CancellationToken,
}

impl Stage {
    /// Puts everything up.
    pub async fn build(wish: &Wish) -> anyhow::Result<(Self, Vec<Process>)> {
        let folder = std::env::temp_dir().join(format!("tollgate-chaos-{}", random_base62(8)));
        private_files::make_folder(&folder)?;
        let url = match &wish.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", folder.join("tollgate.db").display()),
        };
        let db = Db::open(&url, CONNECTIONS).await.context("the database")?;
        db.migrate(&GATEWAY).await.context("the schema")?;
        ensure!(store::is_unused(&db).await?, "the database holds payments: give the run a database of its own");
        let (tenant, key) = admit(&db).await?;

        let (psp_key, admin_key, webhook_secret) = (random_base62(40), random_base62(40), random_base62(40));
        let (secret, admin) = (Secret::new(psp_key.clone()), Secret::new(admin_key.clone()));
        let psp = Server::start(SimulatorConfig::new(folder.join("psp.db"), secret, admin)).await?;
        let settings = settings(&url, psp.base_url(), &psp_key, &webhook_secret, wish.sabotage.as_deref());
        let mut processes = gateways(&folder, wish.processes, &settings)?;

        let allow = outbound::Settings { allow_private: true, ..outbound::Settings::default() };
        let gateways = processes.iter().map(|process| process.url().to_owned()).collect();
        let net = Net::new(Outbound::new(&allow)?.psp().clone(), gateways);
        for process in &mut processes {
            process.start(&net.door).await?;
        }
        let (receiver, stop) = (Receiver::new(Dice::of(wish.seed, u64::MAX - 2)), CancellationToken::new());
        let relayed = (net.gateways.clone(), webhook_secret.clone());
        let relay = Relay::new(net.door.clone(), relayed.0, relayed.1, Dice::of(wish.seed, u64::MAX - 3));
        let heard = format!("{}/webhooks", listen(receiver.clone().routes(), &stop)?);
        let passed = format!("{}/psp", listen(relay.clone().routes(), &stop)?);
        psp.send_webhooks_to(Target { url: passed, secret: Secret::new(webhook_secret) });
        let (seed, held, sellers) = (wish.seed, wish.held, Vec::new());
        let mut stage =
            Self { seed, held, net, psp, admin_key, db, tenant, sellers, receiver, relay, folder, key, stop };
        stage.furnish(&heard).await?;
        Ok((stage, processes))
    }

    /// What the merchant does with its key before the first sale.
    async fn furnish(&mut self, receiver: &str) -> anyhow::Result<()> {
        let mut dice = Dice::new(self.seed);
        let banks =
            [("Second", "dest_sim_paid"), ("Third", "dest_sim_lost_answer"), ("Fourth", "dest_sim_fails_later")];
        for (name, token) in banks {
            let wanted = json!({ "name": name, "payout_destination": { "token": token } });
            let seller = self.api(&mut dice, "/v1/sellers", name, &wanted).await?;
            ensure!(seller.status == 201, "no seller: {}", seller.text);
            let (id, body) = (seller.text_of("id"), json!({ "state": "verified" }));
            let checked = self.api(&mut dice, &format!("/v1/sellers/{id}/verification"), name, &body).await?;
            ensure!(checked.status == 200, "not verified: {}", checked.text);
            self.sellers.push(id);
        }
        let wanted = json!({ "url": receiver, "events": ["*"] });
        let made = self.api(&mut dice, "/v1/webhook_endpoints", "endpoint", &wanted).await?;
        ensure!(made.status == 201, "no webhook endpoint: {}", made.text);
        self.receiver.trust(made.text_of("secret"));
        Ok(())
    }

    /// A call of the merchant with an `Idempotency-Key`, at any gateway, until it is answered.
    pub async fn api(&self, dice: &mut Dice, path: &str, key: &str, body: &Value) -> anyhow::Result<Reply> {
        let how = How { bearer: Some(&self.key), key: Some(key), body: Some(body) };
        self.net.until_answered(dice, Method::POST, path, &how).await
    }

    /// What the merchant sees at `path`, at any gateway, again and again until it is answered.
    pub async fn look(&self, dice: &mut Dice, path: &str) -> anyhow::Result<Reply> {
        let how = How { bearer: Some(&self.key), ..How::default() };
        self.net.until_answered(dice, Method::GET, path, &how).await
    }

    /// A call of the merchant that is made once, at the first gateway.
    pub async fn api_once(&self, path: &str, body: &Value) -> Option<Reply> {
        let how = How { bearer: Some(&self.key), body: Some(body), ..How::default() };
        self.net.once(&mut Dice::new(0), Method::POST, path, &how).await
    }

    /// Takes everything down. The folder stays when somebody will want to look into it.
    pub async fn strike(self, keep_folder: bool) {
        self.stop.cancel();
        self.db.close().await;
        self.psp.shutdown().await;
        if !keep_folder {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Serves `routes` until `stop`; says where, without a slash at the end.
fn listen(routes: Router, stop: &CancellationToken) -> anyhow::Result<String> {
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = format!("http://{}", listener.address());
    tokio::spawn(listener.serve(routes, stop.clone(), Duration::from_secs(1)));
    Ok(address)
}

async fn admit(db: &Db) -> anyhow::Result<(Tenant, String)> {
    let now = SystemClock.now();
    let mut tx = db.begin().await?;
    let merchant = merchants::create(&mut tx, "Chaos", now).await?;
    let tenant = Tenant::new(merchant.id, Mode::Test);
    let wanted = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: Some("chaos".to_owned()), expires_at: None };
    let issued = keys::issue(&mut tx, &tenant, wanted, now).await?;
    tx.commit().await?;
    Ok((tenant, issued.token.expose().to_owned()))
}

fn settings(
    database: &str,
    psp: &str,
    psp_key: &str,
    webhook_secret: &str,
    sabotage: Option<&str>,
) -> Vec<(String, String)> {
    let mut settings = vec![
        ("TOLLGATE_MASTER_KEY", random_base62(48)),
        ("TOLLGATE_DATABASE__URL", database.to_owned()),
        ("TOLLGATE_DATABASE__CONNECTIONS", GATEWAY_CONNECTIONS.to_owned()),
        ("TOLLGATE_PSP__SIMULATOR__URL", psp.to_owned()),
        ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", psp_key.to_owned()),
        ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", webhook_secret.to_owned()),
        // A new bank account would wait for a day.
        ("TOLLGATE_PAYOUTS__COOLING_HOURS", "0".to_owned()),
        ("TOLLGATE_WEBHOOKS__ALLOW_PRIVATE_NETWORKS", "true".to_owned()),
        ("TOLLGATE_LOG__LEVEL", "warn".to_owned()),
    ];
    settings.extend(sabotage.map(|name| (crate::sabotage::VARIABLE, name.to_owned())));
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn gateways(folder: &Path, count: usize, settings: &[(String, String)]) -> anyhow::Result<Vec<Process>> {
    let mut listeners = Vec::new();
    for _ in 0..count.max(1) {
        listeners.push(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let mut gateways = Vec::new();
    for (number, listener) in listeners.into_iter().enumerate() {
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let mut own = settings.to_vec();
        own.push(("TOLLGATE_PUBLIC_URL".to_owned(), url.clone()));
        own.push(("TOLLGATE_SERVER__LISTEN".to_owned(), address.to_string()));
        gateways.push(Process::new(url, own, folder.join(format!("gateway-{number}.log"))));
    }
    Ok(gateways)
}

//! The three servers, put up in the order in which each needs the others' addresses.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::kept::Kept;
use super::ports::{Ports, local};
use super::shop::{self, CardHint, GatewayApi, OrderBook, Shop};
use super::{certificates, merchant, private_files};
use crate::app::App;
use crate::cli::{gateway, start};
use crate::config::reconciliation::Source;
use crate::config::{Config, PspRetries, SimulatorPsp};
use crate::listener::{Listener, tls};
use crate::simulator::{self, SimulatorConfig, Target, cards::MAGIC_CARDS};
use crate::words::{Clock as _, Secret, SystemClock};

/// How long requests in flight may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// Where everything is; no address has a slash at its end.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The gateway as browsers reach it.
    pub gateway: String,
    /// The gateway over TLS, under the demo's own authority.
    pub gateway_tls: String,
    /// The stand-in PSP.
    pub psp: String,
    /// The shop.
    pub shop: String,
    /// PEM of the authority.
    pub authority: String,
}

/// The running demo.
pub struct Town {
    /// Where everything is.
    pub addresses: Addresses,
    /// Its secrets.
    pub kept: Kept,
    /// The gateway's inside, to look at the books.
    pub app: App,
    /// The merchant.
    pub shop: Arc<Shop>,
    psp: simulator::Server,
    stop: CancellationToken,
    shop_stopped: JoinHandle<std::io::Result<()>>,
    gateway_stopped: JoinHandle<anyhow::Result<()>>,
}

impl Town {
    /// Starts everything in `data`. The second part of the answer ends when a server ends by itself.
    ///
    /// # Errors
    /// A port is taken, or the folder cannot be used.
    pub async fn build(
        data: &Path,
        ports: &Ports,
    ) -> anyhow::Result<(Self, impl Future<Output = anyhow::Result<()>> + use<>)> {
        private_files::make_folder(data)?;
        let mut kept = Kept::find_or_make(Kept::path_in(data))?;
        let certificates = certificates::find_or_make(&data.join("tls"), SystemClock.now())?;
        let stop = CancellationToken::new();

        let certificate = tls::keep_fresh(certificates.files.clone(), tls::LOOK_EVERY, stop.clone())?;
        let plain = Listener::bind(local(ports.gateway))?;
        let encrypted = Listener::bind(local(ports.gateway_tls))?.with_tls(certificate);
        let shop_listener = Listener::bind(local(ports.shop))?;
        let mut addresses = Addresses {
            gateway: format!("http://localhost:{}", plain.address().port()),
            gateway_tls: format!("https://localhost:{}", encrypted.address().port()),
            psp: String::new(),
            shop: format!("http://localhost:{}", shop_listener.address().port()),
            authority: certificates.authority.display().to_string(),
        };

        let psp = start_psp(data, ports, &kept, &addresses).await?;
        psp.base_url().clone_into(&mut addresses.psp);
        let mut config = settings(data, &kept, &addresses)?;
        let db = start::database(&config, true).await.with_context(|| {
            format!("to begin anew, delete the folder {} (it holds nothing but the demo)", data.display())
        })?;
        let app = start::assemble(config.clone(), db.clone())?;
        merchant::admit(&app, &mut kept).await?;
        // Whose books hold what belongs to nobody is known now.
        config.reconciliation.sources = sources(&kept)?;
        let app = start::assemble(config, db)?;
        let running = gateway::run(app.clone(), vec![plain, encrypted], stop.clone(), GRACE);
        let gateway_stopped = tokio::spawn(running);

        let merchants_shop = open_shop(data, &mut kept, &addresses, &app).await?;
        kept.write()?;
        let serving = shop_listener.serve(shop::routes(merchants_shop.clone()), stop.clone(), GRACE);
        let shop_stopped = tokio::spawn(serving);

        let stopping = stop.clone();
        let ended = async move {
            stopping.cancelled().await;
            anyhow::bail!("the gateway ended by itself; --log info says more")
        };
        Ok((Self { addresses, kept, app, shop: merchants_shop, psp, stop, shop_stopped, gateway_stopped }, ended))
    }

    /// Stops everything and waits for it.
    ///
    /// # Errors
    /// A server had failed.
    pub async fn shut_down(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let gateway = self.gateway_stopped.await.context("the gateway panicked").and_then(|it| it);
        let shop = self.shop_stopped.await.context("the shop panicked");
        self.psp.shutdown().await;
        gateway?;
        shop??;
        Ok(())
    }
}

async fn start_psp(
    data: &Path,
    ports: &Ports,
    kept: &Kept,
    addresses: &Addresses,
) -> anyhow::Result<simulator::Server> {
    // The port is found first, because the address that browsers use has to be told at the start.
    let address = if ports.psp == 0 { Listener::bind(local(0))?.address() } else { local(ports.psp) };
    let config = SimulatorConfig {
        listen: address,
        public_url: Some(format!("http://localhost:{}", address.port())),
        webhook: Some(Target {
            url: format!("{}/psp/simulator/webhooks", addresses.gateway_tls),
            secret: Secret::new(kept.psp_webhook_secret.clone()),
        }),
        parent_origins: vec![addresses.gateway.clone(), addresses.gateway_tls.clone()],
        trusted_roots: vec![addresses.authority.clone().into()],
        ..SimulatorConfig::new(
            data.join("psp.db"),
            Secret::new(kept.psp_secret_key.clone()),
            Secret::new(kept.psp_admin_key.clone()),
        )
    };
    Ok(simulator::Server::start(config).await?)
}

fn settings(data: &Path, kept: &Kept, addresses: &Addresses) -> anyhow::Result<Config> {
    let mut config = Config {
        public_url: Url::parse(&addresses.gateway)?,
        master_key: Secret::new(kept.master_key.clone()),
        trusted_roots: vec![addresses.authority.clone().into()],
        ..Config::default()
    };
    config.database.url = Secret::new(format!("sqlite:{}", data.join("tollgate.db").display()));
    config.psp.simulator = Some(SimulatorPsp {
        url: Url::parse(&addresses.psp)?,
        secret_key: Secret::new(kept.psp_secret_key.clone()),
        webhook_secret: Secret::new(kept.psp_webhook_secret.clone()),
        retry: PspRetries::default(),
    });
    // The shop listens on this machine, over plain HTTP.
    config.webhooks.allow_private_networks = true;
    let complaints = config.complaints();
    anyhow::ensure!(complaints.is_empty(), "the demo's own settings are wrong: {}", complaints.join("; "));
    Ok(config)
}

/// What the stand-in says, and what its bank says.
fn sources(kept: &Kept) -> anyhow::Result<Vec<Source>> {
    let merchant = &kept.merchant.as_ref().context("the shop has no account")?.id;
    let source = |name: &str, format: &str| {
        let settings = serde_json::json!({
            "name": name, "format": format, "psp": "simulator", "merchant": merchant, "zone": "Asia/Seoul",
            "fee": { "ppm": 29_000 },
        });
        serde_json::from_value(settings).context("the demo's own sources are wrong")
    };
    Ok(vec![source("simulator", "simulator")?, source("bank", "camt053")?])
}

async fn open_shop(data: &Path, kept: &mut Kept, addresses: &Addresses, app: &App) -> anyhow::Result<Arc<Shop>> {
    let account = kept.merchant.as_mut().context("the shop has no account")?;
    let door = app.outbound.psp().clone();
    let api = GatewayApi::new(door, addresses.gateway_tls.clone(), account.secret_key.clone());
    let endpoint = merchant::furnish(&api, account, &format!("{}/webhooks", addresses.shop)).await?;
    Ok(Arc::new(Shop {
        api,
        webhook_secret: endpoint.secret,
        sellers: account.sellers.clone(),
        public_url: addresses.shop.clone(),
        checkout_origin: addresses.gateway.clone(),
        orders: OrderBook::open(&data.join("shop-orders.jsonl"))?,
        cards: MAGIC_CARDS
            .iter()
            .map(|card| CardHint { number: spaced(card.number), effect: card.meaning.to_owned() })
            .collect(),
        clock: Arc::new(SystemClock),
    }))
}

/// A card number in groups of four, as it is printed on cards.
pub fn spaced(number: &str) -> String {
    let mut read = String::new();
    for (index, digit) in number.chars().enumerate() {
        if index > 0 && index.is_multiple_of(4) {
            read.push(' ');
        }
        read.push(digit);
    }
    read
}

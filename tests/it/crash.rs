//! The real program, killed without warning while shoppers pay: afterwards its books and the PSP's record agree.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tollgate::checkout::{Asked, AskedLine, NewSession};
use tollgate::db::query;
use tollgate::integrity::{self, Scope};
use tollgate::payments::{self, Opened};
use tollgate::simulator::{Server, SimulatorConfig, Target};
use tollgate::words::{Clock, Mode, Secret, SystemClock, Tenant, random_base62};
use tollgate::{merchants, simulator};

use crate::support::{World, both_databases};

/// Milliseconds from the first click to the kill, one round each: from before anything is written to after everything is.
const KILLS: [u64; 8] = [0, 4, 8, 15, 25, 40, 70, 120];
const SHOPPERS: usize = 5;

/// A gateway process and what it is told at each start.
struct Gateway {
    port: u16,
    settings: Vec<(&'static str, String)>,
    process: Option<Child>,
}

impl Gateway {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.arg("serve").envs(self.settings.iter().map(|(name, value)| (name, value)));
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..300 {
            let ready = reqwest::get(format!("{}/readyz", self.url())).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the gateway does not get ready");
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn open(world: &World, tenant: &Tenant) -> Opened {
    let line =
        AskedLine { name: "Tea".to_owned(), unit_amount: "15000".to_owned(), quantity: 1, ..AskedLine::default() };
    let asked = Asked {
        line_items: vec![line],
        currency: "KRW".to_owned(),
        success_url: "https://shop.example/paid".to_owned(),
        ..Asked::default()
    };
    let mut tx = world.db.begin().await.unwrap();
    let now = SystemClock.now();
    let opened = payments::open(&mut tx, tenant, NewSession::check(asked).unwrap(), now).await.unwrap();
    tx.commit().await.unwrap();
    opened
}

/// A shopper with the page open and the card typed: what is left is to press pay.
struct Shopper {
    client: reqwest::Client,
    page: String,
    ticket: String,
    method: String,
}

impl Shopper {
    async fn ready(gateway: &str, opened: &Opened) -> Self {
        let client = reqwest::Client::new();
        let page = format!("{gateway}/pay/{}", opened.session.page_token);
        let html = client.get(&page).send().await.unwrap().text().await.unwrap();
        let ticket = html.split("data-page-token=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let answer = client.post(format!("{page}/register")).bearer_auth(&ticket).json(&serde_json::json!({}));
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        let form = answer["form_url"].as_str().unwrap().split('?').next().unwrap().to_owned();
        let card = serde_json::json!({
            "number": simulator::cards::MAGIC_CARDS[0].number, "exp_month": 12, "exp_year": 2030, "cvc": "123"
        });
        let token: Value = client.post(format!("{form}/token")).json(&card).send().await.unwrap().json().await.unwrap();
        let method = token["token"].as_str().unwrap().to_owned();
        Self { client, page, ticket, method }
    }

    async fn pay(&self) {
        let body = serde_json::json!({ "payment_method": self.method });
        let _ = self.client.post(format!("{}/confirm", self.page)).bearer_auth(&self.ticket).json(&body).send().await;
    }
}

async fn a_gateway_killed_at_any_moment_neither_loses_nor_doubles_a_payment(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let (key, admin, signing) = (random_base62(40), random_base62(40), random_base62(40));
    let config =
        SimulatorConfig::new(folder.path().join("psp.db"), Secret::new(key.clone()), Secret::new(admin.clone()));
    let psp = Server::start(config).await.unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut gateway = Gateway {
        port,
        settings: vec![
            ("TOLLGATE_MASTER_KEY", random_base62(48)),
            ("TOLLGATE_PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("TOLLGATE_SERVER__LISTEN", format!("127.0.0.1:{port}")),
            ("TOLLGATE_DATABASE__URL", world.database_url.clone()),
            ("TOLLGATE_PSP__SIMULATOR__URL", psp.base_url().to_owned()),
            ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", key),
            ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", signing.clone()),
        ],
        process: None,
    };
    let target = format!("{}/psp/simulator/webhooks", gateway.url());
    psp.send_webhooks_to(Target { url: target, secret: Secret::new(signing) });

    let mut tx = world.db.begin().await.unwrap();
    let merchant = merchants::create(&mut tx, "Shop", SystemClock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let tenant = Tenant::new(merchant.id, Mode::Test);

    gateway.start().await;
    for wait in KILLS {
        let mut shoppers = Vec::new();
        for _ in 0..SHOPPERS {
            let opened = open(&world, &tenant).await;
            shoppers.push(Shopper::ready(&gateway.url(), &opened).await);
        }
        let paying: Vec<_> =
            shoppers.into_iter().map(|shopper| tokio::spawn(async move { shopper.pay().await })).collect();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        gateway.kill();
        futures_util::future::join_all(paying).await;
        gateway.start().await;
    }
    until_quiet(&world).await;

    let captures = record(psp.base_url(), &admin, "captures").await;
    let taken = captures.len();
    let mut paid_for: Vec<&str> = captures.iter().map(|capture| capture["payment_id"].as_str().unwrap()).collect();
    paid_for.sort_unstable();
    paid_for.dedup();
    assert_eq!(paid_for.len(), taken, "nobody is charged twice");
    let mut ours: Vec<String> = Vec::new();
    for row in query("select psp_payment from payments where status = 'succeeded'").all(&world.db).await.unwrap() {
        ours.push(row.get("psp_payment").unwrap());
    }
    ours.sort_unstable();
    assert_eq!(ours, paid_for, "what the PSP took is what we say is paid");
    assert!(taken > 0 && taken <= KILLS.len() * SHOPPERS);
    let report = integrity::check(&world.db, Scope::Everything).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    gateway.kill();
    psp.shutdown().await;
}

/// Waits until no attempt is open; the PSP's webhooks and the sweep see to that.
async fn until_quiet(world: &World) {
    let open = "select count(*) as n from attempts where state not in ('approved', 'declined')";
    for _ in 0..900 {
        let left: i64 = query(open).one(&world.db).await.unwrap().get("n").unwrap();
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("attempts are still open after a minute and a half");
}

async fn record(psp: &str, admin: &str, list: &str) -> Vec<Value> {
    let asked = reqwest::Client::new().get(format!("{psp}/admin/record/{list}")).bearer_auth(admin);
    let answer: Value = asked.send().await.unwrap().json().await.unwrap();
    answer["data"].as_array().unwrap().clone()
}

both_databases!(a_gateway_killed_at_any_moment_neither_loses_nor_doubles_a_payment);

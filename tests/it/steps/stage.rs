//! Where operations act: a gateway without a process, a model PSP, a clock that stands; and copies of it, as it was once
//! prepared, one for each run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures_util::future::LocalBoxFuture;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate::app::App;
use tollgate::checkout::{Asked, AskedLine, NewSession};
use tollgate::config::retry::Pace;
use tollgate::config::{Config, Retry};
use tollgate::db::{Db, Tx, query};
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::merchants::sellers::{self, Change, Cooling, NewDestination, NewSeller, Verification};
use tollgate::outbound::Outbound;
use tollgate::payments::captures::{self, NewCapture};
use tollgate::payments::refunds::{self, NewRefund};
use tollgate::payments::{self, Opened};
use tollgate::psp::Psps;
use tollgate::words::{
    Clock, Currency, DisputeId, FixedClock, Mode, OperatorId, PaymentMethodId, PayoutId, RefundId, Secret, SellerId,
    Tenant, Timestamp,
};
use tollgate::{http, idempotency, merchants};

use super::model_psp::{FAST, ModelPsp, Record, SLOW_BANK};
use crate::support::{Database, Engine};

/// When everything begins.
pub const START: Timestamp = Timestamp::from_unix_seconds(1_760_000_000);

/// What was prepared, by the one who wants to act on it.
#[derive(Clone, Default)]
pub struct Props {
    pub opened: Vec<Opened>,
    pub refunds: Vec<RefundId>,
}

/// A call of the merchant's under its idempotency key, as it was made.
#[derive(Clone)]
pub struct Call {
    path: String,
    key: String,
    body: Value,
    at: Timestamp,
    /// Whether it was refused, which did nothing and leaves the key unused. Not while another call with the key is at it.
    refused: bool,
}

#[derive(Clone)]
pub struct Stage {
    pub app: App,
    pub psp: ModelPsp,
    pub clock: Arc<FixedClock>,
    pub tenant: Tenant,
    /// A secret key of the merchant.
    pub key: String,
    /// The merchant as its own seller; its bank takes its time.
    pub first: SellerId,
    /// The seller beside it, whose bank is fast.
    pub second: SellerId,
    /// Somebody who may approve payouts and agree to corrections.
    pub operator: OperatorId,
    /// In which random sequences are sold; everything else here is in US dollars.
    pub currency: Currency,
    pub props: Props,
    /// Above so many minor units payouts need a second person, from the beginning to the end.
    pub limit: Option<i64>,
    /// What the merchant asked, in order and each key once, whether it was answered or not.
    calls: Arc<Mutex<Vec<Call>>>,
    _folder: Option<Arc<TempDir>>,
}

/// Somebody who never signs in: to hash a password takes longer than many a run.
async fn operator(tx: &mut Tx) -> OperatorId {
    let id = OperatorId::new();
    query(
        "insert into operators (id, email, password_hash, created_at, password_set_at)
         values ($1, 'second@shop.example', 'nobody signs in with this', $2, $2)",
    )
    .bind(&id)
    .bind(START)
    .execute(tx)
    .await
    .unwrap();
    id
}

/// Building an HTTPS client reads all root certificates: once is enough for clients that call nobody.
fn outbound(config: &Config) -> Outbound {
    static OUTBOUND: OnceLock<Outbound> = OnceLock::new();
    OUTBOUND.get_or_init(|| Outbound::new(&config.outbound()).unwrap()).clone()
}

fn app(db: Db, clock: &Arc<FixedClock>, psp: &ModelPsp) -> App {
    let mut config = Config {
        master_key: Secret::new("a key for this test alone, forty characters".to_owned()),
        ..Config::default()
    };
    // Nothing here waits for a clock on the wall.
    config.retry.confirm = Retry { pace: Pace::Immediate, tries: 3, ..config.retry.confirm };
    let outbound = outbound(&config);
    let psps = Psps::of([Arc::new(psp.clone()) as _]).sending([Arc::new(psp.clone()) as _]);
    App::new(config, db, clock.clone(), outbound, psps)
}

fn account(token: &str) -> NewDestination {
    NewDestination { token: token.to_owned(), bank_name: None, last4: None }
}

impl Stage {
    /// A merchant with a second seller on an empty database; both may be paid out.
    pub async fn new(db: Db) -> Self {
        let clock = Arc::new(FixedClock::at(START));
        let psp = ModelPsp::with(Record::default(), clock.clone());
        let app = app(db, &clock, &psp);
        let mut tx = app.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "Shop", START).await.unwrap();
        let tenant = Tenant::new(merchant.id, Mode::Test);
        let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
        let key = keys::issue(&mut tx, &tenant, new, START).await.unwrap().token.expose().to_owned();
        let new = NewSeller { name: "Second".to_owned(), payout_destination: Some(account(FAST)), metadata: [].into() };
        let second = sellers::create(&mut tx, &tenant, new, START).await.unwrap().id;
        let first = sellers::self_seller(&mut tx, &tenant).await.unwrap().id;
        let at_once = Cooling { span: Duration::ZERO, first_too: false };
        let paid = Change { payout_destination: Some(Some(account(SLOW_BANK))), ..Change::default() };
        sellers::change(&mut tx, &tenant, &first, &paid, at_once, START).await.unwrap();
        for seller in [&first, &second] {
            let verified = Verification::Verified;
            assert!(sellers::set_verification(&mut tx, &tenant, seller, verified, None, START).await.unwrap());
        }
        let operator = operator(&mut tx).await;
        tx.commit().await.unwrap();
        Self {
            app,
            psp,
            clock,
            tenant,
            key,
            first,
            second,
            operator,
            props: Props::default(),
            limit: None,
            currency: usd(),
            calls: Arc::default(),
            _folder: None,
        }
    }

    /// A checkout of two sellers, 10.00 each with a fee of 1.00 in all.
    pub async fn open(&mut self) -> Opened {
        self.open_to("automatic").await
    }

    /// A checkout that was paid with a card that the shop may keep; gives the card's id.
    pub async fn saved_card(&mut self) -> PaymentMethodId {
        let opened = self.open_with("automatic", true).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        payments::execute(&self.app, &opened.payment.id, super::model_psp::GOOD).await.unwrap();
        query("select id from payment_methods").one(&self.app.db).await.unwrap().get("id").unwrap()
    }

    async fn open_to(&mut self, capture: &str) -> Opened {
        self.open_with(capture, false).await
    }

    async fn open_with(&mut self, capture: &str, keeps: bool) -> Opened {
        let line = |name: &str, seller: Option<&SellerId>| AskedLine {
            name: name.to_owned(),
            unit_amount: "10.00".to_owned(),
            quantity: 1,
            seller: seller.map(ToString::to_string),
        };
        let asked = Asked {
            line_items: vec![line("Tea", None), line("Cups", Some(&self.second))],
            currency: "USD".to_owned(),
            success_url: "https://shop.example/paid".to_owned(),
            application_fee: Some("1.00".to_owned()),
            capture: Some(capture.to_owned()),
            save_payment_method: Some(keeps),
            ..Asked::default()
        };
        let new = NewSession::check(asked).unwrap();
        let mut tx = self.app.db.begin().await.unwrap();
        let opened = payments::open(&mut tx, &self.tenant, new, self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.props.opened.push(opened.clone());
        opened
    }

    /// A checkout whose card form may be shown.
    pub async fn checkout(&mut self) -> Opened {
        let opened = self.open().await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    /// A checkout that was paid.
    pub async fn paid(&mut self) -> Opened {
        let opened = self.checkout().await;
        payments::execute(&self.app, &opened.payment.id, super::model_psp::GOOD).await.unwrap();
        opened
    }

    /// A checkout whose money a card holds.
    pub async fn held(&mut self) -> Opened {
        let opened = self.unpaid_hold().await;
        payments::execute(&self.app, &opened.payment.id, super::model_psp::GOOD).await.unwrap();
        opened
    }

    /// A checkout whose money will be held when it is paid.
    pub async fn unpaid_hold(&mut self) -> Opened {
        let opened = self.open_to("manual").await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    /// The only checkout there is.
    pub fn only(&self) -> &Opened {
        assert_eq!(self.props.opened.len(), 1);
        &self.props.opened[0]
    }

    /// What the PSP calls the payment.
    pub async fn psp_payment(&self, opened: &Opened) -> Option<String> {
        let payment = payments::store::find(&self.app.db, &opened.payment.id).await.unwrap().unwrap();
        payment.registered.map(|registered| registered.psp_payment)
    }

    /// A refund is asked for; the PSP is not, yet.
    pub async fn ask_refund(&mut self, opened: &Opened, amount: &str) -> Result<RefundId, refunds::RefundError> {
        let (payment, amount) = (opened.payment.id.clone(), Some(amount.to_owned()));
        let new = NewRefund { payment, amount, reason: None, metadata: json!({}) };
        let mut tx = self.app.db.begin().await.unwrap();
        let refund = refunds::ask(&mut tx, &self.tenant, new, self.app.now()).await?;
        tx.commit().await.unwrap();
        self.props.refunds.push(refund.id.clone());
        Ok(refund.id)
    }

    /// A capture is asked for; the PSP is not, yet.
    pub async fn ask_capture(&self, opened: &Opened, amount: &str) {
        let new = NewCapture { payment: opened.payment.id.clone(), amount: Some(amount.to_owned()) };
        let mut tx = self.app.db.begin().await.unwrap();
        captures::capture(&mut tx, &self.tenant, &new, self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The merchant decides something about its money.
    pub async fn decides(&self, policies: &Value) {
        assert_eq!(self.post("/v1/policies", "policies", policies).await.0, 200, "{policies}");
    }

    /// Every order of a payment is delivered.
    pub async fn deliver(&self, opened: &Opened) {
        for order in &opened.orders {
            let path = format!("/v1/payment_orders/{}/fulfill", order.id);
            assert_eq!(self.post(&path, order.id.as_str(), &json!({})).await.0, 200);
        }
    }

    /// A checkout that was paid and delivered: each seller has 9.50 to be paid out.
    pub async fn delivered(&mut self) -> Opened {
        let opened = self.paid().await;
        self.deliver(&opened).await;
        opened
    }

    /// The merchant asks that a seller be paid out; gives the status and the payout's id.
    pub async fn ask_payout(&self, seller: &SellerId, amount: &str, key: &str) -> (u16, Option<PayoutId>) {
        let body = json!({ "seller": seller, "amount": amount, "currency": "USD" });
        let (status, body) = self.post("/v1/payouts", key, &body).await;
        (status, body["id"].as_str().and_then(|id| id.parse().ok()))
    }

    /// The only payout there is.
    pub async fn only_payout(&self) -> PayoutId {
        query("select id from payouts").one(&self.app.db).await.unwrap().get("id").unwrap()
    }

    /// The only dispute there is.
    pub async fn only_dispute(&self) -> DisputeId {
        query("select id from disputes").one(&self.app.db).await.unwrap().get("id").unwrap()
    }

    /// The last thing the PSP has to tell comes in.
    pub async fn hear_the_last(&self) -> bool {
        let notice = self.psp.record().notices.last().unwrap().clone();
        self.hear(&notice).await
    }

    /// What the PSP has to tell comes in, all of it and in order, once more where it came before.
    pub async fn hear_of_everything(&self) {
        let notices = self.psp.record().notices.clone();
        for notice in notices {
            self.hear(&notice).await;
        }
    }

    /// One webhook of the PSP comes in; says whether it was taken.
    pub async fn hear(&self, notice: &str) -> bool {
        payments::receive(&self.app, "model", &HeaderMap::new(), notice.as_bytes()).await.is_ok()
    }

    /// Calls the API as the merchant does, under an idempotency key; gives status and body.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let at = self.note(path, key, body);
        let (status, answer) = self.send(path, key, body).await;
        self.calls.lock().unwrap()[at].refused = status >= 400 && answer["code"] != "idempotency_key_in_flight";
        (status, answer)
    }

    /// Every call that was not refused and whose key is still kept is made again, as it was made, in the same order.
    pub async fn ask_all_again(&self) {
        let calls = self.calls.lock().unwrap().clone();
        let is_kept = |call: &&Call| self.clock.now().since(call.at) < idempotency::KEPT;
        for call in calls.iter().filter(|call| !call.refused).filter(is_kept) {
            self.post(&call.path, &call.key, &call.body).await;
        }
    }

    /// Takes a call down before it is made: it may never be answered.
    fn note(&self, path: &str, key: &str, body: &Value) -> usize {
        let mut calls = self.calls.lock().unwrap();
        let known = calls.iter().position(|call| call.key == key && call.path == path);
        known.unwrap_or_else(|| {
            let (path, key, body) = (path.to_owned(), key.to_owned(), body.clone());
            calls.push(Call { path, key, body, at: self.clock.now(), refused: false });
            calls.len() - 1
        })
    }

    async fn send(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = tower::ServiceExt::oneshot(http::routes(self.app.clone()), request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Closes the database, which leaves a whole file behind.
    async fn close(&self) {
        self.app.db.close().await;
    }
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

/// Fills a stage.
pub type Prepare = fn(Stage) -> LocalBoxFuture<'static, Stage>;

/// A stage as it was prepared once, to be copied for each run.
pub struct Template {
    file: PathBuf,
    record: Record,
    at: Timestamp,
    stage: Stage,
    _database: Database,
}

impl Template {
    pub async fn make(prepare: Prepare) -> Self {
        let database = Database::create(Engine::Sqlite).await;
        let stage = prepare(Stage::new(opened(&database.url).await).await).await;
        stage.close().await;
        let file = PathBuf::from(database.url.strip_prefix("sqlite:").unwrap());
        let record = stage.psp.record().clone();
        Self { file, record, at: stage.clock.now(), stage, _database: database }
    }

    /// A copy to act on.
    pub async fn stage(&self) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stage.db");
        std::fs::copy(&self.file, &file).unwrap();
        let db = opened(&format!("sqlite:{}", file.display())).await;
        let clock = Arc::new(FixedClock::at(self.at));
        let psp = ModelPsp::with(self.record.clone(), clock.clone());
        let app = app(db, &clock, &psp);
        Stage { app, psp, clock, calls: Arc::default(), _folder: Some(Arc::new(folder)), ..self.stage.clone() }
    }
}

/// On one thread, so that nothing goes on but what is polled.
pub fn alone<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What dies here is a program, not the machine: what the system was given to write is not lost.
async fn opened(url: &str) -> Db {
    let db = Db::open(url, 1).await.unwrap();
    if let Db::Sqlite { write, .. } = &db {
        sqlx::query("pragma synchronous = off").execute(write).await.unwrap();
    }
    db
}

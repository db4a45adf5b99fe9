//! A shop in a gateway whose PSP is on a string: what the tests of the payment service begin with.

use std::sync::Arc;
use std::time::Duration;

use tollgate::app::App;
use tollgate::checkout::{self, Asked, AskedLine, NewSession};
use tollgate::config::Config;
use tollgate::db::query;
use tollgate::integrity::{self, Scope};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::outbound::Outbound;
use tollgate::payments::{self, Opened, OrderStatus, PaymentStatus, Standing, captures, refunds};
use tollgate::psp::Psps;
use tollgate::queue::{self, Verdict};
use tollgate::words::{Currency, Mode, Money, OperatorId, Secret, SellerId, Tenant};
use tollgate::{ledger, merchants, operators, payouts, wallets};

use super::World;
use super::scripted_bank::ScriptedBank;
use super::scripted_psp::{ScriptedPsp, approved};

/// A gateway with a merchant, and the PSP it calls.
pub struct Shop {
    pub world: World,
    pub app: App,
    pub psp: Arc<ScriptedPsp>,
    pub bank: Arc<ScriptedBank>,
    pub tenant: Tenant,
}

impl Shop {
    pub async fn open(world: World) -> Self {
        Self::open_with(world, |_| {}).await
    }

    /// With other settings.
    pub async fn open_with(world: World, change: impl FnOnce(&mut Config)) -> Self {
        let psp = Arc::new(ScriptedPsp::default());
        let mut config = Config {
            master_key: Secret::new("a key for this test alone, forty characters".to_owned()),
            ..Config::default()
        };
        change(&mut config);
        let outbound = Outbound::new(&config.outbound()).unwrap();
        let bank = Arc::new(ScriptedBank::default());
        let psps = Psps::of([psp.clone() as _]).sending([bank.clone() as _]);
        let app = App::new(config, world.db.clone(), world.clock.clone(), outbound, psps);
        let mut tx = world.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "Shop", world.now()).await.unwrap();
        tx.commit().await.unwrap();
        Self { tenant: Tenant::new(merchant.id, Mode::Test), world, app, psp, bank }
    }

    /// A checkout of 10.00 at the merchant itself, registered with the PSP.
    pub async fn checkout(&self) -> Opened {
        let opened = self.unregistered(None, None).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    pub async fn unregistered(&self, second: Option<&SellerId>, fee: Option<&str>) -> Opened {
        self.unregistered_of(second, fee, None).await
    }

    /// A checkout of somebody with an e-mail address, registered with the PSP.
    pub async fn checkout_of(&self, email: &str) -> Opened {
        let opened = self.unregistered_of(None, None, Some(email)).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    /// A checkout with manual capture whose money a card holds.
    pub async fn held(&self) -> Opened {
        self.held_of(None, None).await
    }

    pub async fn held_of(&self, second: Option<&SellerId>, fee: Option<&str>) -> Opened {
        let opened = self.opened_by(second, fee, |asked| asked.capture = Some("manual".to_owned())).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        self.psp.will(approved());
        self.pay(&opened).await;
        opened
    }

    async fn unregistered_of(&self, second: Option<&SellerId>, fee: Option<&str>, email: Option<&str>) -> Opened {
        self.opened_by(second, fee, |asked| asked.customer_email = email.map(str::to_owned)).await
    }

    /// A checkout of 10.00 of each seller, changed by `change` before it is opened.
    pub async fn opened_by(
        &self,
        second: Option<&SellerId>,
        fee: Option<&str>,
        change: impl FnOnce(&mut Asked),
    ) -> Opened {
        let line = |seller: Option<&SellerId>| AskedLine {
            name: "Tea".to_owned(),
            unit_amount: "10.00".to_owned(),
            quantity: 1,
            seller: seller.map(ToString::to_string),
        };
        let mut line_items = vec![line(None)];
        line_items.extend(second.map(|seller| line(Some(seller))));
        let mut asked = Asked {
            line_items,
            currency: "USD".to_owned(),
            success_url: "https://shop.example/paid".to_owned(),
            application_fee: fee.map(str::to_owned),
            ..Asked::default()
        };
        change(&mut asked);
        let new = NewSession::check(asked).unwrap();
        let mut tx = self.world.db.begin().await.unwrap();
        let opened = payments::open(&mut tx, &self.tenant, new, self.world.now()).await.unwrap();
        tx.commit().await.unwrap();
        opened
    }

    /// A checkout that was paid.
    pub async fn paid(&self) -> Opened {
        self.psp.will(approved());
        let opened = self.checkout().await;
        self.pay(&opened).await;
        opened
    }

    pub async fn second_seller(&self) -> SellerId {
        let new = merchants::sellers::NewSeller {
            name: "Second".to_owned(),
            payout_destination: None,
            metadata: std::collections::BTreeMap::default(),
        };
        let mut tx = self.world.db.begin().await.unwrap();
        let seller = merchants::sellers::create(&mut tx, &self.tenant, new, self.world.now()).await.unwrap();
        tx.commit().await.unwrap();
        seller.id
    }

    pub async fn pay(&self, opened: &Opened) -> Standing {
        payments::execute(&self.app, &opened.payment.id, "tok_1").await.unwrap()
    }

    pub async fn count(&self, what: &'static str) -> i64 {
        query(what).one(&self.world.db).await.unwrap().get("n").unwrap()
    }

    /// How many events of a kind there are.
    pub async fn told(&self, kind: &str) -> i64 {
        let told = query("select count(*) as n from events where kind = $1").bind(kind);
        told.one(&self.world.db).await.unwrap().get("n").unwrap()
    }

    /// Runs the sweep and then every job it left, once.
    pub async fn sweep(&self) {
        payments::sweep(&self.app).await.unwrap();
        self.run_jobs().await;
    }

    /// Runs the sweep and leaves the jobs.
    pub async fn sweep_only(&self) {
        payments::sweep(&self.app).await.unwrap();
    }

    /// Runs every job of the payment service that is due, once.
    pub async fn run_jobs(&self) {
        let mut tx = self.world.db.begin().await.unwrap();
        let jobs = queue::claim(&mut tx, "payments", 1000, self.world.now(), Duration::from_mins(1)).await.unwrap();
        tx.commit().await.unwrap();
        for job in jobs {
            let verdict = match job.kind.as_str() {
                payments::jobs::RECOVER => payments::recover(&self.app, &job.key.parse().unwrap()).await.unwrap(),
                payments::jobs::CAPTURE | payments::jobs::VOID => {
                    captures::carry_out(&self.app, &job.key.parse().unwrap()).await.unwrap()
                }
                payments::jobs::NOTICE => payments::read_notice(&self.app, &job.key.parse().unwrap()).await.unwrap(),
                payments::jobs::CHARGE => {
                    payments::methods::charge(&self.app, &job.key.parse().unwrap()).await.unwrap()
                }
                payments::jobs::REFUND => refunds::carry_out(&self.app, &job.key.parse().unwrap()).await.unwrap(),
                payments::jobs::EVIDENCE => {
                    payments::disputes::carry_out(&self.app, &job.key.parse().unwrap()).await.unwrap()
                }
                payments::jobs::DISPUTES => {
                    payments::disputes::look_again(&self.app, &job.key.parse().unwrap()).await.unwrap()
                }
                payments::jobs::NEW_DISPUTES => payments::disputes::list_at_psp(&self.app, &job.key).await.unwrap(),
                other => panic!("{other}"),
            };
            let mut tx = self.world.db.begin().await.unwrap();
            match verdict {
                Verdict::Done => queue::done(&mut tx, &job).await.unwrap(),
                Verdict::Again { at } => queue::again(&mut tx, &job, at).await.unwrap(),
                Verdict::Failed { error } => queue::bury(&mut tx, &job, self.world.now(), &error).await.unwrap(),
            };
            tx.commit().await.unwrap();
        }
    }

    /// Runs every job of payouts that is due, once.
    pub async fn run_payout_jobs(&self) {
        let mut tx = self.world.db.begin().await.unwrap();
        let jobs = queue::claim(&mut tx, "payouts", 1000, self.world.now(), Duration::from_mins(1)).await.unwrap();
        tx.commit().await.unwrap();
        for job in jobs {
            let verdict = match job.kind.as_str() {
                payouts::jobs::CARRY_OUT => payouts::carry_out(&self.app, &job.key.parse().unwrap()).await.unwrap(),
                payouts::jobs::TURN => payouts::take_turn(&self.app, &job.key).await.unwrap(),
                payouts::jobs::LOOK => payouts::look(&self.app, &job.key.parse().unwrap()).await.unwrap(),
                other => panic!("{other}"),
            };
            let mut tx = self.world.db.begin().await.unwrap();
            match verdict {
                Verdict::Done => queue::done(&mut tx, &job).await.unwrap(),
                Verdict::Again { at } => queue::again(&mut tx, &job, at).await.unwrap(),
                Verdict::Failed { error } => queue::bury(&mut tx, &job, self.world.now(), &error).await.unwrap(),
            };
            tx.commit().await.unwrap();
        }
    }

    /// Payouts above `amount` need a second person.
    pub async fn limit_payouts(&self, amount: &str, currency: &str) {
        let limit = serde_json::json!({ currency: amount });
        let mut tx = self.world.db.begin().await.unwrap();
        let wanted = [("payout_approval_above", limit)];
        merchants::policies::change(&mut tx, &self.tenant, &wanted, "test", self.world.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Somebody who may use the console.
    pub async fn operator(&self, email: &str) -> OperatorId {
        operators::create(&self.world.db, email, None, self.world.now()).await.unwrap();
        let row = query("select id from operators where email = $1").bind(email).one(&self.world.db).await.unwrap();
        row.get("id").unwrap()
    }

    /// The seller owes `minor` units of USD, as after a refund of what was paid out already.
    pub async fn owes(&self, seller: &SellerId, minor: i64) {
        let posting = Posting {
            kind: "correction",
            source_id: format!("owes {minor}"),
            tenant: self.tenant.clone(),
            payment: None,
            transfers: vec![Transfer {
                debit: Account::Available(seller.clone()),
                credit: Account::Psp("scripted".to_owned()),
                amount: Money::of(minor, Currency::parse("USD").unwrap()).unwrap(),
            }],
            now: self.world.now(),
        };
        let mut tx = self.world.db.begin().await.unwrap();
        ledger::post(&mut tx, &[posting]).await.unwrap();
        query("update wallets set available = available - $2 where seller_id = $1")
            .bind(seller)
            .bind(minor)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// The money is there once, everywhere, and nothing else is wrong.
    pub async fn assert_paid_once(&self, opened: &Opened) {
        let payment = payments::store::find(&self.world.db, &opened.payment.id).await.unwrap().unwrap();
        assert_eq!(payment.status, PaymentStatus::Succeeded);
        for order in payments::store::orders(&self.world.db, &payment.id).await.unwrap() {
            assert_eq!((order.status, order.wallet_updated, order.ledger_updated), (OrderStatus::Success, true, true));
        }
        let session = checkout::get(&self.world.db, &self.tenant, &opened.session.id).await.unwrap().unwrap();
        assert_eq!(session.status.as_str(), "complete");
        assert_eq!(self.count("select count(*) as n from journals where kind not like 'second_charge%'").await, 1);
        assert_eq!(self.count("select count(*) as n from events where kind = 'payment.succeeded'").await, 1);
        assert_eq!(self.count("select count(*) as n from events where kind = 'checkout.session.completed'").await, 1);
        let own = merchants::sellers::self_seller(&self.world.db, &self.tenant).await.unwrap();
        let wallet = wallets::of_seller(&self.world.db, &self.tenant, &own.id).await.unwrap();
        assert_eq!(wallet[0].pending, 1000);
        self.assert_sound().await;
    }

    pub async fn assert_sound(&self) {
        let report = integrity::check(&self.world.db, Scope::Everything).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

//! Every metric of reconciliation at a gateway that serves: each moves as the documents say, and what is over is told as nothing.

use std::path::Path;

use jiff::ToSpan as _;
use tollgate::db::query;
use tollgate::ledger::{Account, Transfer};
use tollgate::merchants;
use tollgate::reconciliation::breaks::{self, Filter};
use tollgate::words::{Currency, Money, Page, Timestamp};

use crate::serve::{Served, Settings};
use crate::support::{World, both_databases, eventually};

both_databases!(every_metric_moves);

struct Town {
    world: World,
    served: Served,
}

impl Town {
    /// What `/metrics` says of `name` with these labels; nothing when it says nothing.
    async fn told(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let text = reqwest::get(self.served.url("/metrics")).await.unwrap().text().await.unwrap();
        let labels: Vec<String> = labels.iter().map(|(label, is)| format!("{label}=\"{is}\"")).collect();
        let of = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
                && labels.iter().all(|label| line.contains(label))
        };
        text.lines().find(of).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    async fn until(&self, name: &str, labels: &[(&str, &str)], wanted: impl Fn(f64) -> bool) {
        let name = format!("tollgate_reconciliation_{name}");
        let told = async || self.told(&name, labels).await.filter(|value| wanted(*value));
        eventually(&format!("{name} {labels:?}"), told).await;
    }
}

fn settings(folder: &Path, merchant: &str) -> String {
    let columns = "identity = \"no\"\ndate = \"day\"\nkind = \"kind\"\ncurrency = \"=KRW\"\ngross = \"gross\"\n";
    let source = |name: &str, more: &str| {
        format!(
            "[[reconciliation.sources]]\nname = \"{name}\"\nformat = \"csv\"\npsp = \"simulator\"\nmerchant = \"{merchant}\"\n\
             at = \"00:00\"\nlag_days = 0\n{more}[reconciliation.sources.columns]\n{columns}"
        )
    };
    let lies_in = format!("directory = \"{}\"\n", folder.join("files").display());
    source("folder", &lies_in) + &source("handed_in", "")
}

async fn every_metric_moves(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let mut tx = world.db.begin().await.unwrap();
    let merchant = merchants::create(&mut tx, "Shop", world.now()).await.unwrap().id;
    // A payment of which the books know nothing: nothing explains the PSP's account.
    query(
        "insert into payments (id, merchant_id, livemode, status, currency, amount, captured, capture, description, metadata, psp,
             psp_payment, psp_token, form_url, created_at, updated_at, succeeded_at)
         values ('pay_00000000000000000000000000', $1, false, 'succeeded', 'KRW', 100, 100, 'automatic', 'Tea', '{}', 'simulator',
             'spay_1', 't', 'https://psp.example', 1, 1, 1)",
    )
    .bind(&merchant)
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let file = folder.path().join("tollgate.toml");
    std::fs::write(&file, settings(folder.path(), merchant.as_str())).unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let yesterday = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(1.day());
    let sound = format!("no,day,kind,gross\n1,{yesterday},levy,700\n");
    std::fs::write(folder.path().join("files/sound.csv"), sound).unwrap();
    std::fs::write(folder.path().join("files/torn.csv"), "no,day,kind,gross\n2,").unwrap();
    let served =
        Served::start(&Settings::new(&world.database_url), &["--config", file.to_str().unwrap(), "serve"]).await;
    let town = Town { world, served };

    // Of what the first night found, each counter says once; the gauges follow.
    let unknown = [("type", "unknown"), ("class", "investigate")];
    town.until("runs_total", &[("source", "folder"), ("status", "failed")], |runs| runs >= 1.0).await;
    town.until("runs_total", &[("source", "handed_in"), ("status", "completed")], |runs| runs >= 1.0).await;
    town.until("files_refused_total", &[("source", "folder")], |files| files >= 1.0).await;
    town.until("unexplained_total", &[("psp", "simulator")], |runs| runs >= 1.0).await;
    let one = |count: f64| (count - 1.0).abs() < f64::EPSILON;
    let none = |count: f64| count.abs() < f64::EPSILON;
    town.until("breaks_opened_total", &unknown, one).await;
    town.until("breaks", &unknown, one).await;
    town.until("at_risk_minor_units", &[("currency", "KRW")], |minor| minor >= 700.0).await;
    town.until("oldest_break_seconds", &[], |age| age > 0.0).await;
    for source in ["folder", "handed_in"] {
        town.until("last_run_age_seconds", &[("source", source)], |age| age >= 0.0).await;
    }

    // Two people close it, and what is at risk is nothing again.
    let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    let db = &town.world.db;
    let open = Filter { resolved: Some(false), ..Filter::default() };
    for it in breaks::list(db, None, &open, &Page::newest(10)).await.unwrap().items {
        let mut tx = db.begin().await.unwrap();
        if breaks::parked(&mut tx, &it.id).await.unwrap().is_empty() {
            breaks::resolve(&mut tx, &it.id, "it was a test", "one", now).await.unwrap();
        } else {
            let amount = Money::of(700, Currency::parse("KRW").unwrap()).unwrap();
            let journal = [Transfer { debit: Account::Suspense, credit: Account::Rounding, amount }];
            let it = breaks::propose(&mut tx, &it.id, "a levy", &journal, "one", now).await.unwrap();
            breaks::approve(&mut tx, &it.id, &breaks::fingerprint(&it), "two", now).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    town.until("breaks", &unknown, none).await;
    town.until("at_risk_minor_units", &[("currency", "KRW")], none).await;
    town.until("oldest_break_seconds", &[], none).await;
    town.until("breaks_opened_total", &unknown, one).await;
}

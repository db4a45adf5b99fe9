//! `tollgate reconcile` as a process: its exit, its three formats, its bar; and the files that are handed to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tollgate::db::query;

use crate::console::actions;
use crate::support::{Gateway, World, both_databases};

both_databases!(
    a_file_at_hand_is_rehearsed_then_reconciled_then_known,
    a_run_that_fails_fails_the_command_and_says_why,
    a_bar_is_drawn_for_people_alone,
    past_days_are_rehearsed_with_todays_parsers_and_causes,
    a_day_that_was_never_taken_in_is_asked_for_and_not_kept,
    a_row_that_was_told_twice_is_not_gone_when_it_is_rehearsed,
);

const NOBODY: &str = "mrc_00000000000000000000000000";

/// A folder with settings in which `list` is a source, and the files that are handed in.
struct Desk {
    gateway: Gateway,
    world: World,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn open(world: World) -> Self {
        let gateway = world.gateway().await;
        let desk = Self { gateway, world, folder: tempfile::tempdir().unwrap() };
        desk.owned_by(desk.gateway.tenant.merchant.as_str());
        desk
    }

    /// Writes the settings down; `merchant` owns the source.
    fn owned_by(&self, merchant: &str) {
        let settings = format!(
            "[[reconciliation.sources]]\nname = \"list\"\nformat = \"csv\"\npsp = \"simulator\"\nmerchant = \"{merchant}\"\n\
             [reconciliation.sources.columns]\nidentity = \"no\"\ndate = \"day\"\nkind = \"kind\"\ncurrency = \"=KRW\"\n\
             gross = \"gross\"\nfee = \"fee\"\npsp_payment = \"payment\"\n"
        );
        std::fs::write(self.folder.path().join("tollgate.toml"), settings).unwrap();
    }

    /// A file with a charge of each payment.
    async fn file(&self, name: &str, payments: &[String]) -> PathBuf {
        let mut text = "no,day,kind,gross,fee,payment\n".to_owned();
        for (n, payment) in payments.iter().enumerate() {
            let row = query("select psp_payment from payments where id = $1").bind(payment.as_str());
            let named: String = row.one(&self.world.db).await.unwrap().get("psp_payment").unwrap();
            let day = self.gateway.app.now().to_string();
            writeln!(text, "{name}-{n},{},charge,15000,435,{named}", &day[..10]).unwrap();
        }
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let simulator = &self.gateway.app.config.psp.simulator.as_ref().unwrap();
        command
            .env("TOLLGATE_DATABASE__URL", &self.world.database_url)
            .env("TOLLGATE_MASTER_KEY", self.gateway.app.config.master_key.expose())
            .env("TOLLGATE_PSP__SIMULATOR__URL", simulator.url.as_str())
            .env("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", simulator.secret_key.expose())
            .env("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", simulator.webhook_secret.expose())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    async fn reconcile(&self, arguments: &[&str]) -> Output {
        self.tollgate(&[&["reconcile", "--source", "list"], arguments].concat()).await
    }

    /// Runs a command off the threads of the gateway.
    async fn tollgate(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["--config", "tollgate.toml"]).args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        query(sql).one(&self.world.db).await.unwrap().get("n").unwrap()
    }
}

#[track_caller]
fn said(output: &Output) -> String {
    let (told, noise) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{noise}");
    assert!(!noise.contains('\r'), "no bar where nobody looks: {noise:?}");
    told.into_owned()
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn a_file_at_hand_is_rehearsed_then_reconciled_then_known(world: World) {
    let desk = Desk::open(world).await;
    let payments = [desk.gateway.payment_by("approve").await, desk.gateway.payment_by("approve").await];
    let file = desk.file("first.csv", &payments).await;
    let handed = ["--file", text_of(&file), "--format", "json"];
    let read = |output: &Output| -> Value { serde_json::from_str(&said(output)).unwrap() };

    let rehearsed = read(&desk.reconcile(&[&handed[..], &["--dry-run"]].concat()).await);
    assert_eq!((&rehearsed["dry_run"], &rehearsed["status"]), (&true.into(), &"completed".into()));
    assert_eq!(rehearsed["totals"]["types"]["matched"]["count"], 2, "{rehearsed}");
    assert_eq!(desk.count("select count(*) as n from settlement_files").await, 0, "a rehearsal keeps nothing");
    assert_eq!(desk.count("select count(*) as n from settlement_lines").await, 0);

    let run = read(&desk.reconcile(&handed).await);
    assert_eq!((&run["source"], &run["dry_run"], &run["trigger"]), (&"list".into(), &false.into(), &"command".into()));
    assert_eq!(run["totals"]["types"]["matched"]["count"], 2, "{run}");
    let kept = query("select finished_at from reconciliation_runs where id = $1").bind(run["id"].as_str().unwrap());
    let kept: tollgate::words::Timestamp = kept.one(&desk.world.db).await.unwrap().get("finished_at").unwrap();
    assert_eq!(run["finished_at"], kept.to_string(), "the command says what is kept");
    assert!(run["file"].as_str().unwrap().starts_with("rcf_"), "{run}");
    assert_eq!(desk.count("select count(*) as n from settlement_lines where standing = 'matched'").await, 2);
    let fees = "select cast(coalesce(sum(amount), 0) as bigint) as n from transfers where debit_account = 'fees:psp'";
    assert_eq!(desk.count(fees).await, 870);

    // The same file again changes nothing, and is told as text and as CSV.
    let text = said(&desk.reconcile(&["--file", text_of(&file)]).await);
    assert!(text.starts_with("list: reconciled (rcr_") && text.contains("types.matched.count"), "{text}");
    let csv = said(&desk.reconcile(&["--file", text_of(&file), "--format", "csv"]).await);
    assert!(csv.starts_with("name,value\r\n") || csv.starts_with("name,value\n"), "{csv}");
    assert!(csv.lines().any(|line| line.trim_end() == "totals.types.matched.count,2"), "{csv}");
    assert_eq!(desk.count("select count(*) as n from settlement_files").await, 1);
    assert_eq!(desk.count(fees).await, 870);

    // What came can be had again, byte for byte, and who took it out is known.
    let out = desk.tollgate(&["reconcile", "--take-out", run["file"].as_str().unwrap()]).await;
    assert_eq!(said(&out), std::fs::read_to_string(&file).unwrap());
    assert!(actions(&desk.gateway).await.contains(&"file.download".to_owned()));
    let none = desk.tollgate(&["reconcile", "--take-out", "rcf_00000000000000000000000000"]).await;
    assert_eq!(none.status.code(), Some(1));
    desk.gateway.stop().await;
}

async fn a_run_that_fails_fails_the_command_and_says_why(world: World) {
    let desk = Desk::open(world).await;
    let failed = async |arguments: &[&str], wanted: &str| {
        let output = desk.reconcile(arguments).await;
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(wanted), "{wanted}: {told}");
    };
    let cut = desk.folder.path().join("cut.csv");
    std::fs::write(&cut, "no,day,kind,gross,fee,payment\n1,2025-10-09,charge,15000").unwrap();
    failed(&["--file", text_of(&cut)], "FAILED").await;
    failed(&["--file", text_of(&cut), "--dry-run"], "FAILED").await;
    failed(&["--file", "not-there.csv"], "cannot read not-there.csv").await;
    failed(&[], "what is to be reconciled?").await;
    // Refused or not, no line of it is believed.
    assert_eq!(desk.count("select count(*) as n from settlement_lines").await, 0);
    let file = desk.file("sound.csv", &[desk.gateway.payment_by("approve").await]).await;
    desk.owned_by(NOBODY);
    failed(&["--file", text_of(&file)], NOBODY).await;
    let toml = desk.folder.path().join("tollgate.toml");
    let settings = std::fs::read_to_string(&toml).unwrap();
    let cause = "[[reconciliation.causes]]\nname = \"rent\"\noutcome = \"unknown\"\nsources = [\"lost\"]\n\
                 class = \"manual\"\nexplanation = \"Rent.\"\n";
    std::fs::write(&toml, format!("{settings}{cause}")).unwrap();
    failed(&["--file", text_of(&file)], "no source is called \"lost\"").await;
    desk.gateway.stop().await;
}

async fn past_days_are_rehearsed_with_todays_parsers_and_causes(world: World) {
    let desk = Desk::open(world).await;
    let payment = desk.gateway.payment_by("approve").await;
    let file = desk.file("past.csv", &[payment]).await;
    let day = desk.gateway.app.now().to_string()[..10].to_owned();
    let mut text = std::fs::read_to_string(&file).unwrap();
    writeln!(text, "rent-1,{day},adjustment,-900,0,\nrent-2,{day},adjustment,-800,0,").unwrap();
    std::fs::write(&file, text).unwrap();
    let taken = said(&desk.reconcile(&["--file", text_of(&file)]).await);
    assert!(taken.contains("types.unknown.count"), "{taken}");
    let days = ["--from", &day, "--to", &day, "--dry-run", "--format", "json"];
    let rehearse = async || -> Value {
        let run: Value = serde_json::from_str(&said(&desk.reconcile(&days).await)).unwrap();
        assert_eq!(run["dry_run"], true);
        run["totals"].clone()
    };
    let none = serde_json::json!({ "lines_new": 0, "lines_gone": 0, "types": {}, "causes": {}, "classes": {} });
    let as_it_stands = rehearse().await;
    assert_eq!(
        (&as_it_stands["files"], &as_it_stands["lines"], &as_it_stands["changes"]),
        (&1.into(), &3.into(), &none)
    );
    assert_eq!(as_it_stands["types"]["matched"]["count"], 1, "{as_it_stands}");

    // A new cause, which only waits to be tried.
    let toml = desk.folder.path().join("tollgate.toml");
    let settings = std::fs::read_to_string(&toml).unwrap();
    let cause = "[[reconciliation.causes]]\nname = \"rent\"\noutcome = \"unknown\"\nkinds = [\"adjustment\"]\ncurrencies = [\"KRW\"]\nat_most = 850\n\
                 class = \"investigate\"\nexplanation = \"The PSP lends us terminals.\"\n";
    std::fs::write(&toml, format!("{settings}{cause}")).unwrap();
    let with_cause = rehearse().await;
    assert_eq!(with_cause["changes"]["causes"], serde_json::json!({ "held_back_or_put_right -> rent": 1 }));
    assert_eq!(with_cause["changes"]["classes"], serde_json::json!({ "manual -> investigate": 1 }));
    assert_eq!(with_cause["changes"]["types"], serde_json::json!({}));

    // A parser that reads a word otherwise, and one that cannot read the file at all.
    std::fs::write(&toml, format!("{settings}\"@kind:adjustment\" = \"refund\"\n")).unwrap();
    let otherwise = rehearse().await;
    assert_eq!(otherwise["changes"]["types"], serde_json::json!({ "unknown -> missing_here": 2 }), "{otherwise}");
    std::fs::write(&toml, settings.replace("gross = \"gross\"", "gross = \"amount\"")).unwrap();
    let refused = rehearse().await;
    assert!(refused["refused"][0]["reason"].as_str().unwrap().starts_with("gross: "), "{refused}");
    assert_eq!(desk.count("select count(*) as n from settlement_lines").await, 3);
    assert_eq!(desk.count("select count(*) as n from breaks").await, 2, "nothing was changed");

    // Only a rehearsal goes over days.
    let earnest = desk.reconcile(&["--from", &day, "--to", &day]).await;
    assert!(!earnest.status.success());
    let backwards = desk.reconcile(&["--from", &day, "--to", "2020-01-01", "--dry-run"]).await;
    assert!(!backwards.status.success());
    desk.gateway.stop().await;
}

async fn a_day_that_was_never_taken_in_is_asked_for_and_not_kept(world: World) {
    let desk = Desk::open(world).await;
    let toml = desk.folder.path().join("tollgate.toml");
    let settings = std::fs::read_to_string(&toml).unwrap();
    let merchant = &desk.gateway.tenant.merchant;
    let asked = format!(
        "[[reconciliation.sources]]\nname = \"asked\"\nformat = \"simulator\"\npsp = \"simulator\"\n\
         merchant = \"{merchant}\"\nzone = \"Asia/Seoul\"\n"
    );
    std::fs::write(&toml, format!("{asked}{settings}")).unwrap();
    for _ in 0..2 {
        desk.gateway.payment_by("approve").await;
    }
    let url = format!("{}/admin/settlements/close", desk.gateway.simulator.base_url().trim_end_matches('/'));
    let closed =
        desk.gateway.http.post(url).bearer_auth(&desk.gateway.simulator_admin_key).json(&serde_json::json!({}));
    let closed: Value = closed.send().await.unwrap().json().await.unwrap();
    let day: jiff::civil::Date = closed["date"].as_str().unwrap().parse().unwrap();
    let before = day.yesterday().unwrap();
    let rehearse = async |days: &[&str], source: &str| -> Value {
        let arguments = [&["reconcile", "--source", source, "--dry-run", "--format", "json"], days].concat();
        serde_json::from_str::<Value>(&said(&desk.tollgate(&arguments).await)).unwrap()["totals"].clone()
    };
    let (day, before) = (day.to_string(), before.to_string());
    let one = rehearse(&["--date", &day], "asked").await;
    assert_eq!((&one["types"]["matched"]["count"], &one["asked"]), (&3.into(), &serde_json::json!([day])), "{one}");
    let days = rehearse(&["--from", &before, "--to", &day], "asked").await;
    assert_eq!(
        (&days["types"]["matched"]["count"], &days["lines"], &days["changes"]["lines_new"]),
        (&3.into(), &3.into(), &3.into())
    );
    assert_eq!(desk.count("select count(*) as n from settlement_files").await, 0, "nothing is kept");
    assert_eq!(desk.count("select count(*) as n from settlement_lines").await, 0);
    // What cannot be asked for is said to be nothing, day by day; so is that of which the PSP tells nothing.
    let none = rehearse(&["--from", &before, "--to", &day], "list").await;
    let reasons: Vec<&str> =
        none["nothing"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 2, "{none}");
    assert!(reasons.iter().all(|reason| reason.contains("nothing of this day was taken in")), "{reasons:?}");
    let future = rehearse(&["--date", "2100-01-01"], "asked").await;
    assert_eq!(
        future["nothing"],
        serde_json::json!([{ "day": "2100-01-01", "reason": "the PSP was asked, and tells nothing of this day" }])
    );
    // Once it is taken in, that is what is rehearsed.
    said(&desk.tollgate(&["reconcile", "--source", "asked", "--date", &day]).await);
    let taken = rehearse(&["--date", &day], "asked").await;
    assert_eq!((&taken["types"]["matched"]["count"], &taken["asked"]), (&3.into(), &serde_json::json!([])), "{taken}");
    desk.gateway.stop().await;
}

async fn a_row_that_was_told_twice_is_not_gone_when_it_is_rehearsed(world: World) {
    let desk = Desk::open(world).await;
    let file = desk.file("twice.csv", &[desk.gateway.payment_by("approve").await]).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let row = text.lines().last().unwrap();
    std::fs::write(&file, format!("{text}{row}\n")).unwrap();
    said(&desk.reconcile(&["--file", text_of(&file)]).await);
    let day = &desk.gateway.app.now().to_string()[..10];
    let days = ["--from", day, "--to", day, "--dry-run", "--format", "json"];
    let run: Value = serde_json::from_str(&said(&desk.reconcile(&days).await)).unwrap();
    let none = serde_json::json!({ "lines_new": 0, "lines_gone": 0, "types": {}, "causes": {}, "classes": {} });
    assert_eq!((&run["totals"]["lines"], &run["totals"]["changes"]), (&2.into(), &none), "{run}");
    desk.gateway.stop().await;
}

async fn a_bar_is_drawn_for_people_alone(world: World) {
    let desk = Desk::open(world).await;
    let file = desk.file("first.csv", &[desk.gateway.payment_by("approve").await]).await;
    let words =
        [env!("CARGO_BIN_EXE_tollgate"), "--config", "tollgate.toml", "reconcile", "--source", "list", "--file"];
    let line = format!("'{}' '{}'", words.join("' '"), text_of(&file));
    // util-linux's `script` gives the program a terminal of its own.
    let mut command = desk.command("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{seen}");
    assert!(seen.contains("\r\u{1b}[K") && seen.contains("reading and checking rows"), "{seen:?}");
    desk.gateway.stop().await;
}

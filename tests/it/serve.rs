//! The real program as an operator runs it: refuses an unsafe start, says how it is, stops without breaking anything off.

use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tollgate::queue::{self, NewJob};
use tollgate::words::random_base62;

use crate::support::{Database, Engine, World, both_databases, eventually};

/// Settings that are fine, on a free port.
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    pub fn new(database_url: &str) -> Self {
        Self(vec![
            ("TOLLGATE_SERVER__LISTEN", format!("127.0.0.1:{}", free_port())),
            ("TOLLGATE_DATABASE__URL", database_url.to_owned()),
            ("TOLLGATE_MASTER_KEY", random_base62(43)),
            ("TOLLGATE_PSP__SIMULATOR__URL", "http://127.0.0.1:9".to_owned()),
            ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", random_base62(24)),
            ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", random_base62(24)),
            ("TOLLGATE_LOG__FORMAT", "json".to_owned()),
        ])
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(arguments).env_clear().envs(self.0.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// For commands that end by themselves.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn address(&self) -> &str {
        &self.0.iter().find(|(name, _)| *name == "TOLLGATE_SERVER__LISTEN").unwrap().1
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The program at work.
pub struct Served {
    address: String,
    process: Child,
    log: tempfile::NamedTempFile,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    pub async fn start(settings: &Settings, arguments: &[&str]) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = settings.command(arguments);
        let process = command.stdout(Stdio::null()).stderr(log.reopen().unwrap()).spawn().unwrap();
        let served = Self { address: settings.address().to_owned(), process, log };
        for _ in 0..400 {
            if reqwest::get(served.url("/readyz")).await.is_ok_and(|answer| answer.status() == 200) {
                return served;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the gateway does not get ready: {}", served.logged());
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn terminate(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Its exit code and everything it logged.
    async fn ended(mut self) -> (i32, String) {
        for _ in 0..600 {
            if let Some(status) = self.process.try_wait().unwrap() {
                return (status.code().unwrap_or(-1), self.logged());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the gateway does not end");
    }
}

fn refusal(settings: &Settings, arguments: &[&str]) -> String {
    let output = settings.run(arguments);
    assert!(!output.status.success(), "it should not have started");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_unsafe_start_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    let sound = || Settings::new(&url);
    let cases = [
        (sound().without("TOLLGATE_MASTER_KEY"), "openssl rand"),
        (sound().with("TOLLGATE_SERVER__LISTEN", "0.0.0.0:0"), "server.tls_certificate"),
        (sound().with("TOLLGATE_PUBLIC_URL", "http://pay.example.com"), "https://"),
        (sound().with("TOLLGATE_DATABASE__URL", "postgres://u:p@db.example.com/t"), "sslmode"),
        (sound().without("TOLLGATE_PSP__SIMULATOR__SECRET_KEY"), "secret_key"),
        (sound().with("TOLLGATE_DATABSE__URL", "sqlite:x"), "databse"),
        (sound().with("TOLLGATE_LOG__LEVEL", "tollgate=loud"), "log.level"),
        (
            sound()
                .with("TOLLGATE_SERVER__TLS_CERTIFICATE", "/nowhere.pem")
                .with("TOLLGATE_SERVER__TLS_KEY", "/nowhere.key"),
            "/nowhere.pem",
        ),
    ];
    for (settings, expected) in cases {
        let said = refusal(&settings, &["serve"]);
        assert!(said.contains(expected), "{expected} is not in: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = sound().with("TOLLGATE_SERVER__LISTEN", &taken.local_addr().unwrap().to_string());
    assert!(refusal(&settings, &["serve"]).contains("in use"));
    assert!(refusal(&sound(), &["--config", "/nowhere.toml", "serve"]).contains("/nowhere.toml"));
}

#[test]
fn config_check_shows_settings_without_secrets_and_fails_on_unsafe_ones() {
    let settings = Settings::new("postgres://u:hush-hush@127.0.0.1/t");
    let output = settings.run(&["config", "check"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("database.url = postgres://u:***@127.0.0.1/t") && !shown.contains("hush"), "{shown}");
    let output = settings.with("TOLLGATE_PUBLIC_URL", "http://pay.example.com").run(&["config", "check"]);
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().contains("public_url"));
}

async fn it_is_ready_counts_and_stops_when_told(world: World) {
    let settings = Settings::new(&world.database_url);
    let job = NewJob { kind: "nothing.done", key: "a", payload: json!({}), run_at: world.now(), tenant: None };
    let mut tx = world.db.begin().await.unwrap();
    queue::enqueue(&mut tx, job).await.unwrap();
    let lease = Duration::from_mins(1);
    let held = queue::claim_one(&mut tx, "nothing.done", "a", world.now(), lease).await.unwrap().unwrap();
    queue::bury(&mut tx, &held, world.now(), "no").await.unwrap();
    tx.commit().await.unwrap();
    let served = Served::start(&settings, &["serve"]).await;
    let client = reqwest::Client::new();

    assert_eq!(client.get(served.url("/healthz")).send().await.unwrap().status(), 200);
    let ready: serde_json::Value = client.get(served.url("/readyz")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&ready["database"], &ready["worker"]), (&"ok".into(), &"ok".into()));

    let metrics = client.get(served.url("/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
    let text = metrics.text().await.unwrap();
    assert!(text.contains("tollgate_http_requests_total{"), "{text}");
    let measured = async || {
        let text = client.get(served.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let ages = ["tollgate_dead_job_age_seconds{kind=\"nothing.done\"} ", "tollgate_unknown_attempt_age_seconds 0"];
        ages.iter().all(|age| text.contains(age)).then_some(())
    };
    eventually("the age of what waits for a person is told", measured).await;
    // Through a proxy on this machine everybody would come from this machine.
    let proxied = client.get(served.url("/metrics")).header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
    assert_eq!(proxied.status(), 404);

    served.terminate();
    let (code, log) = served.ended().await;
    assert_eq!(code, 0, "{log}");
    for line in log.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).expect("a log line is JSON");
    }
    assert!(log.contains("\"request_id\":\"req_"), "{log}");
}

async fn metrics_with_a_token_need_it(world: World) {
    let token = random_base62(32);
    let settings = Settings::new(&world.database_url).with("TOLLGATE_METRICS__TOKEN", &token);
    let served = Served::start(&settings, &["serve"]).await;
    let client = reqwest::Client::new();
    let status = async |bearer: &str| {
        client.get(served.url("/metrics")).bearer_auth(bearer).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&token).await, 200);
    assert_eq!(status(&random_base62(32)).await, 404);
    assert_eq!(client.get(served.url("/metrics")).send().await.unwrap().status(), 404);
}

async fn a_request_in_flight_is_answered_although_the_end_has_come(world: World) {
    let served = Served::start(&Settings::new(&world.database_url), &["serve"]).await;
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    // Half a request is under way when the signal comes.
    let body = "{}";
    let head = format!(
        "POST /v1/sellers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..1]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    served.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(&served.address).await.is_err(), "new connections are refused");
    stream.write_all(&body.as_bytes()[1..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(served.ended().await.0, 0);
}

async fn a_request_that_never_ends_does_not_keep_it_from_ending(world: World) {
    let settings = Settings::new(&world.database_url).with("TOLLGATE_SERVER__SHUTDOWN_SECONDS", "1");
    let served = Served::start(&settings, &["serve"]).await;
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    stream.write_all(b"POST /v1/sellers HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    served.terminate();
    let told = std::time::Instant::now();
    assert_eq!(served.ended().await.0, 0);
    assert!(told.elapsed() < Duration::from_secs(6), "{:?}", told.elapsed());
}

both_databases!(
    a_request_that_never_ends_does_not_keep_it_from_ending,
    it_is_ready_counts_and_stops_when_told,
    metrics_with_a_token_need_it,
    a_request_in_flight_is_answered_although_the_end_has_come,
);

#[tokio::test]
async fn an_empty_postgresql_is_not_changed_unasked_and_several_processes_may_migrate_at_once() {
    let database = Database::empty(Engine::Postgres).await;
    let said = refusal(&Settings::new(&database.url), &["serve"]);
    assert!(said.contains("tollgate migrate"), "{said}");

    let (one, two) = (Settings::new(&database.url), Settings::new(&database.url));
    let (one, two) =
        tokio::join!(Served::start(&one, &["serve", "--migrate"]), Served::start(&two, &["serve", "--migrate"]));
    for served in [&one, &two] {
        assert_eq!(reqwest::get(served.url("/readyz")).await.unwrap().status(), 200);
    }
    for served in [one, two] {
        served.terminate();
        assert_eq!(served.ended().await.0, 0);
    }
    assert!(Settings::new(&database.url).run(&["migrate"]).status.success());
    database.remove().await;
}

//! The gateway and the stand-in PSP, each a process of its own, and a merchant with a key.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tollgate::db::GATEWAY;
use tollgate::merchants;
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::words::{Clock, Mode, SystemClock, Tenant, random_base62};

use super::server::Store;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tollgate");

pub struct Town {
    pub gateway: String,
    pub key: String,
    pub http: reqwest::Client,
    processes: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Town {
    pub async fn build(store: &Store) -> Self {
        store.insist_on_disk().await;
        let key = admit(store).await;
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (gateway, psp) = (free_port(), free_port());
        let secrets: [String; 4] = std::array::from_fn(|_| random_base62(48));
        let [master, psp_key, psp_admin, webhook] = &secrets;
        let simulator = Command::new(PROGRAM)
            .arg("psp-simulator")
            .args(["--listen", &format!("127.0.0.1:{psp}"), "--public-url", &format!("http://localhost:{psp}")])
            .args(["--webhook-url", &format!("http://localhost:{gateway}/psp/simulator/webhooks")])
            .args(["--parent-origin", &format!("http://localhost:{gateway}")])
            .arg("--data")
            .arg(folder.path().join("psp.db"))
            .env("TOLLGATE_SIMULATOR_SECRET_KEY", psp_key)
            .env("TOLLGATE_SIMULATOR_ADMIN_KEY", psp_admin)
            .env("TOLLGATE_SIMULATOR_WEBHOOK_SECRET", webhook)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Command::new(PROGRAM)
            .arg("serve")
            .env("TOLLGATE_DATABASE__URL", store.url())
            .env("TOLLGATE_DATABASE__MIGRATE", "true")
            .env("TOLLGATE_PUBLIC_URL", format!("http://localhost:{gateway}"))
            .env("TOLLGATE_MASTER_KEY", master)
            .env("TOLLGATE_SERVER__LISTEN", format!("127.0.0.1:{gateway}"))
            .env("TOLLGATE_PSP__SIMULATOR__URL", format!("http://localhost:{psp}"))
            .env("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", psp_key)
            .env("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", webhook)
            .env("TOLLGATE_LOG__LEVEL", "warn")
            .current_dir(folder.path())
            // It greets whoever reads its output, for example with the first password of the console.
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let town = Self {
            gateway: format!("http://localhost:{gateway}"),
            key,
            http: reqwest::Client::builder().pool_max_idle_per_host(256).build().unwrap(),
            processes: vec![serving, simulator],
            _folder: folder,
        };
        town.wait_for(&format!("{}/readyz", town.gateway)).await;
        town.wait_for(&format!("http://localhost:{psp}/healthz")).await;
        town
    }

    async fn wait_for(&self, address: &str) {
        for _ in 0..200 {
            if self.http.get(address).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{address} does not answer");
    }

    pub async fn stop(mut self) {
        self.end();
        // What was in flight is written.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    fn end(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.end();
    }
}

/// A merchant and its secret key.
async fn admit(store: &Store) -> String {
    let db = store.open(2).await;
    db.migrate(&GATEWAY).await.unwrap();
    let now = SystemClock.now();
    let mut tx = db.begin().await.unwrap();
    let merchant = merchants::create(&mut tx, "Bench", now).await.unwrap();
    let tenant = Tenant::new(merchant.id, Mode::Test);
    let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
    let issued = keys::issue(&mut tx, &tenant, new, now).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    issued.token.expose().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

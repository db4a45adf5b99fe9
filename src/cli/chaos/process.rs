//! The real program as a child process that can be killed at any moment.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::outbound::{Call, Door};
use anyhow::{Context as _, bail};

/// How long a start may take, on a machine that has much else to do.
const START: Duration = Duration::from_mins(1);

/// One gateway, running or not.
#[derive(Debug)]
pub struct Process {
    url: String,
    settings: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Not started yet. `url` is where it will listen.
    pub fn new(url: String, settings: Vec<(String, String)>, log: PathBuf) -> Self {
        Self { url, settings, log, child: None }
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self, door: &Door) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).context("a gateway's log")?;
        let mut command = Command::new(std::env::current_exe().context("where this program is")?);
        command.args(["serve", "--migrate"]).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().context("cannot start a gateway")?);
        let ready = format!("{}/readyz", self.url);
        let asking = async {
            loop {
                let call = Call { timeout: Duration::from_secs(2), ..Call::new(reqwest::Method::GET, &ready) };
                if door.send(call).await.is_ok_and(|answer| answer.status.is_success()) {
                    return Ok(());
                }
                if let Some(ended) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                    bail!("a gateway ended by itself at its start ({ended}): see {}", self.log.display());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(START, asking).await.context("a gateway does not get ready")?
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("cannot kill a gateway")?;
            child.wait().context("cannot see a gateway's end")?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

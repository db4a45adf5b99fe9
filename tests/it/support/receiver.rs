//! A merchant's webhook receiver in another language, in a process of its own, using the official library.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::source;

#[derive(Debug, Clone, Copy)]
pub enum Language {
    Node,
    Python,
}

pub struct Receiver {
    pub url: String,
    input: ChildStdin,
    output: UnboundedReceiver<String>,
    child: Child,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Receiver {
    pub async fn start(language: Language) -> Self {
        let oracles = source::root().join("tests/oracles");
        let (program, script) = match language {
            Language::Node => (PathBuf::from("node"), "receiver.mjs"),
            Language::Python => (oracles.join(".venv/bin/python"), "receiver.py"),
        };
        let mut child = Command::new(&program)
            .arg(oracles.join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `scripts/test it` sets it up", program.display()));
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (heard, output) = unbounded_channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| heard.send(line)));
        let mut receiver = Self { url: String::new(), input, output, child };
        let port = receiver.line().await["port"].as_u64().unwrap();
        receiver.url = format!("http://127.0.0.1:{port}/webhooks");
        receiver
    }

    /// From now on checks with these secrets and gives these answers in turn, the last one for ever.
    pub async fn plan(&mut self, secrets: &[&str], answers: &[u16]) {
        let line = json!({"secrets": secrets, "answers": answers}).to_string() + "\n";
        self.input.write_all(line.as_bytes()).unwrap();
        assert_eq!(self.line().await["ready"], true);
    }

    /// The next request it got.
    pub async fn next(&mut self) -> Value {
        self.line().await
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(30), self.output.recv()).await;
        let line = line.expect("the receiver hears something within 30 seconds");
        serde_json::from_str(&line.expect("the receiver is alive; `scripts/test it` sets up what it needs")).unwrap()
    }
}

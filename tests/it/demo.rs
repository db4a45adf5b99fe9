//! The demo: one scripted purchase, a second start on the same data, and the tour of the README, as a reader would run them.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::source;

fn tollgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.stdin(Stdio::null());
    command
}

#[test]
fn one_purchase_is_seen_step_by_step() {
    let output = tollgate().args(["demo", "--once"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for step in
        ["session", "token", "confirm", "webhook in", "ledger line", "wallet", "webhook out", "reconciled", "integrity"]
    {
        assert!(text.lines().any(|line| line.contains(step)), "{step} is missing in:\n{text}");
    }
}

#[test]
fn a_purchase_that_cannot_be_made_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let once = || -> Output { tollgate().args(["demo", "--once", "--data"]).arg(folder.path()).output().unwrap() };
    assert!(once().status.success());
    let path = folder.path().join("keys.json");
    let mut kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    kept["merchant"]["secret_key"] = "sk_test_nobody".into();
    std::fs::write(&path, kept.to_string()).unwrap();
    let output = once();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("401"));
}

/// A demo that runs until it is dropped.
struct Demo(Child);

impl Demo {
    fn start(data: &Path) -> (Self, Value) {
        let mut command = tollgate();
        command.args(["demo", "--ports", "0", "--print-json", "--data"]).arg(data);
        let demo = Self(command.stdout(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let facts = std::fs::read_to_string(data.join("demo.json")).unwrap_or_default();
            if let Ok(facts) = serde_json::from_str(&facts) {
                return (demo, facts);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the demo does not start");
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_start_finds_the_data_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, first) = Demo::start(folder.path());
    demo.stop();
    assert!(!folder.path().join("demo.json").exists(), "the addresses are nobody's any more");
    let (demo, second) = Demo::start(folder.path());
    for kept in ["merchant", "secret_key", "sellers", "console_password", "psp_admin_key"] {
        assert!(!first[kept].is_null(), "{kept}");
        assert_eq!(first[kept], second[kept], "{kept}");
    }
    // Its first endpoint was at another port: it has moved, and there is still one.
    let api = format!("{}/v1/webhook_endpoints", second["gateway_tls"].as_str().unwrap());
    let output = Command::new("curl")
        .args(["-sS", "--fail", "--cacert", second["authority"].as_str().unwrap(), &api, "-H"])
        .arg(format!("Authorization: Bearer {}", second["secret_key"].as_str().unwrap()))
        .output()
        .unwrap();
    let endpoints: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(endpoints["data"].as_array().unwrap().len(), 1, "{endpoints}");
    demo.stop();
}

/// The shell blocks between the tour's markers in the README.
fn tour() -> String {
    let readme = std::fs::read_to_string(source::root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- tour -->").expect("the tour begins with a marker");
    let (tour, _) = rest.split_once("<!-- /tour -->").expect("the tour ends with a marker");
    tour.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_readmes_tour_works_when_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, _) = Demo::start(&folder.path().join("data"));
    let output =
        Command::new("bash").args(["-euo", "pipefail", "-c", &tour()]).current_dir(folder.path()).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    for seen in [
        "\"object\":\"checkout.session\"",
        "idempotent-replayed",
        "idempotency_key_reused",
        "\"object\":\"integrity\"",
        "lose_response",
    ] {
        assert!(text.to_lowercase().contains(seen), "{seen} is not in:\n{text}\n{errors}");
    }
    demo.stop();
}

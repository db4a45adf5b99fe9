//! Settings: file, environment, wrong keys, and what is shown of them.

use std::collections::BTreeSet;
use std::path::Path;

use tollgate::config::retry::Pace;
use tollgate::config::{Config, load, variable};

use crate::support::source;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn toml(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = toml(
        "public_url = \"https://pay.example.com\"\n[database]\nurl = \"sqlite:a.db\"\nconnections = 3\n[server]\nlisten = \"127.0.0.1:9000\"\n",
    );
    let config = load(
        Some(file.path()),
        environment(&[
            ("TOLLGATE_DATABASE__URL", "sqlite:b.db"),
            ("TOLLGATE_SERVER__ALLOW_PLAIN_HTTP", "true"),
            ("TOLLGATE_DATABASE__MIGRATE", "false"),
            ("TOLLGATE_WEBHOOKS__PORTS", "8443, 9443"),
            ("TOLLGATE_PSP__SIMULATOR__URL", "http://localhost:8090"),
            ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", "0123456789"),
            ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", "1e5"),
            ("TOLLGATE_CONFIG", "not a setting"),
            ("HOME", "/nowhere"),
        ]),
    )
    .unwrap();
    assert_eq!(config.database.url.expose(), "sqlite:b.db");
    assert_eq!(config.database.connections, 3);
    assert_eq!(config.database.migrate, Some(false));
    assert_eq!(config.server.listen.port(), 9000);
    assert!(config.server.allow_plain_http);
    assert_eq!(config.server.shutdown_seconds, Config::default().server.shutdown_seconds);
    assert_eq!(config.webhooks.ports, [8443, 9443]);
    // A secret that looks like a number stays the text it is.
    let simulator = config.psp.simulator.unwrap();
    assert_eq!(
        (simulator.secret_key.expose().as_str(), simulator.webhook_secret.expose().as_str()),
        ("0123456789", "1e5")
    );
}

#[test]
fn what_is_tried_again_is_set_number_by_number() {
    let file = toml(
        "[retry.jobs]\ntries = 5\n[psp.simulator]\nurl = \"http://localhost:8090\"\nsecret_key = \"x\"\nwebhook_secret = \"x\"\n\
         [psp.simulator.retry.confirm]\npace = \"never\"\n",
    );
    let config = load(Some(file.path()), environment(&[("TOLLGATE_RETRY__REFUND__FIRST_MS", "7000")])).unwrap();
    let usual = Config::default().retry;
    assert_eq!((config.retry.jobs.tries, config.retry.jobs.cap_ms), (5, usual.jobs.cap_ms));
    let here = config.retries_at("simulator");
    assert_eq!((here.confirm.pace, here.confirm.first_ms), (Pace::Never, usual.confirm.first_ms));
    assert_eq!((here.refund.first_ms, here.refund.pace), (7000, usual.refund.pace));
    assert_eq!(config.retries_at("another").confirm, usual.confirm);
    let wrong = "[retry.confirm]\npace = \"sometimes\"\n";
    let error = load(Some(toml(wrong).path()), []).unwrap_err().to_string();
    assert!(error.contains("retry.confirm"), "{error}");
}

#[test]
fn what_is_tried_again_may_differ_by_what_went_wrong() {
    let file = toml(
        "[retry.refund.on.busy]\npace = \"fixed\"\nfirst_ms = 60000\n[psp.simulator]\nurl = \"http://localhost:8090\"\nsecret_key = \"x\"\n\
         webhook_secret = \"x\"\n[psp.simulator.retry.refund.on.unclear]\ntries = 2\n",
    );
    let config = load(Some(file.path()), environment(&[("TOLLGATE_RETRY__REFUND__ON__BUSY__TRIES", "9")])).unwrap();
    let (usual, here) = (Config::default().retry.refund, config.retries_at("simulator").refund);
    assert_eq!(here.unreachable(), here);
    assert_eq!((here.busy().pace, here.busy().first_ms, here.busy().tries), (Pace::Fixed, 60_000, 9));
    assert_eq!((here.unclear().pace, here.unclear().tries), (usual.pace, 2));
    assert_eq!(config.retries_at("another").refund.unclear().tries, usual.tries);
    for (text, told) in [
        ("[retry.refund.on.declined]\ntries = 2\n", "declined"),
        ("[retry.refund.on.busy]\non = 2\n", "on"),
        ("[psp.simulator.retry.jobs]\ntries = 2\n", "jobs"),
    ] {
        let error = load(Some(toml(text).path()), []).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn an_unknown_key_is_named_wherever_it_stands() {
    for (text, key) in [
        ("[database]\nurll = \"x\"\n", "urll"),
        ("colour = 1\n", "colour"),
        ("[psp.strip]\nkey = \"x\"\n", "strip"),
        ("[retry.jobs]\ntry = 1\n", "try"),
    ] {
        let error = load(Some(toml(text).path()), []).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
    let error = load(None, environment(&[("TOLLGATE_DATABASE__URLL", "x")])).unwrap_err().to_string();
    assert!(error.contains("urll") && error.contains("database"), "{error}");
}

#[test]
fn a_wrong_value_is_named_but_not_repeated() {
    let error = load(Some(toml("[server]\nlisten = \"hush-hush\"\n").path()), []).unwrap_err().to_string();
    assert!(error.contains("server.listen"), "{error}");
    let error = load(Some(toml("[database]\nconnections = \"hush-hush\"\n").path()), []).unwrap_err().to_string();
    assert!(error.contains("database.connections") && !error.contains("hush-hush"), "{error}");
    assert!(load(Some(Path::new("/nowhere/tollgate.toml")), []).unwrap_err().to_string().contains("--config"));
}

#[test]
fn secrets_are_not_shown() {
    let config = load(
        None,
        environment(&[
            ("TOLLGATE_MASTER_KEY", "hush-master"),
            ("TOLLGATE_METRICS__TOKEN", "hush-token"),
            ("TOLLGATE_DATABASE__URL", "postgres://tollgate:hush-database@db/t?password=hush-query"),
            ("TOLLGATE_PSP__SIMULATOR__URL", "http://localhost:8090"),
            ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", "hush-psp"),
            ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", "hush-webhook"),
        ]),
    )
    .unwrap();
    let shown = format!("{:?} {config:?}", config.entries());
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("postgres://tollgate:***@db/t"), "{shown}");
}

/// Every key there is, with the PSP's that have no default.
fn keys() -> BTreeSet<String> {
    let config = load(
        None,
        environment(&[
            ("TOLLGATE_PSP__SIMULATOR__URL", "http://localhost:8090"),
            ("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", "x"),
            ("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", "x"),
        ]),
    )
    .unwrap();
    config.entries().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_readme_lists_every_key_and_no_other() {
    let readme = std::fs::read_to_string(source::root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- settings -->").expect("the table begins with a marker");
    let (table, _) = rest.split_once("<!-- /settings -->").expect("the table ends with a marker");
    let listed: BTreeSet<String> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned)).collect();
    // A limit per currency is one setting, and so are the five numbers of a pace.
    let real: BTreeSet<String> = keys()
        .into_iter()
        .map(|key| match key.split('.').collect::<Vec<_>>()[..] {
            [group @ ("risk" | "retry"), rule, ..] => format!("{group}.{rule}"),
            _ => key,
        })
        .collect();
    assert_eq!(listed, real);
    assert_eq!(variable("database.url"), "TOLLGATE_DATABASE__URL");
}

//! What a gateway must not start with. Every complaint names the setting and says what to do.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Config, Database, PspRetries, Server, SimulatorPsp};
use crate::words::Secret;

/// Characters of the master key, when they are random enough.
const MASTER_KEY_LENGTH: usize = 32;
/// Other secrets.
const SECRET_LENGTH: usize = 16;
/// More connections than a PostgreSQL server gives away.
const MOST_CONNECTIONS: u32 = 500;

impl Config {
    /// Every reason not to start, as sentences; empty when all is well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        master_key(&self.master_key, &mut found);
        public_url(&self.public_url, &mut found);
        server(&self.server, &mut found);
        database(&self.database, &mut found);
        match &self.psp.simulator {
            Some(simulator) => psp(simulator, &mut found),
            None => found.push(
                "no PSP is configured: set psp.simulator.url, psp.simulator.secret_key and \
                 psp.simulator.webhook_secret (start the stand-in PSP with `tollgate psp-simulator`)"
                    .to_owned(),
            ),
        }
        found.extend(self.retry.complaints("retry"));
        if let Some(simulator) = self.psp.simulator.as_ref().filter(|it| it.retry != PspRetries::default()) {
            found.extend(self.retry.at(&simulator.retry).complaints("psp.simulator.retry"));
        }
        if let Err(complaint) = self.risk.check() {
            found.push(format!("risk.{complaint}"));
        }
        found.extend(self.reconciliation_complaints());
        if let Some(token) = &self.metrics.token {
            long_enough("metrics.token", token, &mut found);
        }
        found
    }

    /// Every reason not to reconcile, as sentences.
    #[must_use]
    pub fn reconciliation_complaints(&self) -> Vec<String> {
        let psps: Vec<&str> = self.psp.simulator.iter().map(|_| "simulator").collect();
        [self.reconciliation.source_complaints(&psps), self.reconciliation.cause_complaints()].concat()
    }

    /// What an operator should know of and may still want.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let public = !is_loopback(&self.public_url);
        if public && self.psp.simulator.is_some() {
            found.push("psp.simulator moves no money: it is for trying things out".to_owned());
        }
        if public && self.webhooks.allow_private_networks {
            found.push(
                "webhooks.allow_private_networks lets merchants send requests into this machine's own network"
                    .to_owned(),
            );
        }
        if public && self.server.allow_plain_http {
            found.push(
                "server.allow_plain_http: make sure that only the proxy in front can reach this address".to_owned(),
            );
        }
        found
    }
}

fn master_key(key: &Secret<String>, found: &mut Vec<String>) {
    let text = key.expose();
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if text.is_empty() {
        found.push(
            "master_key is not set: make one with `openssl rand -base64 32` and keep it with your backups".to_owned(),
        );
    } else if text.len() < MASTER_KEY_LENGTH || distinct.len() < 10 {
        found.push(format!(
            "master_key is too weak ({} characters, {} different ones): make one with `openssl rand -base64 32`",
            text.len(),
            distinct.len()
        ));
    }
}

fn public_url(url: &Url, found: &mut Vec<String>) {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => found.push(format!(
            "public_url {url} is not https: shoppers' browsers must reach the checkout page over TLS (also when a proxy \
             in front of Tollgate speaks it); write https://"
        )),
        other => found.push(format!("public_url begins with {other}: write https://your.host")),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        found.push(format!("public_url {url} has a path: give Tollgate a host name of its own and write only that"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        found.push("public_url holds a user name: shoppers would see it; take it out".to_owned());
    }
}

fn server(server: &Server, found: &mut Vec<String>) {
    match (&server.tls_certificate, &server.tls_key) {
        (Some(_), None) => {
            found.push("server.tls_certificate is set but server.tls_key is not: set both, or neither".to_owned());
        }
        (None, Some(_)) => {
            found.push("server.tls_key is set but server.tls_certificate is not: set both, or neither".to_owned());
        }
        (None, None) if !server.listen.ip().is_loopback() && !server.allow_plain_http => found.push(format!(
            "server.listen {} can be reached from other machines without TLS: set server.tls_certificate and \
             server.tls_key, or listen on 127.0.0.1, or set server.allow_plain_http = true when a proxy in front speaks TLS",
            server.listen
        )),
        _ => {}
    }
    if server.shutdown_seconds == 0 || server.shutdown_seconds > 3600 {
        found.push("server.shutdown_seconds must lie between 1 and 3600".to_owned());
    }
}

fn database(database: &Database, found: &mut Vec<String>) {
    let text = database.url.expose();
    if !(1..=MOST_CONNECTIONS).contains(&database.connections) {
        found.push(format!("database.connections must lie between 1 and {MOST_CONNECTIONS}"));
    }
    if let Some(path) = text.strip_prefix("sqlite:") {
        if path.contains(":memory:") || path.contains("mode=memory") || path.trim_start_matches('/').is_empty() {
            found.push("database.url keeps the books in memory, where a restart loses them: name a file".to_owned());
        }
        return;
    }
    let Some(url) = Url::parse(text).ok().filter(|it| matches!(it.scheme(), "postgres" | "postgresql")) else {
        found.push(
            "database.url is neither sqlite:<path> nor postgres://user:password@host/database: correct it".to_owned(),
        );
        return;
    };
    let encrypted = url.query_pairs().any(|(name, value)| {
        matches!(&*name, "sslmode" | "ssl-mode") && matches!(&*value, "require" | "verify-ca" | "verify-full")
    });
    if !encrypted && !database.allow_plaintext && !is_local_postgres(&url) {
        found.push(
            "database.url names another machine without asking for TLS: add ?sslmode=verify-full (or require), or set \
             database.allow_plaintext = true when the network between is yours alone"
                .to_owned(),
        );
    }
}

fn psp(simulator: &SimulatorPsp, found: &mut Vec<String>) {
    let url = &simulator.url;
    if !matches!(url.scheme(), "http" | "https") || (url.scheme() == "http" && !is_loopback(url)) {
        found.push(format!("psp.simulator.url {url} would carry card tokens in the clear: write https://"));
    }
    long_enough("psp.simulator.secret_key", &simulator.secret_key, found);
    long_enough("psp.simulator.webhook_secret", &simulator.webhook_secret, found);
}

fn long_enough(name: &str, secret: &Secret<String>, found: &mut Vec<String>) {
    let length = secret.expose().len();
    if length < SECRET_LENGTH {
        found.push(format!("{name} has {length} characters, it needs at least {SECRET_LENGTH} random ones"));
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A socket in the file system counts as local, and a `host` in the query wins as it does in libpq.
fn is_local_postgres(url: &Url) -> bool {
    let named =
        url.query_pairs().find(|(name, _)| name == "host" || name == "hostaddr").map(|(_, value)| value.into_owned());
    let host = named.unwrap_or_else(|| url.host_str().unwrap_or_default().replace("%2F", "/").replace("%2f", "/"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.is_empty()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::random_base62;

    fn sound() -> Config {
        let mut config = Config { master_key: Secret::new(random_base62(43)), ..Config::default() };
        config.psp.simulator = Some(SimulatorPsp {
            url: Url::parse("http://127.0.0.1:9").unwrap(),
            secret_key: Secret::new(random_base62(20)),
            webhook_secret: Secret::new(random_base62(20)),
            retry: PspRetries::default(),
        });
        config
    }

    fn complaint(change: impl FnOnce(&mut Config)) -> String {
        let mut config = sound();
        change(&mut config);
        config.complaints().join("\n")
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_sound_configuration_is_accepted_and_a_bare_one_is_told_what_is_missing() {
        assert_eq!(sound().complaints(), Vec::<String>::new());
        let bare = Config::default().complaints().join("\n");
        assert!(bare.contains("master_key is not set") && bare.contains("no PSP is configured"), "{bare}");
    }

    #[test]
    fn the_master_key_must_be_long_and_varied() {
        assert!(complaint(|it| it.master_key = Secret::new(random_base62(31))).contains("too weak"));
        assert!(complaint(|it| it.master_key = Secret::new("ab".repeat(40))).contains("too weak"));
    }

    #[test]
    fn plain_http_is_for_loopback_or_for_who_insists() {
        let open = |it: &mut Config| it.server.listen = "0.0.0.0:8080".parse().unwrap();
        assert!(complaint(open).contains("server.listen"));
        assert_eq!(
            complaint(|it| {
                open(it);
                it.server.allow_plain_http = true;
            }),
            ""
        );
        assert_eq!(
            complaint(|it| {
                open(it);
                it.server.tls_certificate = Some("a".into());
                it.server.tls_key = Some("b".into());
            }),
            ""
        );
        assert!(complaint(|it| it.server.tls_key = Some("b".into())).contains("set both"));
        assert!(complaint(|it| it.server.tls_certificate = Some("b".into())).contains("set both"));
    }

    #[test]
    fn shoppers_are_never_sent_to_plain_http_elsewhere() {
        for wrong in
            ["http://pay.example.com", "ftp://pay.example.com", "https://example.com/pay", "https://a:b@example.com"]
        {
            assert!(complaint(|it| it.public_url = url(wrong)).contains("public_url"), "{wrong}");
        }
        for right in ["https://pay.example.com", "http://127.0.0.1:80", "http://[::1]:8080", "http://shop.localhost"] {
            assert_eq!(complaint(|it| it.public_url = url(right)), "", "{right}");
        }
    }

    #[test]
    fn a_database_elsewhere_is_reached_over_tls() {
        for wrong in [
            "postgres://u:p@db.example.com/t",
            "postgres://u:p@10.0.0.5/t?sslmode=prefer",
            "postgres://localhost/t?host=db.example.com",
            "mysql://localhost/t",
            "tollgate.db",
            "sqlite::memory:",
            "sqlite:",
        ] {
            assert!(complaint(|it| it.database.url = Secret::new(wrong.into())).contains("database.url"), "{wrong}");
        }
        for right in [
            "postgres://u:p@db.example.com/t?sslmode=verify-full",
            "postgres://u:p@127.0.0.1:5433/t",
            "postgresql://u@localhost/t",
            "postgres://%2Fvar%2Frun%2Fpostgresql/t",
            "postgres:///t?host=/var/run/postgresql",
            "sqlite:data/tollgate.db",
        ] {
            assert_eq!(complaint(|it| it.database.url = Secret::new(right.into())), "", "{right}");
        }
        let elsewhere = |it: &mut Config| it.database.url = Secret::new("postgres://db.example.com/t".into());
        assert_eq!(
            complaint(|it| {
                elsewhere(it);
                it.database.allow_plaintext = true;
            }),
            ""
        );
    }

    #[test]
    fn sources_and_causes_of_reconciliation_must_mean_something() {
        let source = |change: serde_json::Value| {
            let mut settings =
                serde_json::json!({ "name": "list", "format": "csv", "psp": "simulator", "merchant": "m" });
            settings.as_object_mut().unwrap().append(&mut change.as_object().unwrap().clone());
            let source = serde_json::from_value(settings).unwrap();
            complaint(|it| it.reconciliation.sources.push(source))
        };
        assert_eq!(source(serde_json::json!({})), "");
        for (change, about) in [
            (serde_json::json!({ "name": "My list" }), "the name"),
            (serde_json::json!({ "psp": "simulater" }), "simulater"),
            (serde_json::json!({ "zone": "Asia/Soul" }), "zone"),
            (serde_json::json!({ "at": "5:00" }), "at \"5:00\""),
            (serde_json::json!({ "cutoff": "24:00" }), "cutoff"),
            (serde_json::json!({ "fee_at_most": { "KRW": "0.5" } }), "fee_at_most"),
            (serde_json::json!({ "fee": { "fixed": { "EURO": "1.00" } } }), "fee.fixed"),
            (serde_json::json!({ "format": "camt053", "also_psps": ["simulater"] }), "simulater"),
            (
                serde_json::json!({ "format": "camt053", "also_psps": ["simulator"] }),
                "named twice in psp and also_psps",
            ),
            (serde_json::json!({ "also_psps": ["simulator"] }), "also_psps of list is for a bank"),
        ] {
            assert!(source(change).contains(about), "{about}");
        }
        let twice: crate::config::reconciliation::Source = serde_json::from_value(
            serde_json::json!({ "name": "list", "format": "csv", "psp": "simulator", "merchant": "m" }),
        )
        .unwrap();
        assert!(complaint(|it| it.reconciliation.sources = vec![twice.clone(), twice]).contains("named twice"));

        let cause = |change: serde_json::Value| {
            let mut settings =
                serde_json::json!({ "name": "rent", "outcome": "unknown", "class": "manual", "explanation": "Rent." });
            settings.as_object_mut().unwrap().append(&mut change.as_object().unwrap().clone());
            let cause = serde_json::from_value(settings).unwrap();
            complaint(|it| it.reconciliation.causes.push(cause))
        };
        assert_eq!(cause(serde_json::json!({ "kinds": ["adjustment", "unknown:levy"] })), "");
        for (change, about) in [
            (serde_json::json!({ "kinds": ["ajustment"] }), "ajustment"),
            (serde_json::json!({ "sources": ["liste"] }), "liste"),
            (serde_json::json!({ "currencies": ["WON"] }), "WON"),
            (serde_json::json!({ "circumstances": ["odd"] }), "odd"),
            (serde_json::json!({ "at_most": 500 }), "minor units"),
            (serde_json::json!({ "explanation": " " }), "explanation"),
            (serde_json::json!({ "explanation": "x".repeat(501) }), "explanation"),
            (
                serde_json::json!({ "outcome": "missing_at_psp", "class": "automatic", "repair": "book_fee" }),
                "cannot be automatic",
            ),
        ] {
            assert!(cause(change).contains(about), "{about}");
        }
    }

    #[test]
    fn psp_credentials_must_be_there_and_must_not_travel_in_the_clear() {
        let psp = |change: fn(&mut SimulatorPsp)| complaint(|it| it.psp.simulator.iter_mut().for_each(change));
        assert!(psp(|it| it.secret_key = Secret::new(String::new())).contains("psp.simulator.secret_key"));
        assert!(psp(|it| it.webhook_secret = Secret::new("short".into())).contains("psp.simulator.webhook_secret"));
        assert!(psp(|it| it.url = url("http://psp.example.com")).contains("psp.simulator.url"));
        assert_eq!(psp(|it| it.url = url("https://psp.example.com")), "");
        assert!(complaint(|it| it.metrics.token = Some(Secret::new("short".into()))).contains("metrics.token"));
    }
}

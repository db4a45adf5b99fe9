//! Decides whether a URL, and later the address behind it, may be contacted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::is_public;

/// Longest URL that is accepted.
const MAX_URL: usize = 2048;

/// Why a URL is refused. The text is meant for the merchant who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not an absolute URL with a host.
    #[error("must be an absolute URL such as https://shop.example/webhooks, at most 2048 characters")]
    NotAUrl,
    /// Another scheme.
    #[error("must begin with https://")]
    NotHttps,
    /// `https://name:password@host`.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// A port that is not allowed.
    #[error("must use port 443")]
    Port,
    /// The host is, or resolves to, an address outside the public internet.
    #[error("must lead to a public internet address")]
    PrivateAddress,
}

/// The rules of one door.
#[derive(Debug, Clone)]
pub struct Guard {
    private: bool,
    loopback_http: bool,
    remote_http: bool,
    /// `None`: any port.
    ports: Option<Arc<[u16]>>,
}

impl Guard {
    /// For hosts the operator configured: any address; plain HTTP on loopback, or wherever the
    /// operator opened private networks.
    pub fn for_configured_hosts(allow_private: bool) -> Self {
        Self { private: true, loopback_http: true, remote_http: allow_private, ports: None }
    }

    /// For hosts that a merchant named. `ports` are allowed besides 443.
    pub fn for_strangers(allow_private: bool, ports: &[u16]) -> Self {
        Self {
            private: allow_private,
            loopback_http: allow_private,
            remote_http: false,
            ports: (!allow_private).then(|| ports.into()),
        }
    }

    /// Checks everything about a URL that can be told without the network. Names are checked
    /// again, by their address, when the connection is made.
    pub fn check(&self, text: &str) -> Result<Url, Refusal> {
        if text.len() > MAX_URL {
            return Err(Refusal::NotAUrl);
        }
        // The WHATWG parser turns odd spellings of an address (0x7f.1, 2130706433) into the address.
        let url = Url::parse(text).map_err(|_| Refusal::NotAUrl)?;
        let host = url.host().ok_or(Refusal::NotAUrl)?;
        let loopback = is_loopback(&host);
        match url.scheme() {
            "https" => {}
            "http" if self.remote_http || (self.loopback_http && loopback) => {}
            _ => return Err(Refusal::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        if let (Some(allowed), Some(port)) = (&self.ports, url.port_or_known_default())
            && port != 443
            && !allowed.contains(&port)
        {
            return Err(Refusal::Port);
        }
        let reachable = self.private
            || match host {
                Host::Ipv4(v4) => is_public(v4.into()),
                Host::Ipv6(v6) => is_public(v6.into()),
                Host::Domain(_) => !loopback,
            };
        if reachable { Ok(url) } else { Err(Refusal::PrivateAddress) }
    }

    fn admits(&self, address: IpAddr) -> bool {
        self.private || is_public(address)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(v4) => v4.is_loopback(),
        Host::Ipv6(v6) => v6.is_loopback(),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Looks names up and hands on only addresses that the guard admits, so that the check and the
/// connection see the same address.
pub(super) struct Resolver(Guard);

impl Resolver {
    pub(super) fn new(guard: &Guard) -> Arc<Self> {
        Arc::new(Self(guard.clone()))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(admitted(&guard, found)?)
        })
    }
}

fn admitted(guard: &Guard, found: impl Iterator<Item = SocketAddr>) -> Result<Addrs, Refusal> {
    let kept: Vec<SocketAddr> = found.filter(|address| guard.admits(address.ip())).collect();
    if kept.is_empty() { Err(Refusal::PrivateAddress) } else { Ok(Box::new(kept.into_iter())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict() -> Guard {
        Guard::for_strangers(false, &[8443])
    }

    #[test]
    fn public_https_passes() {
        for url in [
            "https://shop.example/webhooks",
            "https://shop.example:8443/",
            "https://1.1.1.1/x",
            "https://[2606:4700:4700::1111]/",
            "HTTPS://Shop.Example/?a=b#c",
        ] {
            assert!(strict().check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn everything_else_is_named_and_refused() {
        let long = format!("https://shop.example/{}", "x".repeat(MAX_URL));
        for (url, reason) in [
            ("", Refusal::NotAUrl),
            ("shop.example/webhooks", Refusal::NotAUrl),
            ("https://", Refusal::NotAUrl),
            (long.as_str(), Refusal::NotAUrl),
            ("mailto:a@shop.example", Refusal::NotAUrl),
            ("http://shop.example/", Refusal::NotHttps),
            ("http://127.0.0.1/", Refusal::NotHttps),
            ("ftp://shop.example/", Refusal::NotHttps),
            ("https://a@shop.example/", Refusal::UserInfo),
            ("https://:b@shop.example/", Refusal::UserInfo),
            ("https://shop.example:22/", Refusal::Port),
            ("https://shop.example:80/", Refusal::Port),
            ("https://127.0.0.1/", Refusal::PrivateAddress),
            ("https://0x7f.1/", Refusal::PrivateAddress),
            ("https://2130706433/", Refusal::PrivateAddress),
            ("https://0177.0.0.1/", Refusal::PrivateAddress),
            ("https://127.1/", Refusal::PrivateAddress),
            ("https://10.0.0.7/", Refusal::PrivateAddress),
            ("https://169.254.169.254/latest/meta-data", Refusal::PrivateAddress),
            ("https://[::1]/", Refusal::PrivateAddress),
            ("https://[::ffff:127.0.0.1]/", Refusal::PrivateAddress),
            ("https://[fd00:ec2::254]/", Refusal::PrivateAddress),
            ("https://localhost/", Refusal::PrivateAddress),
            ("https://shop.localhost./", Refusal::PrivateAddress),
        ] {
            assert_eq!(strict().check(url).unwrap_err(), reason, "{url}");
        }
    }

    #[test]
    fn the_switch_opens_loopback_http_but_not_http_to_the_world() {
        let open = Guard::for_strangers(true, &[]);
        for url in ["http://127.0.0.1:9000/hook", "http://localhost:9000/", "http://[::1]/", "https://10.0.0.7:444/"] {
            assert!(open.check(url).is_ok(), "{url}");
        }
        assert_eq!(open.check("http://shop.example/").unwrap_err(), Refusal::NotHttps);
        assert_eq!(open.check("http://10.0.0.7/").unwrap_err(), Refusal::NotHttps);
    }

    #[test]
    fn configured_hosts_need_https_off_the_machine() {
        let trusted = Guard::for_configured_hosts(false);
        assert!(trusted.check("http://127.0.0.1:9000/v1").is_ok());
        assert!(trusted.check("https://10.0.0.7:8443/v1").is_ok());
        assert_eq!(trusted.check("http://psp.example/").unwrap_err(), Refusal::NotHttps);
        assert!(Guard::for_configured_hosts(true).check("http://psp.internal:9000/").is_ok());
    }

    /// One public address among private ones is used alone; none at all is a refusal.
    #[test]
    fn resolved_addresses_are_filtered() {
        let all: Vec<SocketAddr> =
            ["127.0.0.1:0", "1.1.1.1:0", "[fd00::1]:0"].iter().map(|a| a.parse().unwrap()).collect();
        let kept: Vec<_> = admitted(&strict(), all.clone().into_iter()).unwrap().collect();
        assert_eq!(kept, [all[1]]);
        assert!(admitted(&strict(), all[..1].iter().copied()).is_err());
    }

    /// The last line of defence: a name that only turns out to be private when it is looked up.
    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused() {
        let look_up = |guard: Guard| Resolver::new(&guard).resolve("localhost".parse().unwrap());
        let Err(refused) = look_up(strict()).await else { panic!("localhost was let through") };
        assert_eq!(refused.downcast_ref(), Some(&Refusal::PrivateAddress));
        assert!(look_up(Guard::for_strangers(true, &[])).await.is_ok());
    }
}

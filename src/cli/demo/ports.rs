//! Which ports the demo listens on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// One per server; 0 means any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The gateway over plain HTTP: what a browser opens without a certificate warning.
    pub gateway: u16,
    /// The gateway over TLS: what the shop's server calls.
    pub gateway_tls: u16,
    /// The stand-in PSP.
    pub psp: u16,
    /// The shop.
    pub shop: u16,
}

const USUAL: Ports = Ports { gateway: 8080, gateway_tls: 8443, psp: 8090, shop: 8000 };

/// Four ports from `first` on, any free ones for 0; without it the usual ones, each replaced by a free one when taken.
pub fn choose(first: Option<u16>) -> Ports {
    match first {
        Some(0) => Ports { gateway: 0, gateway_tls: 0, psp: 0, shop: 0 },
        Some(first) => Ports {
            gateway: first,
            gateway_tls: first.saturating_add(1),
            psp: first.saturating_add(2),
            shop: first.saturating_add(3),
        },
        None => Ports {
            gateway: or_any(USUAL.gateway),
            gateway_tls: or_any(USUAL.gateway_tls),
            psp: or_any(USUAL.psp),
            shop: or_any(USUAL.shop),
        },
    }
}

fn or_any(port: u16) -> u16 {
    if TcpListener::bind(local(port)).is_ok() { port } else { 0 }
}

/// The port on this machine only.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_only_when_nobody_asked_for_it() {
        let taken = TcpListener::bind(local(0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(or_any(port), 0);
        assert_eq!(choose(Some(port)).gateway, port);
        assert_eq!(choose(Some(0)), Ports { gateway: 0, gateway_tls: 0, psp: 0, shop: 0 });
    }
}

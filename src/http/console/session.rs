//! Who is looking: the session's signed token in a cookie that scripts cannot read and other sites cannot send.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::header::{COOKIE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Redirect, Response};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::frame::{Frame, Place, show};
use super::refusal::Refusal;
use super::sign_in::Passing;
use crate::app::App;
use crate::operators::{self, Operator, SESSION};
use crate::words::{OperatorId, Timestamp, random_base62};

const AUDIENCE: &str = "console";
const ISSUER: &str = "tollgate";

/// What the token says. The row of the session says whether it still counts.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: OperatorId,
    sid: String,
    /// What every form of the session carries.
    csrf: String,
    iat: i64,
    exp: i64,
}

/// Somebody with a session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub operator: Operator,
    /// The session's id.
    pub session: String,
    /// The session's form token.
    pub csrf: String,
    /// Where the connection comes from.
    pub address: String,
}

impl SignedIn {
    /// A frame for a page of this reader.
    pub(super) fn frame(&self, title: impl Into<String>, here: Place, now: Timestamp) -> Frame {
        Frame::new(title, here, &self.operator.email, &self.csrf, now)
    }
}

/// The cookie's name and attributes. `__Host-` and `Secure` are left out only where the gateway itself is reached over plain
/// HTTP, which it allows on loopback alone unless told otherwise.
fn cookie_name(public_url: &Url) -> &'static str {
    if public_url.scheme() == "http" && is_loopback(public_url) {
        "tollgate_console"
    } else {
        "__Host-tollgate_console"
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

fn set_cookie(public_url: &Url, value: &str, seconds: u64) -> Option<HeaderValue> {
    let name = cookie_name(public_url);
    let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

/// The `Set-Cookie` of a new session.
pub(super) fn begin(app: &App, operator: &Operator, session: String, now: Timestamp) -> Option<HeaderValue> {
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: operator.id.clone(),
        sid: session,
        csrf: random_base62(24),
        iat: now.unix_seconds(),
        exp: now.plus(SESSION).unix_seconds(),
    };
    let key = EncodingKey::from_secret(app.keyring.jwt());
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key).ok()?;
    set_cookie(&app.config.public_url, &token, SESSION.as_secs())
}

/// The `Set-Cookie` that takes the cookie away.
pub(super) fn end(app: &App) -> Option<HeaderValue> {
    set_cookie(&app.config.public_url, "", 0)
}

/// Who a request is from, if from somebody with a session.
pub(super) async fn signed_in(app: &App, parts: &Parts) -> Result<Option<SignedIn>, Refusal> {
    let Some(token) = cookie(&parts.headers, cookie_name(&app.config.public_url)) else { return Ok(None) };
    let now = app.now();
    let Some(claims) = read(app, token).filter(|claims| claims.exp > now.unix_seconds()) else { return Ok(None) };
    let Some(operator) = operators::session(&app.db, &claims.sid, now).await? else { return Ok(None) };
    if operator.id != claims.sub {
        return Ok(None);
    }
    Ok(Some(SignedIn { operator, session: claims.sid, csrf: claims.csrf, address: address(parts) }))
}

fn read(app: &App, token: &str) -> Option<Claims> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The end is compared with the gateway's own clock, by the caller.
    rules.validate_exp = false;
    decode(token, &DecodingKey::from_secret(app.keyring.jwt()), &rules).ok().map(|token| token.claims)
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The other end of the connection.
pub(super) fn address(parts: &Parts) -> String {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or_else(|| "unknown".to_owned(), |ConnectInfo(peer)| shared_address(peer.ip()))
}

/// One household or machine room is one address: IPv6 is counted by its /64, because each has as many as it likes.
fn shared_address(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) if v6.is_loopback() => v6.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let app = App::from_ref(state);
        match signed_in(&app, parts).await {
            Ok(Some(who)) => Ok(who),
            Ok(None) => Err(to_the_door(&app, parts)),
            Err(refusal) => Err(refusal.into_response()),
        }
    }
}

/// Sends a reader without a session to the log-in, and back afterwards.
pub(super) fn to_the_door(app: &App, parts: &Parts) -> Response {
    let reading = parts.method == Method::GET;
    let here = parts.uri.path_and_query().map_or("/console", |path| path.as_str());
    let site = parts.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let came_from_elsewhere = matches!(site, Some("cross-site" | "same-site"));
    let has_cookie = cookie(&parts.headers, cookie_name(&app.config.public_url)).is_some();
    if reading && came_from_elsewhere && !has_cookie {
        // The cookie may be there, only not on a click from another site. Coming from here, it is sent.
        return show(axum::http::StatusCode::OK, &Passing { here: here.to_owned() });
    }
    let next = if reading { here } else { "/console" };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    Redirect::to(&format!("/console/sign-in?{query}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_loopback_goes_without_the_lock() {
        for (url, name) in [
            ("http://localhost:8080", "tollgate_console"),
            ("http://127.0.0.1:8080", "tollgate_console"),
            ("http://[::1]:8080", "tollgate_console"),
            ("https://localhost:8443", "__Host-tollgate_console"),
            ("https://pay.example.com", "__Host-tollgate_console"),
            ("http://pay.example.com", "__Host-tollgate_console"),
            ("http://localhost.evil.example", "__Host-tollgate_console"),
        ] {
            assert_eq!(cookie_name(&Url::parse(url).unwrap()), name, "{url}");
        }
        let cookie = set_cookie(&Url::parse("https://pay.example.com").unwrap(), "t", 60).unwrap();
        assert_eq!(cookie, "__Host-tollgate_console=t; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("xtollgate_console=no; tollgate_console=yes; a=b"));
        assert_eq!(cookie(&headers, "tollgate_console"), Some("yes"));
        assert_eq!(cookie(&headers, "console"), None);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let shared = |text: &str| shared_address(text.parse().unwrap());
        assert_eq!(shared("2001:db8:1:2:3:4:5:6"), shared("2001:db8:1:2::1"));
        assert_ne!(shared("2001:db8:1:2::1"), shared("2001:db8:1:3::1"));
        assert_eq!(shared("::ffff:192.0.2.1"), "192.0.2.1");
    }
}

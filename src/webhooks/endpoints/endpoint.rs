//! An endpoint and the rules for what a merchant writes into it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::events::KINDS;
use crate::outbound::Guard;
use crate::webhooks::WebhookError;
use crate::words::{EndpointId, Tenant, Timestamp};

/// Whether messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// They are.
    Enabled,
    /// They are not, until the merchant enables it again.
    Disabled,
}

impl Status {
    /// As in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// Where a merchant is told.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Where messages go.
    pub url: String,
    /// The merchant's note.
    pub description: String,
    /// Event types, or `*` alone for every type.
    pub events: Vec<String>,
    /// The merchant's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Whether messages are sent.
    pub status: Status,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Until when the secret before the present one signs as well.
    pub previous_secret_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Endpoint {
    /// Whether it subscribed to `kind`.
    pub fn wants(&self, kind: &str) -> bool {
        self.events.iter().any(|wanted| wanted == "*" || wanted == kind)
    }
}

/// The public shape, without the secret.
pub fn view(endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "livemode": endpoint.tenant.mode.is_live(),
        "created_at": endpoint.created_at,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "status": endpoint.status.as_str(),
        "disabled_reason": endpoint.disabled_reason,
        "previous_secret_until": endpoint.previous_secret_until,
        "metadata": endpoint.metadata,
    })
}

/// What a merchant writes to make one.
#[derive(Debug, Clone, Default)]
pub struct NewEndpoint {
    /// Absolute https URL.
    pub url: String,
    /// Event types; empty means all.
    pub events: Vec<String>,
    /// A note.
    pub description: String,
    /// Own pairs, their sizes checked by the caller.
    pub metadata: BTreeMap<String, String>,
}

impl NewEndpoint {
    pub(super) fn checked(mut self, guard: &Guard) -> Result<Self, WebhookError> {
        check_url(&self.url, guard)?;
        self.events = if self.events.is_empty() { vec!["*".into()] } else { subscription(self.events)? };
        check_description(&self.description)?;
        Ok(self)
    }
}

/// What a merchant writes to change one; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Another URL.
    pub url: Option<String>,
    /// Another subscription.
    pub events: Option<Vec<String>>,
    /// Another note.
    pub description: Option<String>,
    /// On or off.
    pub status: Option<Status>,
}

impl Changes {
    pub(super) fn applied(self, mut endpoint: Endpoint, guard: &Guard) -> Result<Endpoint, WebhookError> {
        if let Some(url) = self.url {
            check_url(&url, guard)?;
            endpoint.url = url;
        }
        if let Some(events) = self.events {
            endpoint.events = subscription(events)?;
        }
        if let Some(description) = self.description {
            check_description(&description)?;
            endpoint.description = description;
        }
        if let Some(status) = self.status {
            endpoint.status = status;
            endpoint.disabled_reason = (status == Status::Disabled).then(|| "disabled through the API".to_owned());
        }
        Ok(endpoint)
    }
}

fn check_url(url: &str, guard: &Guard) -> Result<(), WebhookError> {
    guard.check(url).map(drop).map_err(|refusal| WebhookError::invalid("url", refusal.to_string()))
}

/// Sorted, each once; `*` swallows the rest.
fn subscription(events: Vec<String>) -> Result<Vec<String>, WebhookError> {
    let mut wanted = BTreeSet::new();
    for (index, kind) in events.into_iter().enumerate() {
        if kind != "*" && !KINDS.contains(&kind.as_str()) {
            let rule = format!("must be `*` or one of: {}", KINDS.join(", "));
            return Err(WebhookError::invalid(format!("events[{index}]"), rule));
        }
        wanted.insert(kind);
    }
    match wanted.first().map(String::as_str) {
        None => Err(WebhookError::invalid("events", "must name at least one event type, or `*`")),
        Some("*") => Ok(vec!["*".into()]),
        Some(_) => Ok(wanted.into_iter().collect()),
    }
}

fn check_description(text: &str) -> Result<(), WebhookError> {
    if text.chars().count() > 500 {
        return Err(WebhookError::invalid("description", "must be at most 500 characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(new: NewEndpoint) -> String {
        match new.checked(&Guard::for_strangers(false, &[])) {
            Err(WebhookError::Invalid { param, .. }) => param,
            other => panic!("{other:?}"),
        }
    }

    fn plain() -> NewEndpoint {
        NewEndpoint { url: "https://shop.example/hook".into(), ..NewEndpoint::default() }
    }

    #[test]
    fn no_event_types_means_all_of_them() {
        let new = plain().checked(&Guard::for_strangers(false, &[])).unwrap();
        assert_eq!(new.events, ["*"]);
        assert_eq!(subscription(vec!["payment.failed".into(), "*".into()]).unwrap(), ["*"]);
        let twice = vec!["payment.succeeded".to_owned(), "payment.failed".into(), "payment.failed".into()];
        assert_eq!(subscription(twice).unwrap(), ["payment.failed", "payment.succeeded"]);
    }

    #[test]
    fn a_broken_rule_names_its_field() {
        assert_eq!(param(NewEndpoint { url: "https://10.0.0.1/".into(), ..plain() }), "url");
        let events = vec!["payment.succeeded".to_owned(), "payment.suceeded".into()];
        assert_eq!(param(NewEndpoint { events, ..plain() }), "events[1]");
        assert_eq!(param(NewEndpoint { description: "x".repeat(501), ..plain() }), "description");
    }

    #[test]
    fn enabling_again_forgets_the_reason() {
        let guard = Guard::for_strangers(false, &[]);
        let endpoint = Endpoint {
            id: EndpointId::new(),
            tenant: Tenant::new(crate::words::MerchantId::new(), crate::words::Mode::Test),
            url: "https://shop.example/hook".into(),
            description: String::new(),
            events: vec!["payment.failed".into()],
            metadata: BTreeMap::new(),
            status: Status::Disabled,
            disabled_reason: Some("410".into()),
            previous_secret_until: None,
            created_at: Timestamp::from_micros(0),
        };
        assert!(endpoint.wants("payment.failed") && !endpoint.wants("payment.succeeded"));
        let enabled =
            Changes { status: Some(Status::Enabled), ..Changes::default() }.applied(endpoint, &guard).unwrap();
        assert_eq!((enabled.status, enabled.disabled_reason), (Status::Enabled, None));
    }
}

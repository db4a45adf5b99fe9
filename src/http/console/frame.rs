//! What stands around every page behind the log-in, and the one way a page becomes a response.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::components::Moment;
use crate::words::Timestamp;

/// The frame of a page: its title, where it stands in the console, who is looking.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Title of the page.
    pub title: String,
    /// Which entry of the navigation is lit.
    pub here: Place,
    /// Who is signed in.
    pub operator: String,
    /// The session's form token; every form carries it.
    pub csrf: String,
    /// A line that says what the last click did.
    pub notice: Option<String>,
    /// When the page was made.
    pub now: Moment,
}

/// The console's places, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Figures of the day.
    Home,
    /// Payments and their stories.
    Payments,
    /// What shoppers' banks contest.
    Disputes,
    /// Whom merchants sell for.
    Sellers,
    /// Sellers' balances.
    Wallets,
    /// Money to sellers' banks.
    Payouts,
    /// What stands on every account.
    TrialBalance,
    /// Mistakes put right.
    Corrections,
    /// The books beside what PSPs and banks say.
    Reconciliation,
    /// Webhooks to merchants.
    Deliveries,
    /// Jobs that were given up.
    DeadLetters,
    /// What merchants have decided.
    Policies,
    /// Who did what.
    Audit,
}

/// One entry of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct PlaceLink {
    /// Its path.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
    /// Whether the reader is there.
    pub here: bool,
}

impl Frame {
    /// The navigation, with the reader's place lit.
    pub fn places(&self) -> Vec<PlaceLink> {
        [
            (Place::Home, "/console", "Home"),
            (Place::Payments, "/console/payments", "Payments"),
            (Place::Disputes, "/console/disputes", "Disputes"),
            (Place::Sellers, "/console/sellers", "Sellers"),
            (Place::Wallets, "/console/wallets", "Wallets"),
            (Place::Payouts, "/console/payouts", "Payouts"),
            (Place::TrialBalance, "/console/trial-balance", "Trial balance"),
            (Place::Corrections, "/console/corrections", "Corrections"),
            (Place::Reconciliation, "/console/reconciliation", "Reconciliation"),
            (Place::Deliveries, "/console/deliveries", "Webhook deliveries"),
            (Place::DeadLetters, "/console/dead-letters", "Dead letters"),
            (Place::Policies, "/console/policies", "Policies"),
            (Place::Audit, "/console/audit", "Audit log"),
        ]
        .into_iter()
        .map(|(place, href, label)| PlaceLink { href, label, here: place == self.here })
        .collect()
    }

    /// The frame of a page made now.
    pub fn new(title: impl Into<String>, here: Place, operator: &str, csrf: &str, now: Timestamp) -> Self {
        Self {
            title: title.into(),
            here,
            operator: operator.to_owned(),
            csrf: csrf.to_owned(),
            notice: None,
            now: Moment::of(now),
        }
    }

    /// A frame for the pages' samples.
    pub fn sample(title: &str, here: Place) -> Self {
        Self::new(title, here, "admin@example.com", "sample", sample_time(0))
    }
}

/// A span of time in the largest unit that still says something.
pub fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A moment of the samples' day, so many milliseconds after its start.
pub fn sample_time(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_795_342_324_118_000_i64.saturating_add(millis.saturating_mul(1_000)))
}

/// Renders a page. A template that cannot be rendered is our fault, and says no more than that.
pub fn show(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a console page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made. The log says why.").into_response()
        }
    }
}

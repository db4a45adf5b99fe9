//! Who did what in the console.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Moment, Pager};
use super::frame::{self, Frame, Place, sample_time};
use super::paging;
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::operators::{Entry, entries};

/// Where in the log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    older: String,
    newer: String,
}

/// `GET /console/audit`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let page = paging::page(&asked.older, &asked.newer);
    let slice = entries(&app.db, &page).await?;
    let view = Audit {
        frame: who.frame("Audit log", Place::Audit, app.now()),
        pager: paging::pager("/console/audit", &[], &page, &slice, |entry| entry.id.clone()),
        rows: slice.items.into_iter().map(row).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn row(entry: Entry) -> AuditRow {
    AuditRow {
        at: Moment::of(entry.at),
        who: entry.who.unwrap_or_else(|| "nobody signed in".to_owned()),
        action: entry.action,
        object: entry.object.unwrap_or_default(),
        from: entry.address,
        note: entry.note,
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/audit.html")]
pub struct Audit {
    frame: Frame,
    rows: Vec<AuditRow>,
    pager: Pager,
}

struct AuditRow {
    at: Moment,
    who: String,
    action: String,
    object: String,
    from: String,
    note: String,
}

impl Audit {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let row = |who: &str, action: &str, object: &str, note: &str| AuditRow {
            at: Moment::of(sample_time(0)),
            who: who.into(),
            action: action.into(),
            object: object.into(),
            from: "127.0.0.1".into(),
            note: note.into(),
        };
        Self {
            frame: Frame::sample("Audit log", Place::Audit),
            rows: vec![
                row("admin@example.com", "delivery.resend", "dlv_01jq8w3k5n7p9r2t4v6x8z0a1b", ""),
                row("admin@example.com", "sign_in", "", ""),
                row("<script>@example.com", "sign_in.refused", "", "wrong password or unknown e-mail"),
            ],
            pager: Pager::default(),
        }
    }
}

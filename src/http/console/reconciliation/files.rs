//! Files of PSPs and banks: what came, by whom, and whether it was taken.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::app::App;
use crate::http::console::components::{Chip, Moment, Pager, Tone, grouped};
use crate::http::console::form::Posted;
use crate::http::console::frame::{self, Frame, Place, sample_time};
use crate::http::console::paging;
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::operators::{NewEntry, record};
use crate::reconciliation::files::{self, File, Status};
use crate::words::FileId;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    older: String,
    newer: String,
}

/// `GET /console/reconciliation/files`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let page = paging::page(&asked.older, &asked.newer);
    let slice = files::list(&app.db, None, &page).await?;
    let view = Files {
        frame: who.frame("Files", Place::Reconciliation, app.now()),
        pager: paging::pager("/console/reconciliation/files", &[], &page, &slice, |file| file.id.to_string()),
        rows: slice.items.iter().map(Row::of).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// `POST /console/reconciliation/files/{id}/download`: the bytes as they came. Who took them out stands in the audit log.
pub async fn download(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted(who): Posted,
) -> Result<Response, Refusal> {
    let id = FileId::parse(&id).map_err(|_| Refusal::NotFound("file"))?;
    let file = files::find(&app.db, &id).await?.ok_or(Refusal::NotFound("file"))?;
    let mut tx = app.db.begin().await?;
    let entry = NewEntry::new("file.download", &who.address, app.now()).by(&who.operator.id).about(id.as_str());
    let note = format!("{} of {}", file.name, file.source).chars().take(500).collect();
    record(&mut tx, &NewEntry { note, ..entry }).await?;
    tx.commit().await?;
    // Its own name may be anything: the id names it.
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{id}\"")),
        (CONTENT_LENGTH, file.bytes.to_string()),
    ];
    Ok((headers, Body::from_stream(files::raw(&app, id))).into_response())
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/files.html")]
pub struct Files {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: String,
    name: String,
    source: String,
    reader: String,
    day: String,
    status: Chip,
    refusal: String,
    lines: String,
    bytes: String,
    sha256: String,
    /// Its beginning, for the eye.
    digest: String,
    by: String,
    received: Moment,
}

impl Row {
    fn of(file: &File) -> Self {
        let (tone, label) = match file.status {
            Status::Accepted => (Tone::Good, "accepted"),
            Status::Refused => (Tone::Bad, "refused"),
            Status::Reading => (Tone::Wait, "being read"),
        };
        let at = file.row_number.map_or_else(String::new, |row| format!("row {row}: "));
        Self {
            id: file.id.to_string(),
            name: file.name.clone(),
            source: file.source.clone(),
            reader: format!("{} {}", file.format, file.parser_version),
            day: file.business_date.clone().unwrap_or_default(),
            status: Chip::new(tone, label),
            refusal: file.refusal.as_ref().map_or_else(String::new, |refusal| format!("{at}{refusal}")),
            lines: grouped(&file.lines.to_string()),
            bytes: grouped(&file.bytes.to_string()),
            sha256: file.sha256.clone(),
            digest: digest(&file.sha256),
            by: file.received_by.clone(),
            received: Moment::of(file.received_at),
        }
    }
}

/// A hash is long, and nobody reads its end.
fn digest(sha256: &str) -> String {
    format!("{}\u{2026}", sha256.chars().take(16).collect::<String>())
}

const SAMPLE_DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

impl Files {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let row = |status: Chip, refusal: &str| Row {
            id: "rcf_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            name: "settlement <2026-11-21>.json".into(),
            source: "simulator".into(),
            reader: "simulator 1".into(),
            day: "2026-11-21".into(),
            status,
            refusal: refusal.into(),
            lines: "1,987".into(),
            bytes: "812,345".into(),
            sha256: SAMPLE_DIGEST.into(),
            digest: digest(SAMPLE_DIGEST),
            by: "reconciliation".into(),
            received: Moment::of(sample_time(0)),
        };
        Self {
            frame: Frame::sample("Files", Place::Reconciliation),
            rows: vec![
                row(Chip::new(Tone::Good, "accepted"), ""),
                row(Chip::new(Tone::Bad, "refused"), "row 7: net is not gross less fee"),
            ],
            pager: Pager::default(),
        }
    }
}

//! Where PSPs tell us what happened: believed or refused over the raw bytes, kept, and answered at once.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::problem::Problem;
use crate::app::App;
use crate::payments::{self, ReceiveError};
use crate::psp::NoticeRefused;

/// `POST /psp/{name}/webhooks`: 200 once the webhook is kept, also for a repeat.
pub async fn receive(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    payments::receive(&app, &name, &headers, &body).await?;
    Ok(StatusCode::OK)
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NoPsp => Self::not_found("PSP"),
            ReceiveError::Refused(refused) => {
                tracing::warn!(%refused, "a webhook that claims to be a PSP's is refused");
                let code = match refused {
                    NoticeRefused::NoSignature | NoticeRefused::WrongSignature => "signature_invalid",
                    NoticeRefused::Stale(_) => "timestamp_stale",
                    NoticeRefused::Malformed => "body_malformed",
                };
                Self::bad_request(code, format!("The webhook is refused: {refused}."))
            }
            ReceiveError::Db(error) => error.into(),
        }
    }
}

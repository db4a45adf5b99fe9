//! Scripts and styles of the pages, compiled in.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::texts;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const ASSETS: &[(&str, &str, &str)] = &[
    ("simulator.css", "text/css; charset=utf-8", include_str!("../../../static/simulator/simulator.css")),
    ("form.js", JAVASCRIPT, include_str!("../../../static/simulator/form.js")),
    ("card.js", JAVASCRIPT, include_str!("../../../static/simulator/card.js")),
    ("challenge.js", JAVASCRIPT, include_str!("../../../static/simulator/challenge.js")),
];

/// `GET /assets/{name}`
pub async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => file(kind, (*text).to_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /assets/texts.js`: the sentences of the pages.
pub async fn texts_script() -> Response {
    file(JAVASCRIPT, texts::script())
}

fn file(kind: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

//! The one shape of every list.

use axum::Json;
use serde_json::{Value, json};

use crate::words::Slice;

/// `{object: "list", data, has_more, url}`; `url` is the list's own path.
#[expect(clippy::needless_pass_by_value, reason = "a page is shown once")]
pub fn envelope<T>(url: &str, slice: Slice<T>, view: impl FnMut(&T) -> Value) -> Json<Value> {
    let data: Vec<Value> = slice.items.iter().map(view).collect();
    Json(json!({"object": "list", "data": data, "has_more": slice.has_more, "url": url}))
}

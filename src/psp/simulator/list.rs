//! The stand-in's lists of a day. Only where a page ends is read here; what stands in it is reconciliation's to understand.

use serde::Deserialize;

use super::super::{ListKind, ListPage, ListRequest, NotDone};
use super::reading::{Reply, arrived, garbled, read, refusal};

/// Rows of a page.
const ROWS: u32 = 2_000;

/// Where a page is.
pub fn path(request: &ListRequest) -> String {
    let (day, mut query) = (request.day.to_string(), url::form_urlencoded::Serializer::new(String::new()));
    query.append_pair("date", &day);
    match request.kind {
        ListKind::BankStatement => format!("/v1/bank-statements?{}", query.finish()),
        ListKind::Settlements => {
            query.append_pair("limit", &ROWS.to_string());
            if let Some(after) = &request.after {
                query.append_pair("starting_after", after);
            }
            format!("/v1/settlements?{}", query.finish())
        }
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Row>,
    has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
}

/// A page that came whole.
pub fn page(request: &ListRequest, reply: Reply) -> Result<ListPage, NotDone> {
    let answer = arrived(reply)?;
    if !answer.status.is_success() {
        return Err(refusal(&answer).unwrap_or_else(|| garbled(&answer)));
    }
    if !answer.complete {
        return Err(garbled(&answer));
    }
    let after = match request.kind {
        ListKind::BankStatement => None,
        ListKind::Settlements => {
            let page: Page = read(&answer).ok_or_else(|| garbled(&answer))?;
            let last = page.data.into_iter().next_back().map(|row| row.id);
            if page.has_more && (last.is_none() || last == request.after) {
                // Asking again would never come to an end.
                return Err(garbled(&answer));
            }
            last.filter(|_| page.has_more)
        }
    };
    Ok(ListPage { bytes: answer.body, after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Answer, Failure};
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    fn request(after: Option<&str>) -> ListRequest {
        let day = jiff::civil::date(2025, 10, 10);
        ListRequest { kind: ListKind::Settlements, day, after: after.map(str::to_owned) }
    }

    fn answer(status: u16, body: &str, complete: bool) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec(), complete }
    }

    #[test]
    fn a_list_is_asked_for_page_by_page() {
        assert_eq!(path(&request(None)), "/v1/settlements?date=2025-10-10&limit=2000");
        assert!(path(&request(Some("cap_1&x"))).ends_with("&starting_after=cap_1%26x"));
        let body = r#"{"data":[{"id":"cap_1"},{"id":"cap_2"}],"has_more":true}"#;
        let got = page(&request(None), Ok(answer(200, body, true))).unwrap();
        assert_eq!((got.bytes.as_slice(), got.after.as_deref()), (body.as_bytes(), Some("cap_2")));
        let last = r#"{"data":[],"has_more":false}"#;
        assert_eq!(page(&request(None), Ok(answer(200, last, true))).unwrap().after, None);
        let statement = ListRequest { kind: ListKind::BankStatement, ..request(None) };
        assert_eq!(path(&statement), "/v1/bank-statements?date=2025-10-10");
        assert_eq!(page(&statement, Ok(answer(200, "<Document/>", true))).unwrap().after, None);
    }

    #[test]
    fn a_page_that_is_not_whole_is_none() {
        for reply in [
            Ok(answer(200, r#"{"data":[],"has_more":false}"#, false)),
            Ok(answer(200, r#"{"data":[],"has_more":true}"#, true)),
            Ok(answer(200, r#"{"data":[{"id":"cap_9"}],"has_more":true}"#, true)),
            Ok(answer(200, "<html>", true)),
            Ok(answer(503, "", true)),
            Err(Failure::TimedOut),
        ] {
            assert!(matches!(page(&request(Some("cap_9")), reply), Err(NotDone::Unreachable { .. })));
        }
        let refused = r#"{"error":{"code":"invalid_request","message":"no such row"}}"#;
        assert!(matches!(page(&request(None), Ok(answer(400, refused, true))), Err(NotDone::Refused { .. })));
    }
}

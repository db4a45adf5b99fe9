//! Lists of the console: newest first, fifty at a time, older and newer by the ids at the edges.

use super::components::Pager;
use crate::words::{Page, Slice};

/// Rows of one page.
const ROWS: u32 = 50;

/// The page that a query asks for: rows older than one id, or newer than one.
pub(super) fn page(older: &str, newer: &str) -> Page {
    if !older.is_empty() {
        Page::after(ROWS, older.to_owned())
    } else if newer.is_empty() {
        Page::newest(ROWS)
    } else {
        Page::before(ROWS, newer.to_owned())
    }
}

/// Links to the pages around this one, with the filters kept.
pub(super) fn pager<T>(
    path: &str,
    kept: &[(&str, &str)],
    page: &Page,
    slice: &Slice<T>,
    id: impl Fn(&T) -> String,
) -> Pager {
    let link = |name: &str, id: String| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair(name, &id);
        format!("{path}?{}", query.finish())
    };
    let more_newer = if page.is_backwards() { slice.has_more } else { page.named().is_some() };
    let more_older = page.is_backwards() || slice.has_more;
    Pager {
        newer: slice.items.first().filter(|_| more_newer).map(|first| link("newer", id(first))),
        older: slice.items.last().filter(|_| more_older).map(|last| link("older", id(last))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(older: &str, newer: &str, has_more: bool) -> (Option<String>, Option<String>) {
        let slice = Slice { items: vec!["b", "a"], has_more };
        let page = page(older, newer);
        let pager = pager("/l", &[("q", "x&y"), ("mode", "")], &page, &slice, |id| (*id).to_owned());
        (pager.newer, pager.older)
    }

    #[test]
    fn there_is_a_link_only_where_there_are_rows() {
        let newer = Some("/l?q=x%26y&newer=b".to_owned());
        let older = Some("/l?q=x%26y&older=a".to_owned());
        assert_eq!(around("", "", false), (None, None));
        assert_eq!(around("", "", true), (None, older.clone()));
        assert_eq!(around("c", "", false), (newer.clone(), None));
        assert_eq!(around("c", "", true), (newer.clone(), older.clone()));
        assert_eq!(around("", "0", false), (None, older.clone()));
        assert_eq!(around("", "0", true), (newer, older));
    }
}

//! A piece of a list: newest first, cut by an id, as the API's `limit`, `starting_after` and `ending_before` say.
//!
//! Ids are time-ordered, so a store sorts by id alone. [`crate::db::List`] puts the statements of such lists together; a store that needs
//! more writes two: `id < $cursor order by id desc` for [`Page::is_backwards`] false, and `id > $cursor order by id` for true; both with
//! `limit` [`Page::fetch`].

/// Where in a list to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    limit: u32,
    from: From,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    Newest,
    After(String),
    Before(String),
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether there are more beyond, in the direction looked.
    pub has_more: bool,
}

impl<T> Slice<T> {
    /// The item after which the next page begins; `None` when nothing comes after this one.
    pub fn onward(&self) -> Option<&T> {
        self.items.last().filter(|_| self.has_more)
    }
}

impl Page {
    /// The newest `limit`.
    pub const fn newest(limit: u32) -> Self {
        Self { limit, from: From::Newest }
    }

    /// The `limit` that are older than `id`.
    pub const fn after(limit: u32, id: String) -> Self {
        Self { limit, from: From::After(id) }
    }

    /// The `limit` that are newer than `id`, those next to it.
    pub const fn before(limit: u32, id: String) -> Self {
        Self { limit, from: From::Before(id) }
    }

    /// The id that was named, which the caller must have found to exist.
    pub fn named(&self) -> Option<&str> {
        match &self.from {
            From::Newest => None,
            From::After(id) | From::Before(id) => Some(id),
        }
    }

    /// Whether to read upwards from the cursor.
    pub const fn is_backwards(&self) -> bool {
        matches!(self.from, From::Before(_))
    }

    /// The text to compare ids with; without a named id one that sorts after all ids in every collation.
    pub fn cursor(&self) -> &str {
        self.named().unwrap_or("zzzzzz")
    }

    /// How many were asked for.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How many rows to read: one more than asked for tells whether there are more.
    pub const fn fetch(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// Makes the page of the rows read.
    pub fn cut<T>(&self, mut rows: Vec<T>) -> Slice<T> {
        let limit = self.limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        if self.is_backwards() {
            rows.reverse();
        }
        Slice { items: rows, has_more }
    }
}

impl<T> Slice<T> {
    /// The same page of something made of its items.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(make).collect(), has_more: self.has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_to_size_and_newest_first() {
        assert_eq!(Page::newest(2).cut(vec![5, 4, 3]), Slice { items: vec![5, 4], has_more: true });
        assert_eq!(Page::newest(2).cut(vec![5, 4]), Slice { items: vec![5, 4], has_more: false });
        assert_eq!(Page::before(2, "1".into()).cut(vec![2, 3, 4]), Slice { items: vec![3, 2], has_more: true });
    }

    #[test]
    fn without_a_cursor_everything_is_older() {
        assert!("sel_7zzzzzzzzzzzzzzzzzzzzzzzzz" < Page::newest(1).cursor());
        assert_eq!(Page::newest(10).fetch(), 11);
    }
}

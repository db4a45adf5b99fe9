//! One statement read with narrower tables: names of tables stand for a part of their rows, for this statement alone.

use super::Db;
use super::query::Query;

/// `select` with the common table expressions `tables` before it, such as `payments as (select ..)`: where the statement says
/// `payments` it then reads those rows only. What stands between `[[` and `]]` in `tables` is for SQLite alone.
pub fn narrowed(db: &Db, tables: &'static str, select: &'static str) -> Query {
    let sqlite = matches!(db, Db::Sqlite { .. });
    Query::assembled(["with", &for_one(tables, sqlite), select].join(" "), Vec::new())
}

fn for_one(text: &str, sqlite: bool) -> String {
    let mut pieces = text.split("[[");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (marked, after) = piece.split_once("]]").unwrap_or((piece, ""));
        whole.extend([if sqlite { marked } else { "" }, after]);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::for_one;

    #[test]
    fn what_is_marked_is_for_sqlite() {
        let text = "t as (select * from [[main.]]t [[indexed by i]] where a = 1)";
        assert_eq!(for_one(text, true), "t as (select * from main.t indexed by i where a = 1)");
        assert_eq!(for_one(text, false), "t as (select * from t  where a = 1)");
    }
}

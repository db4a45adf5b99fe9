//! Many rows in one statement: the hot path pays per statement, not per row.

use std::fmt::Write as _;

use super::query::Query;
use super::value::Value;

/// An insert of `rows` (at least one, all of one length) into `head`, such as `insert into transfers (id, amount)`,
/// followed by `tail`, such as `on conflict do nothing` or nothing.
///
/// Both databases take at least 32 766 parameters; callers keep `rows` within a few hundred.
pub fn insert_many(head: &'static str, rows: Vec<Vec<Value>>, tail: &'static str) -> Query {
    let mut sql = String::from(head);
    let mut next = 1;
    for (index, row) in rows.iter().enumerate() {
        sql.push_str(if index == 0 { " values (" } else { ", (" });
        for place in 0..row.len() {
            let comma = if place == 0 { "" } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(sql, "{comma}${next}");
            next += 1;
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    Query::assembled(sql, rows.into_iter().flatten().collect())
}

//! One statement read with narrower tables: names of tables stand for a part of their rows, for this statement alone.

use super::query::Query;

/// `select` with the common table expressions `tables` before it, such as `payments as (select ..)`: where the statement says
/// `payments` it then reads those rows only.
pub fn narrowed(tables: &'static str, select: &'static str) -> Query {
    Query::assembled(["with", tables, select].join(" "), Vec::new())
}

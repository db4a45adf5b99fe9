//! A list: the rows of a table narrowed by what is asked for and by nothing else, one page at a time.
//!
//! A condition that stands in the statement whether it is asked for or not (`status = $4 or $4 is null`) is looked up in no index: for
//! what is rare all rows of a tenant would be read. So each list is a statement of its own, put together from the program's own words.

use std::fmt::Write as _;

use super::query::Query;
use super::value::Value;
use crate::words::{Page, Tenant};

/// A list that is being put together. Nothing of it is a value that somebody gave: those are bound.
#[derive(Debug)]
pub struct List {
    table: &'static str,
    tenant: Option<(Value, Value)>,
    parent: Option<(&'static str, &'static str, Value)>,
    kept: Vec<&'static str>,
    conditions: Vec<(&'static str, &'static str, Value)>,
    narrow: bool,
    created: bool,
    order: &'static str,
}

impl List {
    /// The rows of `table`, of one tenant or of everybody.
    pub fn of<'a>(table: &'static str, tenant: impl Into<Option<&'a Tenant>>) -> Self {
        let tenant = tenant.into().map(|tenant| ((&tenant.merchant).into(), tenant.mode.into()));
        let (kept, conditions) = (Vec::new(), Vec::new());
        Self { table, tenant, parent: None, kept, conditions, narrow: false, created: false, order: "id" }
    }

    /// Only those of which `condition` holds, when it is asked for: without a value, as a partial index has it.
    #[must_use]
    pub fn when(mut self, condition: &'static str, asked: bool) -> Self {
        self.kept.extend(asked.then_some(condition));
        self
    }

    /// Only those whose `column` has this value, of which there may be many, when it is asked for.
    #[must_use]
    pub fn only(self, column: &'static str, value: impl Into<Value>) -> Self {
        self.having(column, "=", value)
    }

    /// Only those whose `column` names this one thing, when it is asked for.
    #[must_use]
    pub fn of_one(self, column: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let narrow = self.narrow || !value.is_null();
        Self { narrow, ..self.having(column, "=", value) }
    }

    /// As [`List::of_one`], read in the order of `order`, which grows with the id among the rows of one thing.
    #[must_use]
    pub fn of_one_in(self, column: &'static str, value: impl Into<Value>, order: &'static str) -> Self {
        let value = value.into();
        let order = if value.is_null() { self.order } else { order };
        Self { order, ..self.of_one(column, value) }
    }

    /// Only those whose `column` is the id of this row of `parents`, when it is asked for. Whose they are is then asked of that row: it
    /// has few of these, and its tenant many. Where two are asked for, the first leads.
    #[must_use]
    pub fn belonging(self, column: &'static str, parents: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.is_null() || self.parent.is_some() {
            return self.of_one(column, value);
        }
        Self { narrow: true, parent: Some((column, parents, value)), ..self }
    }

    /// Only those made at `comparison` (such as `>=`) this instant, when it is asked for. They are read in the order in which they were
    /// made, as their index has them, unless they are of one thing.
    #[must_use]
    pub fn created(self, comparison: &'static str, at: impl Into<Value>) -> Self {
        let at = at.into();
        let created = self.created || !at.is_null();
        Self { created, ..self.having("created_at", comparison, at) }
    }

    /// Only those whose `column` compares so with a value, when it is asked for.
    #[must_use]
    pub fn having(mut self, column: &'static str, comparison: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.conditions.push((column, comparison, value));
        }
        self
    }

    /// The page, in the order in which [`Page::cut`] wants its rows.
    pub fn page(self, page: &Page) -> Query {
        let (sql, values, _) = self.cut(page);
        Query::assembled(sql, values)
    }

    /// The page, each row with `columns` of what is joined to it (it is called `page` there), those of one row beside each other and in
    /// the order of `last`. A row to which nothing belongs stands alone.
    pub fn page_with(self, columns: &'static str, joined: &'static str, last: &'static str, page: &Page) -> Query {
        let (sql, values, order) = self.cut(page);
        let by: Vec<String> = order.iter().map(|(column, way)| ["page.", *column, *way, ", "].concat()).collect();
        let by = by.concat();
        let pieces =
            ["select", " page.*, ", columns, " from (", &sql, ") page left join ", joined, " order by ", &by, last];
        Query::assembled(pieces.concat(), values)
    }

    fn cut(self, page: &Page) -> (String, Vec<Value>, Vec<(&'static str, &'static str)>) {
        let order = if self.created && !self.narrow { "created_at" } else { self.order };
        let mut text = Text::default();
        match (self.tenant, self.parent) {
            (Some((merchant, mode)), Some((column, parents, id))) => {
                text.and(&[column, " = (select id from ", parents, " where merchant_id = "], merchant);
                text.go_on(" and livemode = ", mode);
                text.go_on(" and id = ", id);
                text.sql.push(')');
            }
            (Some((merchant, mode)), None) => {
                text.and(&["merchant_id = "], merchant);
                text.and(&["livemode = "], mode);
            }
            (None, Some((column, _, id))) => text.and(&[column, " = "], id),
            (None, None) => {}
        }
        for kept in self.kept {
            text.join(kept);
        }
        for (column, comparison, value) in self.conditions {
            text.and(&[column, " ", comparison, " "], value);
        }
        let (beyond, way) = if page.is_backwards() { (" > ", "") } else { (" < ", " desc") };
        if let Some(named) = page.named() {
            if order == "id" {
                text.and(&["id", beyond], named.into());
            } else {
                let place = [order, ", id from ", self.table, " where id = "].concat();
                text.and(&["(", order, ", id)", beyond, "(select ", &place], named.into());
                text.sql.push(')');
            }
        }
        let by = if order == "id" { vec![("id", way)] } else { vec![(order, way), ("id", way)] };
        let ordered: Vec<String> = by.iter().map(|(column, way)| [*column, *way].concat()).collect();
        text.go_on(&[" order by ", &ordered.join(", "), " limit "].concat(), page.fetch().into());
        (["select", " * from ", self.table, &text.sql].concat(), text.values, by)
    }
}

/// A statement that grows with its values.
#[derive(Default)]
struct Text {
    sql: String,
    values: Vec<Value>,
}

impl Text {
    /// One more condition.
    fn and(&mut self, words: &[&str], value: Value) {
        self.join("");
        self.go_on(&words.concat(), value);
    }

    fn join(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() { " where " } else { " and " });
        self.sql.push_str(condition);
    }

    fn go_on(&mut self, words: &str, value: Value) {
        self.values.push(value);
        // Writing into a String cannot fail.
        let _ = write!(self.sql, "{words}${}", self.values.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{MerchantId, Mode};

    fn text(list: impl FnOnce(List) -> List, page: &Page) -> String {
        let tenant = Tenant::new(MerchantId::new(), Mode::Test);
        list(List::of("payments", &tenant)).page(page).sql().to_owned()
    }

    #[test]
    fn what_is_not_asked_for_is_not_in_the_statement() {
        let newest = Page::newest(10);
        assert_eq!(
            text(|list| list.only("status", None::<&str>).of_one("reference", None::<&str>), &newest),
            "select * from payments where merchant_id = $1 and livemode = $2 order by id desc limit $3"
        );
        assert_eq!(
            text(|list| list.only("status", "failed").of_one("reference", None::<&str>), &newest),
            "select * from payments where merchant_id = $1 and livemode = $2 and status = $3 order by id desc limit $4"
        );
        assert_eq!(
            List::of("payments", None).page(&newest).sql(),
            "select * from payments order by id desc limit $1",
            "of everybody"
        );
    }

    #[test]
    fn what_is_found_by_time_is_read_in_the_order_of_time() {
        let before = Page::before(10, "pay_1".to_owned());
        assert_eq!(
            text(|list| list.created(">=", 5_i64), &before),
            "select * from payments where merchant_id = $1 and livemode = $2 and created_at >= $3 \
             and (created_at, id) > (select created_at, id from payments where id = $4) order by created_at, id limit $5"
        );
        assert_eq!(
            text(|list| list.of_one("reference", "a").created(">=", 5_i64), &before),
            "select * from payments where merchant_id = $1 and livemode = $2 and reference = $3 and created_at >= $4 \
             and id > $5 order by id limit $6",
            "of one thing there are few"
        );
    }

    #[test]
    fn what_belongs_to_one_row_is_found_by_it() {
        let tenant = Tenant::new(MerchantId::new(), Mode::Test);
        let list = List::of("refunds", &tenant).belonging("payment_id", "payments", "pay_1");
        assert_eq!(
            list.page_with("p.fee", "parts p on p.refund_id = page.id", "p.id", &Page::newest(1)).sql(),
            "select page.*, p.fee from (select * from refunds where payment_id = (select id from payments \
             where merchant_id = $1 and livemode = $2 and id = $3) order by id desc limit $4) page \
             left join parts p on p.refund_id = page.id order by page.id desc, p.id"
        );
    }
}

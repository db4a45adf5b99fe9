//! One statement with its parameters, run on whichever database is there.

use std::borrow::Cow;

use sqlx::{Arguments, AssertSqlSafe, Executor};

use super::Db;
use super::error::DbError;
use super::row::Row;
use super::tx::{On, Tx};
use super::value::Value;
use crate::steps::{self, Step};

/// A statement in the SQL that both databases understand, with `$1`-style parameters.
#[derive(Debug)]
pub struct Query {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement without parameters yet. The text is always the program's own: values go through [`Query::bind`].
pub fn query(sql: &'static str) -> Query {
    Query { sql: Cow::Borrowed(sql), values: Vec::new() }
}

impl Query {
    /// A statement whose text was put together from the program's own pieces.
    pub(super) fn assembled(sql: String, values: Vec<Value>) -> Self {
        Self { sql: Cow::Owned(sql), values }
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The text, with places for its values.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// All rows.
    pub async fn all(self, on: impl Into<On<'_>>) -> Result<Vec<Row>, DbError> {
        let on = on.into();
        steps::pass(|| match &on {
            On::Db(_) => Step::Look(steps::words_of(&self.sql)),
            On::Tx(_) => Step::Statement(steps::words_of(&self.sql)),
        })
        .await;
        let (sql, values) = (AssertSqlSafe(self.sql), self.values);
        macro_rules! rows {
            ($row:ident, $args:ident, $executor:expr) => {{
                let rows = $executor.fetch_all(sqlx::query_with(sql, $args(values)?)).await?;
                Ok(rows.into_iter().map(Row::$row).collect())
            }};
        }
        match on {
            On::Db(Db::Sqlite { read, .. }) => rows!(Sqlite, sqlite_arguments, read),
            On::Db(Db::Postgres(pool)) => rows!(Postgres, postgres_arguments, pool),
            On::Tx(Tx::Sqlite(tx, _)) => rows!(Sqlite, sqlite_arguments, &mut **tx),
            On::Tx(Tx::Postgres(tx, _)) => rows!(Postgres, postgres_arguments, &mut **tx),
        }
    }

    /// The first row, if there is one.
    pub async fn optional(self, on: impl Into<On<'_>>) -> Result<Option<Row>, DbError> {
        Ok(self.all(on).await?.into_iter().next())
    }

    /// The first row; none is an error.
    pub async fn one(self, on: impl Into<On<'_>>) -> Result<Row, DbError> {
        self.optional(on).await?.ok_or(DbError::Sqlx(sqlx::Error::RowNotFound))
    }

    /// Writes, and says how many rows were touched.
    pub async fn execute(self, tx: &mut Tx) -> Result<u64, DbError> {
        steps::pass(|| Step::Statement(steps::words_of(&self.sql))).await;
        let (sql, values) = (AssertSqlSafe(self.sql), self.values);
        Ok(match tx {
            Tx::Sqlite(tx, _) => {
                (&mut **tx).execute(sqlx::query_with(sql, sqlite_arguments(values)?)).await?.rows_affected()
            }
            Tx::Postgres(tx, _) => {
                (&mut **tx).execute(sqlx::query_with(sql, postgres_arguments(values)?)).await?.rows_affected()
            }
        })
    }
}

macro_rules! arguments {
    ($name:ident, $type:ty) => {
        fn $name(values: Vec<Value>) -> Result<$type, DbError> {
            let mut arguments = <$type>::default();
            for value in values {
                match value {
                    Value::Int(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value),
                    Value::Bool(value) => arguments.add(value),
                    Value::Bytes(value) => arguments.add(value),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(arguments)
        }
    };
}

arguments!(sqlite_arguments, sqlx::sqlite::SqliteArguments);
arguments!(postgres_arguments, sqlx::postgres::PgArguments);

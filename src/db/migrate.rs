//! The schema's history, the same steps under the same names for both databases.

use sqlx::migrate::{MigrateError, Migrator};

use super::Db;
use super::error::DbError;
use super::query::query;

/// A schema for each database it may live in.
#[derive(Debug)]
pub struct Migrations {
    /// For SQLite.
    pub sqlite: Migrator,
    /// For PostgreSQL; `None` where only SQLite is offered.
    pub postgres: Option<Migrator>,
}

/// The gateway's own schema.
pub static GATEWAY: Migrations =
    Migrations { sqlite: sqlx::migrate!("migrations/sqlite"), postgres: Some(sqlx::migrate!("migrations/postgres")) };

pub(super) async fn run(db: &Db, migrations: &Migrations) -> Result<(), DbError> {
    let done = match (db, &migrations.postgres) {
        (Db::Sqlite { write, .. }, _) => migrations.sqlite.run(write).await,
        (Db::Postgres(pool), Some(postgres)) => postgres.run(pool).await,
        (Db::Postgres(_), None) => return Err(DbError::UnknownUrl),
    };
    done.map_err(|error| match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => DbError::Newer(version),
        MigrateError::VersionMismatch(version) => DbError::Altered(version),
        other => DbError::Migration(other),
    })
}

pub(super) async fn is_current(db: &Db, migrations: &Migrations) -> Result<bool, DbError> {
    let migrator = match (db, &migrations.postgres) {
        (Db::Postgres(_), Some(postgres)) => postgres,
        _ => &migrations.sqlite,
    };
    let wanted = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    let row = query("select max(version) as version from _sqlx_migrations where success").one(db).await?;
    Ok(row.get::<Option<i64>>("version")? == Some(wanted))
}

//! Keeps the rows of large tables in the order of their keys on SQLite: one tree to write instead of two.
//! PostgreSQL has no such tables.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use sea_orm_migration::prelude::*;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 11] = [
    "activity",
    "balance",
    "block",
    "candle",
    "cost_basis",
    "cost_entry",
    "holder_count",
    "open_interest",
    "pool_rank",
    "pool_snapshot",
    "transfer",
];
const CLUSTERED: &str = " WITHOUT ROWID";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clustered = |sql: &str| match sql.ends_with(CLUSTERED) {
            true => None,
            false => Some(format!("{sql}{CLUSTERED}")),
        };
        remake_all(manager, clustered).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        remake_all(manager, |sql| sql.strip_suffix(CLUSTERED).map(str::to_owned)).await
    }
}

async fn remake_all(
    manager: &SchemaManager<'_>,
    other: impl Fn(&str) -> Option<String> + Send,
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() != DatabaseBackend::Sqlite {
        return Ok(());
    }
    for table in TABLES {
        let sql = sql_of(connection, "table", table).await?;
        // What an interrupted migration did already is not done again.
        let Some(other) = sql.first().and_then(|sql| other(sql)) else { continue };
        let indexes = sql_of(connection, "index", table).await?.join("; ");
        let old = format!("{table}_before");
        let steps = format!(
            "BEGIN; ALTER TABLE {table} RENAME TO {old}; {other}; INSERT INTO {table} SELECT * FROM {old}; \
             DROP TABLE {old}; {indexes}; COMMIT"
        );
        connection.execute_unprepared(&steps).await?;
    }
    Ok(())
}

/// The statements that made a table, or its indexes but that of its key.
async fn sql_of(
    connection: &SchemaManagerConnection<'_>,
    kind: &str,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let statement = Statement::from_sql_and_values(
        DatabaseBackend::Sqlite,
        "SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL ORDER BY name",
        [kind.into(), table.into()],
    );
    connection.query_all_raw(statement).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

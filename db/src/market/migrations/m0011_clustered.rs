//! Keeps the rows of large tables in the order of their keys on SQLite: one tree to write instead of two.
//! PostgreSQL has no such tables. The books have the holder in front on both, which makes an index for lists of
//! holders needless.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use sea_orm_migration::prelude::*;

use crate::tables::index;

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
const BOOKS: &str = "cost_basis";
const BY_TOKEN: [&str; 4] = ["chain_id", "contract", "position_id", "holder"];
const BY_HOLDER: [&str; 4] = ["holder", "chain_id", "contract", "position_id"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_holder = Index::drop().name("cost_basis_by_holder").table(BOOKS).if_exists().to_owned();
        manager.drop_index(by_holder).await?;
        remake_all(manager, |sql| {
            let clustered = format!("{sql}{CLUSTERED}");
            (!sql.ends_with(CLUSTERED)).then(|| clustered.replace(&key_of(BY_TOKEN), &key_of(BY_HOLDER)))
        })
        .await?;
        key_books(manager, BY_HOLDER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        remake_all(manager, |sql| {
            Some(sql.strip_suffix(CLUSTERED)?.replace(&key_of(BY_HOLDER), &key_of(BY_TOKEN)))
        })
        .await?;
        key_books(manager, BY_TOKEN).await?;
        manager
            .create_index(index("cost_basis_by_holder", BOOKS, &BY_HOLDER).if_not_exists().to_owned())
            .await
    }
}

fn key_of(columns: [&str; 4]) -> String {
    format!(r#"PRIMARY KEY ("{}")"#, columns.join(r#"", ""#))
}

/// Changes the key of the books on PostgreSQL.
async fn key_books(manager: &SchemaManager<'_>, columns: [&str; 4]) -> Result<(), DbErr> {
    if manager.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    let key = key_of(columns);
    let statement = format!("ALTER TABLE {BOOKS} DROP CONSTRAINT {BOOKS}_pkey, ADD {key}");
    manager.get_connection().execute_unprepared(&statement).await.map(drop)
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

//! Indexes for lists of markets by what they have in common, each in the order of the list.

use sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::prelude::*;

use crate::tables::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Listed markets only. That of all has the due time behind the order, so that passing over markets that are not due
/// costs no look at the table.
const LISTED: [(&str, &str); 3] = [
    ("market_listed", "block_time, chain_id, block_number, log_index, resolution_time"),
    ("market_by_creator", "creator, block_time, chain_id, block_number, log_index"),
    ("market_by_collateral", "collateral, block_time, chain_id, block_number, log_index"),
];

/// Every letter of a text and every two that stand together, each once. Unlike trigrams they find texts of one and two
/// letters, too, and need no extension.
const GRAMS: &str =
    "CREATE FUNCTION grams(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
  SELECT array_agg(DISTINCT gram) FROM (
    SELECT unnest(ARRAY[letter, letter || lead(letter) OVER (ORDER BY place)]) AS gram
    FROM unnest(string_to_array($1, NULL)) WITH ORDINALITY AS letters (letter, place)
  ) AS all_grams WHERE gram IS NOT NULL
$$";
const BY_GRAMS: &str = "CREATE INDEX market_by_grams ON market USING gin (grams(lower(question)))
  WHERE superseded_by_block IS NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        manager.drop_index(Index::drop().name("market_by_time").table("market").to_owned()).await?;
        for (name, columns) in LISTED {
            let partial =
                format!("CREATE INDEX {name} ON market ({columns}) WHERE superseded_by_block IS NULL");
            connection.execute_unprepared(&partial).await?;
        }
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            connection.execute_unprepared(GRAMS).await?;
            connection.execute_unprepared(BY_GRAMS).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            let connection = manager.get_connection();
            connection.execute_unprepared("DROP INDEX market_by_grams").await?;
            connection.execute_unprepared("DROP FUNCTION grams(text)").await?;
        }
        for (name, _) in LISTED {
            manager.drop_index(Index::drop().name(name).table("market").to_owned()).await?;
        }
        let by_time = ["block_time", "chain_id", "block_number", "log_index"];
        manager.create_index(index("market_by_time", "market", &by_time)).await
    }
}

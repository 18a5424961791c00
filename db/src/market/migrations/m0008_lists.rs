//! Lists markets by volume, liquidity and due time, and finds the last trade of an outcome.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TRADES: &str = "CREATE INDEX activity_by_outcome ON activity \
    (chain_id, amm, outcome_index, block_number) WHERE outcome_index IS NOT NULL";
/// Markets that do not say when they are due come last.
const DUE: &str = "CREATE INDEX market_by_due ON market \
    ((COALESCE(resolution_time, 9223372036854775807)), chain_id, block_number, log_index)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [TRADES, DUE] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        let rank = Table::create()
            .table("pool_rank")
            .col(big_integer("chain_id"))
            .col(var_binary("amm", 32))
            .col(big_integer("block_number"))
            .col(var_binary("volume", 32))
            .col(var_binary("liquidity", 32))
            .primary_key(Index::create().col("chain_id").col("amm"))
            .to_owned();
        manager.create_table(rank).await?;
        let indexes = [
            index("pool_rank_by_block", "pool_rank", &["chain_id", "block_number"]),
            index("pool_rank_by_volume", "pool_rank", &["volume", "chain_id", "amm"]),
            index("pool_rank_by_liquidity", "pool_rank", &["liquidity", "chain_id", "amm"]),
        ];
        for index in indexes {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("pool_rank").to_owned()).await?;
        for (name, table) in [("market_by_due", "market"), ("activity_by_outcome", "activity")] {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        Ok(())
    }
}

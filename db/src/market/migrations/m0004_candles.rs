//! Makes the table of candles. The market fills it from the snapshots of pools that are there.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{amount, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let candle = Table::create()
            .table("candle")
            .col(big_integer("chain_id"))
            .col(var_binary("amm", 32))
            .col(integer("seconds"))
            .col(big_integer("start"))
            .col(big_integer("first_block"))
            .col(big_integer("last_block"))
            .col(text("open"))
            .col(text("high"))
            .col(text("low"))
            .col(text("close"))
            .col(amount("volume", manager.get_database_backend()))
            .col(big_integer("trades"))
            .primary_key(Index::create().col("chain_id").col("amm").col("seconds").col("start"))
            .to_owned();
        manager.create_table(candle).await?;
        manager.create_index(index("candle_by_block", "candle", &["chain_id", "last_block"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("candle").to_owned()).await
    }
}

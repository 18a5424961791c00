//! Contracts that are added while the indexer runs.

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "added_contract";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(big_integer("chain_id"))
                    .col(var_binary("address", 32))
                    .col(text("protocol"))
                    .col(text_null("name"))
                    .col(text_null("abi"))
                    .col(text("signatures"))
                    .col(text("events"))
                    .col(big_integer_null("start_block"))
                    .primary_key(Index::create().col("chain_id").col("address"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}

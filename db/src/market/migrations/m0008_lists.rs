//! Finds the last trade of an outcome.

use sea_orm_migration::prelude::*;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let only_trades = "CREATE INDEX activity_by_outcome ON activity \
            (chain_id, amm, outcome_index, block_number) WHERE outcome_index IS NOT NULL";
        manager.get_connection().execute_unprepared(only_trades).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("activity_by_outcome").table("activity").to_owned()).await
    }
}

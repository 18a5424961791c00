//! Finds blocks by their time, for what happened within a day or a week.

use sea_orm_migration::prelude::*;

use crate::tables::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("block_by_time", "block", &["chain_id", "time", "number"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("block_by_time").table("block").to_owned()).await
    }
}

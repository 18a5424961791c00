//! Keeps how far older states of pools were let go, so that a reset below that is noticed.

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What was final when the pools were last read; where that cannot be told, all that was read.
const FINAL_SO_FAR: &str = "UPDATE pool_cursor SET final_number = COALESCE(
    (SELECT CASE WHEN chain.fork = pool_cursor.fork THEN chain.finalized_number END
     FROM chain WHERE chain.chain_id = pool_cursor.chain_id), block_number, 0)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer("final_number").default(0).to_owned();
        manager.alter_table(Table::alter().table("pool_cursor").add_column(column).to_owned()).await?;
        manager.get_connection().execute_unprepared(FINAL_SO_FAR).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("pool_cursor").drop_column("final_number").to_owned()).await
    }
}

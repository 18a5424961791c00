//! Remembers of which reorgs the blocks that they took back are forgotten.

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What was forgotten before this was noted: orphans were kept for a week.
const FORGOTTEN: &str = "UPDATE chain SET forgotten_fork = COALESCE((SELECT MAX(reorg.fork) FROM reorg
    WHERE reorg.chain_id = chain.chain_id AND reorg.seen_at < chain.indexed_at - 604800000), 0)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer("forgotten_fork").default(0).to_owned();
        manager.alter_table(Table::alter().table("chain").add_column(column).to_owned()).await?;
        manager.get_connection().execute_unprepared(FORGOTTEN).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("chain").drop_column("forgotten_fork").to_owned()).await
    }
}

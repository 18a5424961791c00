//! Keeps with the contracts that factories made which tokens they trade. Of older rows the indexer reads it
//! from the log.

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [&str; 2] = ["token0", "token1"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let column = var_binary_null(column, 32);
            manager.alter_table(Table::alter().table("contract").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("contract").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

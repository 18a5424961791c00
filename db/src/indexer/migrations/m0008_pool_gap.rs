//! Keeps from which block on pools are whole, where the log before it was no longer kept when it was needed.

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("whole_from");
        manager.alter_table(Table::alter().table("pool_cursor").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("pool_cursor").drop_column("whole_from").to_owned()).await
    }
}

//! Makes the tables of what users paid, and says which version of the projection filled the tables: one of before
//! is projected anew.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{index, integer as whole};

const NUMBERS: [&str; 7] = ["quantity", "unknown", "cost", "realised", "unmatched", "invested", "fees"];

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.create_table(cost_basis(backend)).await?;
        manager.create_table(cost_entry(backend)).await?;
        let by_holder = ["holder", "chain_id", "contract", "position_id"];
        manager.create_index(index("cost_basis_by_holder", "cost_basis", &by_holder)).await?;
        let mut version = ColumnDef::new("version");
        version.integer().not_null().default(0);
        manager.alter_table(Table::alter().table("cursor").add_column(version).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("cursor").drop_column("version").to_owned()).await?;
        manager.drop_table(Table::drop().table("cost_entry").to_owned()).await?;
        manager.drop_table(Table::drop().table("cost_basis").to_owned()).await
    }
}

fn cost_basis(backend: DatabaseBackend) -> TableCreateStatement {
    let mut table = Table::create()
        .table("cost_basis")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(var_binary("holder", 32))
        .primary_key(Index::create().col("chain_id").col("contract").col("position_id").col("holder"))
        .to_owned();
    with_numbers(&mut table, backend)
}

fn cost_entry(backend: DatabaseBackend) -> TableCreateStatement {
    let mut table = Table::create()
        .table("cost_entry")
        .col(big_integer("chain_id"))
        .col(big_integer("block_number"))
        .col(integer("item"))
        .col(integer("log_index"))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(var_binary("holder", 32))
        .primary_key(Index::create().col("chain_id").col("block_number").col("item"))
        .to_owned();
    with_numbers(&mut table, backend)
}

fn with_numbers(table: &mut TableCreateStatement, backend: DatabaseBackend) -> TableCreateStatement {
    for name in NUMBERS {
        table.col(whole(name, backend));
    }
    table.to_owned()
}

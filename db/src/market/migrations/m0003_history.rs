//! Makes the tables of what users did and how pools developed.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{amount, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [activity(backend), pool_snapshot(backend)] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["pool_snapshot", "activity"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn activity(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("activity")
        .col(big_integer("chain_id"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .col(big_integer("block_time"))
        .col(small_integer("kind"))
        .col(var_binary("user_address", 32))
        .col(var_binary_null("amm", 32))
        .col(var_binary("condition_id", 32))
        .col(var_binary("collateral", 32))
        .col(integer_null("outcome_index"))
        .col(amount("collateral_amount", backend))
        .col(amount("amount", backend))
        .col(amount("fee", backend))
        .col(var_binary("transaction_id", 64))
        .primary_key(Index::create().col("chain_id").col("block_number").col("log_index"))
        .to_owned()
}

fn pool_snapshot(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("pool_snapshot")
        .col(big_integer("chain_id"))
        .col(var_binary("amm", 32))
        .col(big_integer("block_number"))
        .col(text("balances"))
        .col(amount("volume", backend))
        .col(big_integer("trades"))
        .primary_key(Index::create().col("chain_id").col("amm").col("block_number"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 3] {
    [
        index(
            "activity_by_user",
            "activity",
            &["user_address", "block_time", "chain_id", "block_number", "log_index"],
        ),
        index("activity_by_amm", "activity", &["chain_id", "amm", "block_number", "log_index"]),
        index("pool_snapshot_by_block", "pool_snapshot", &["chain_id", "block_number"]),
    ]
}

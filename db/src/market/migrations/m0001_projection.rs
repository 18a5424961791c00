//! Makes the tables of the projection itself: cursor, blocks, balances and what takes them back.

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
        for table in [cursor(), block(), balance(backend), transfer(backend), undo_log(), quarantine()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["quarantine", "undo_log", "transfer", "balance", "block", "cursor"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn cursor() -> TableCreateStatement {
    Table::create()
        .table("cursor")
        .col(big_integer("chain_id"))
        .col(big_integer("started_at"))
        .col(text("cursor"))
        .col(big_integer("position"))
        .col(big_integer_null("block_number"))
        .col(var_binary_null("block_hash", 32))
        .col(big_integer_null("block_time"))
        .col(big_integer_null("finalized_number"))
        .primary_key(Index::create().col("chain_id"))
        .to_owned()
}

fn block() -> TableCreateStatement {
    Table::create()
        .table("block")
        .col(big_integer("chain_id"))
        .col(big_integer("number"))
        .col(var_binary("hash", 32))
        .col(big_integer("time"))
        .col(big_integer("position"))
        .primary_key(Index::create().col("chain_id").col("number"))
        .to_owned()
}

fn balance(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("balance")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(var_binary("holder", 32))
        .col(amount("amount", backend))
        .primary_key(Index::create().col("chain_id").col("contract").col("position_id").col("holder"))
        .to_owned()
}

fn transfer(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("transfer")
        .col(big_integer("chain_id"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .col(integer("item"))
        .col(var_binary("contract", 32))
        .col(var_binary("sender", 32))
        .col(var_binary("recipient", 32))
        .col(var_binary("position_id", 32))
        .col(amount("value", backend))
        .primary_key(Index::create().col("chain_id").col("block_number").col("log_index").col("item"))
        .to_owned()
}

fn undo_log() -> TableCreateStatement {
    Table::create()
        .table("undo_log")
        .col(big_integer("chain_id"))
        .col(big_integer("sequence"))
        .col(big_integer_null("last_valid_number"))
        .col(var_binary_null("last_valid_hash", 32))
        .col(big_integer_null("last_valid_time"))
        .primary_key(Index::create().col("chain_id").col("sequence"))
        .to_owned()
}

fn quarantine() -> TableCreateStatement {
    Table::create()
        .table("quarantine")
        .col(big_integer("chain_id"))
        .col(var_binary("block_hash", 32))
        .col(integer("log_index"))
        .col(big_integer("block_number"))
        .col(big_integer("position"))
        .col(var_binary("address", 32))
        .col(text("kind"))
        .col(var_binary("transaction_id", 64))
        .col(text("reason"))
        .primary_key(Index::create().col("chain_id").col("block_hash").col("log_index"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 2] {
    [
        index("balance_by_holder", "balance", &["holder", "chain_id", "contract", "position_id"]),
        index("quarantine_by_block", "quarantine", &["chain_id", "block_number"]),
    ]
}

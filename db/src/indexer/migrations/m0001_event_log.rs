//! Makes the event log, its cursor and the reversible window.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [chain(), block(), contract(), event(), quarantine(), reorg("position")] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["reorg", "quarantine", "event", "contract", "block", "chain"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn chain() -> TableCreateStatement {
    Table::create()
        .table("chain")
        .col(big_integer("chain_id").primary_key())
        .col(big_integer("log_id"))
        .col(big_integer("next_position"))
        .col(big_integer_null("indexed_number"))
        .col(var_binary_null("indexed_hash", 32))
        .col(big_integer_null("indexed_time"))
        .col(big_integer_null("finalized_number"))
        .col(var_binary_null("finalized_hash", 32))
        .col(big_integer_null("finalized_time"))
        .col(big_integer("indexed_at"))
        .col(big_integer("events"))
        .col(big_integer("reorgs"))
        .col(big_integer("decode_failures"))
        .to_owned()
}

fn block() -> TableCreateStatement {
    Table::create()
        .table("block")
        .col(big_integer("chain_id"))
        .col(var_binary("hash", 32))
        .col(big_integer("number"))
        .col(var_binary("parent_hash", 32))
        .col(big_integer("time"))
        .col(big_integer_null("orphaned_at"))
        .primary_key(Index::create().col("chain_id").col("hash"))
        .to_owned()
}

/// What factories made.
pub(super) fn contract() -> TableCreateStatement {
    Table::create()
        .table("contract")
        .col(big_integer("chain_id"))
        .col(var_binary("address", 32))
        .col(text("protocol"))
        .col(var_binary("factory", 32))
        .col(big_integer("created_block"))
        .primary_key(Index::create().col("chain_id").col("address"))
        .to_owned()
}

fn event() -> TableCreateStatement {
    Table::create()
        .table("event")
        .col(big_integer("chain_id"))
        .col(big_integer("position"))
        .col(big_integer("block_number"))
        .col(var_binary("block_hash", 32))
        .col(big_integer("block_time"))
        .col(var_binary("transaction_id", 64))
        .col(integer("transaction_index"))
        .col(integer("log_index"))
        .col(var_binary("address", 32))
        .col(text("protocol"))
        .col(text("kind"))
        .col(text("name"))
        .col(text("arguments"))
        .col(big_integer_null("orphaned_at"))
        .primary_key(Index::create().col("chain_id").col("position"))
        .to_owned()
}

fn quarantine() -> TableCreateStatement {
    Table::create()
        .table("quarantine")
        .col(big_integer("chain_id"))
        .col(var_binary("block_hash", 32))
        .col(integer("log_index"))
        .col(big_integer("block_number"))
        .col(var_binary("transaction_id", 64))
        .col(var_binary("address", 32))
        .col(blob("topics"))
        .col(blob("data"))
        .col(text("reason"))
        .primary_key(Index::create().col("chain_id").col("block_hash").col("log_index"))
        .to_owned()
}

/// Reorgs by what was their number in the log.
pub(super) fn reorg(number: &'static str) -> TableCreateStatement {
    Table::create()
        .table("reorg")
        .col(big_integer("chain_id"))
        .col(big_integer(number))
        .col(big_integer("last_valid_number"))
        .col(var_binary("last_valid_hash", 32))
        .col(big_integer("last_valid_time"))
        .col(big_integer("depth"))
        .col(big_integer("seen_at"))
        .primary_key(Index::create().col("chain_id").col(number))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 6] {
    [
        index("event_identity", "event", &["chain_id", "block_hash", "log_index"]).unique().to_owned(),
        index("event_by_address", "event", &["chain_id", "address", "position"]),
        index("event_by_kind", "event", &["chain_id", "kind", "position"]),
        index("event_by_block", "event", &["chain_id", "block_number"]),
        index("event_by_transaction", "event", &["transaction_id"]),
        index("block_by_number", "block", &["chain_id", "number"]),
    ]
}

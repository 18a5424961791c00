//! Keeps logs as the chain emitted them, by place in the chain and fork, and decodes them on
//! reading. The events of the older schema lack what that needs, so the chain is indexed again.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use super::m0001_event_log::{self, contract, reorg};
use crate::tables::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 9] =
    ["covered", "consumer", "reorg", "quarantine", "event", "event_type", "contract", "block", "chain"];

/// What is looked for with every block, found without a look at the many others.
const PARTIAL_INDEXES: [&str; 3] = [
    "CREATE UNIQUE INDEX block_identity ON block (chain_id, hash) WHERE orphaned_at IS NULL",
    "CREATE INDEX block_without_events ON block (chain_id, number) WHERE events = 0",
    "CREATE INDEX block_orphaned ON block (chain_id, time) WHERE orphaned_at IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        m0001_event_log::Migration.down(manager).await?;
        for table in
            [chain(), block(), contract(), event_type(), quarantine(), reorg("fork"), consumer(), covered()]
        {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        for statement in PARTIAL_INDEXES {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        for statement in event(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        m0001_event_log::Migration.up(manager).await
    }
}

fn chain() -> TableCreateStatement {
    Table::create()
        .table("chain")
        .col(big_integer("chain_id").primary_key())
        .col(big_integer("log_id"))
        .col(big_integer("fork"))
        .col(big_integer("history"))
        .col(big_integer_null("indexed_number"))
        .col(var_binary_null("indexed_hash", 32))
        .col(big_integer_null("indexed_time"))
        .col(big_integer_null("finalized_number"))
        .col(var_binary_null("finalized_hash", 32))
        .col(big_integer_null("finalized_time"))
        .col(big_integer("first_block"))
        .col(big_integer("earliest"))
        .col(big_integer("earliest_fork"))
        .col(big_integer("partition_blocks"))
        .col(big_integer("indexed_at"))
        .col(big_integer("events"))
        .col(big_integer("decode_failures"))
        .col(var_binary_null("decoding", 32))
        .col(big_integer("writer"))
        .col(big_integer("writer_until"))
        .to_owned()
}

fn block() -> TableCreateStatement {
    Table::create()
        .table("block")
        .col(big_integer("chain_id"))
        .col(big_integer("number"))
        .col(big_integer("fork"))
        .col(var_binary("hash", 32))
        .col(var_binary_null("parent_hash", 32))
        .col(big_integer("time"))
        .col(integer("events"))
        .col(big_integer_null("orphaned_at"))
        .primary_key(Index::create().col("chain_id").col("number").col("fork"))
        .to_owned()
}

fn event_type() -> TableCreateStatement {
    Table::create()
        .table("event_type")
        .col(integer("id").primary_key())
        .col(text("source"))
        .col(var_binary("topic", 32))
        .to_owned()
}

fn quarantine() -> TableCreateStatement {
    Table::create()
        .table("quarantine")
        .col(big_integer("chain_id"))
        .col(var_binary("block_hash", 32))
        .col(integer("log_index"))
        .col(big_integer("block_number"))
        .col(big_integer("block_time"))
        .col(var_binary("transaction_id", 64))
        .col(integer("transaction_index"))
        .col(var_binary("address", 32))
        .col(blob("topics"))
        .col(blob("data"))
        .col(text("reason"))
        .primary_key(Index::create().col("chain_id").col("block_hash").col("log_index"))
        .to_owned()
}

fn consumer() -> TableCreateStatement {
    Table::create()
        .table("consumer")
        .col(text("id").primary_key())
        .col(text("cursor"))
        .col(big_integer("committed_at"))
        .to_owned()
}

fn covered() -> TableCreateStatement {
    Table::create()
        .table("covered")
        .col(big_integer("chain_id"))
        .col(var_binary("address", 32))
        .col(var_binary("definition", 32))
        .col(big_integer("start_block"))
        .col(big_integer_null("next_block"))
        .col(big_integer("added"))
        .primary_key(Index::create().col("chain_id").col("address"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 2] {
    [
        index("event_type_identity", "event_type", &["source", "topic"]).unique().to_owned(),
        index("quarantine_by_block", "quarantine", &["chain_id", "block_number"]),
    ]
}

/// The logs. (chain, place, fork) with the unique (chain, hash) of the blocks that are part of the
/// chain is the unique (chain, block hash, log index). PostgreSQL's has partitions by range of blocks, made by the
/// writer, so that old ones can be dropped; its index by transaction is a Bloom filter a range of
/// pages, since a tree over hashes would cost more than all others together.
fn event(backend: DatabaseBackend) -> &'static [&'static str] {
    match backend {
        DatabaseBackend::Postgres => &[
            "CREATE TABLE event (
                chain_id bigint NOT NULL,
                place bigint NOT NULL,
                fork bigint NOT NULL,
                type integer NOT NULL,
                transaction_index integer NOT NULL,
                transaction_id bytea NOT NULL,
                address bytea NOT NULL,
                topics bytea NOT NULL,
                data bytea NOT NULL,
                PRIMARY KEY (chain_id, place, fork)
            ) PARTITION BY RANGE (chain_id, place)",
            "CREATE INDEX event_by_address ON event (chain_id, address, place)",
            "CREATE INDEX event_by_type ON event (chain_id, type, place)",
            "CREATE INDEX event_by_transaction ON event USING brin
                (transaction_id bytea_bloom_ops (n_distinct_per_range = 2000, false_positive_rate = 0.01))
                WITH (pages_per_range = 64, autosummarize = on)",
        ],
        _ => &[
            "CREATE TABLE event (
                chain_id integer NOT NULL,
                place integer NOT NULL,
                fork integer NOT NULL,
                type integer NOT NULL,
                transaction_index integer NOT NULL,
                transaction_id blob NOT NULL,
                address blob NOT NULL,
                topics blob NOT NULL,
                data blob NOT NULL,
                PRIMARY KEY (chain_id, place, fork)
            ) WITHOUT ROWID",
            "CREATE INDEX event_by_address ON event (chain_id, address, place)",
            "CREATE INDEX event_by_type ON event (chain_id, type, place)",
            "CREATE INDEX event_by_transaction ON event (transaction_id)",
        ],
    }
}

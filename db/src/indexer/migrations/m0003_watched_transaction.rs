//! Follows transactions that are registered by hash.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{columns::amount_column, tables::index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "watched_transaction";

/// What is looked for with every block: the few that can still change.
const OPEN: &str =
    "CREATE INDEX watched_transaction_open ON watched_transaction (chain_id, looked_at) WHERE NOT settled";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut price = ColumnDef::new("gas_price");
        let price = amount_column(&mut price, manager.get_database_backend()).null().to_owned();
        manager.create_table(table().col(price).to_owned()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(OPEN).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table(TABLE)
        .col(big_integer("chain_id"))
        .col(var_binary("hash", 64))
        .col(text("label"))
        .col(small_integer("state"))
        .col(big_integer("revision"))
        .col(boolean("settled"))
        .col(var_binary_null("sender", 32))
        .col(big_integer_null("nonce"))
        .col(big_integer_null("block_number"))
        .col(var_binary_null("block_hash", 32))
        .col(big_integer_null("block_time"))
        .col(integer_null("transaction_index"))
        .col(boolean_null("success"))
        .col(big_integer_null("gas_used"))
        .col(var_binary_null("replaced_by", 64))
        .col(big_integer("registered_at"))
        .col(big_integer("changed_at"))
        .col(big_integer("seen_at"))
        .col(big_integer("seen_block"))
        .col(big_integer("looked_at"))
        .col(big_integer("looked_block"))
        .col(big_integer("looked_fork"))
        .col(big_integer("due_at"))
        .col(integer("tries"))
        .primary_key(Index::create().col("chain_id").col("hash"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 3] {
    let index = |name: &'static str, columns: &[&'static str]| index(name, TABLE, columns);
    [
        index("watched_transaction_recent", &["chain_id", "registered_at", "hash"]),
        index("watched_transaction_by_state", &["chain_id", "state", "registered_at", "hash"]),
        index("watched_transaction_by_sender", &["chain_id", "sender", "registered_at", "hash"]),
    ]
}

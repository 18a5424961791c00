//! Names markets by slug and category, keeps what users were given, and says which transaction resolved a condition.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{amount, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Tables that an earlier version filled have nothing in these columns until they are filled anew.
const COLUMNS: [(&str, &str); 3] =
    [("market", "slug"), ("market", "category"), ("resolution", "transaction_id")];

/// Listed markets of a category in the order of the list, and those of a contract that say none of their own.
const LISTED: [(&str, &str); 2] = [
    (
        "market_by_category",
        "(category, block_time, chain_id, block_number, log_index) WHERE superseded_by_block IS NULL",
    ),
    (
        "market_without_category",
        "(factory, block_time, chain_id, block_number, log_index) \
            WHERE superseded_by_block IS NULL AND category IS NULL",
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let column = match name {
                "transaction_id" => var_binary_null(name, 64),
                _ => text_null(name),
            };
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        // The oldest one of a slug is the one that it means.
        let by_slug = ["chain_id", "slug", "block_number", "log_index"];
        manager.create_index(index("market_by_slug", "market", &by_slug)).await?;
        for (name, columns) in LISTED {
            let partial = format!("CREATE INDEX {name} ON market {columns}");
            manager.get_connection().execute_unprepared(&partial).await?;
        }
        manager.create_table(gift(manager.get_database_backend())).await?;
        let by_user = ["user_address", "block_time", "chain_id", "block_number", "log_index", "item"];
        manager.create_index(index("gift_by_user", "gift", &by_user)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("gift").to_owned()).await?;
        for name in ["market_without_category", "market_by_category", "market_by_slug"] {
            manager.drop_index(Index::drop().name(name).table("market").to_owned()).await?;
        }
        for (table, name) in COLUMNS {
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

fn gift(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("gift")
        .col(big_integer("chain_id"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .col(integer("item"))
        .col(small_integer("kind"))
        .col(big_integer("block_time"))
        .col(var_binary("user_address", 32))
        .col(var_binary("counterparty", 32))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(amount("amount", backend))
        .col(var_binary("transaction_id", 64))
        .primary_key(
            Index::create().col("chain_id").col("block_number").col("log_index").col("item").col("kind"),
        )
        .to_owned()
}

//! Keeps the liquidity pools that factories made.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{amount, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [pool(), pool_state(manager.get_database_backend()), pool_cursor()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["pool_cursor", "pool_state", "pool"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn pool() -> TableCreateStatement {
    Table::create()
        .table("pool")
        .col(big_integer("chain_id"))
        .col(var_binary("address", 32))
        .col(small_integer("version"))
        .col(var_binary("factory", 32))
        .col(var_binary("token0", 32))
        .col(var_binary("token1", 32))
        .col(integer("fee"))
        .col(integer_null("tick_spacing"))
        .col(big_integer("created_place"))
        .primary_key(Index::create().col("chain_id").col("address"))
        .to_owned()
}

fn pool_state(backend: DatabaseBackend) -> TableCreateStatement {
    let amount = |name: &'static str| amount(name, backend);
    Table::create()
        .table("pool_state")
        .col(big_integer("chain_id"))
        .col(var_binary("address", 32))
        .col(big_integer("block_number"))
        .col(big_integer("block_time"))
        .col(amount("reserve0"))
        .col(amount("reserve1"))
        .col(amount("sqrt_price"))
        .col(integer("tick"))
        .col(amount("liquidity"))
        .col(amount("traded0"))
        .col(amount("traded1"))
        .col(big_integer_null("trade_number"))
        .col(var_binary_null("trade_hash", 32))
        .col(big_integer_null("trade_time"))
        .primary_key(Index::create().col("chain_id").col("address").col("block_number"))
        .to_owned()
}

fn pool_cursor() -> TableCreateStatement {
    Table::create()
        .table("pool_cursor")
        .col(big_integer("chain_id").primary_key())
        .col(big_integer("log_id"))
        .col(big_integer("fork"))
        .col(big_integer("place"))
        .col(big_integer("mark"))
        .col(big_integer("history"))
        .col(big_integer_null("block_number"))
        .col(var_binary_null("block_hash", 32))
        .col(big_integer_null("block_time"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 5] {
    [
        index("pool_by_place", "pool", &["chain_id", "created_place"]).unique().to_owned(),
        index("pool_by_token0", "pool", &["chain_id", "token0", "created_place"]),
        index("pool_by_token1", "pool", &["chain_id", "token1", "created_place"]),
        index("pool_state_by_block", "pool_state", &["chain_id", "block_number"]),
        index("pool_state_by_time", "pool_state", &["chain_id", "address", "block_time"]),
    ]
}

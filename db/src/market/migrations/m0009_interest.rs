//! Makes the tables of open interest and of the numbers of holders, and finds who has most of a token.

use sea_orm::DatabaseBackend;
use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{amount, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// For lists of who holds most. SQLite, whose stores are small, sorts the holders of a token instead: each change of a
/// balance would be two of this index, the most that a trade writes.
const BY_AMOUNT: &str =
    "CREATE INDEX balance_by_amount ON balance (chain_id, contract, position_id, amount DESC, holder)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [open_interest(manager.get_database_backend()), holder_count()] {
            manager.create_table(table).await?;
        }
        let by_block = index("open_interest_by_block", "open_interest", &["chain_id", "block_number"]);
        manager.create_index(by_block).await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            manager.get_connection().execute_unprepared(BY_AMOUNT).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            manager.drop_index(Index::drop().name("balance_by_amount").table("balance").to_owned()).await?;
        }
        for table in ["holder_count", "open_interest"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn open_interest(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("open_interest")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("condition_id", 32))
        .col(var_binary("collateral", 32))
        .col(big_integer("block_number"))
        .col(amount("amount", backend))
        .primary_key(
            Index::create()
                .col("chain_id")
                .col("contract")
                .col("condition_id")
                .col("collateral")
                .col("block_number"),
        )
        .to_owned()
}

fn holder_count() -> TableCreateStatement {
    Table::create()
        .table("holder_count")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(big_integer("holders"))
        .primary_key(Index::create().col("chain_id").col("contract").col("position_id"))
        .to_owned()
}

//! Makes the tables of conditions, markets and pools.

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
        for table in
            [condition(), resolution(), market(), amm(backend), amm_condition(), amm_link(), outcome_token()]
        {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["outcome_token", "amm_link", "amm_condition", "amm", "market", "resolution", "condition"]
        {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn condition() -> TableCreateStatement {
    Table::create()
        .table("condition")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("condition_id", 32))
        .col(var_binary("oracle", 32))
        .col(var_binary("question_id", 32))
        .col(integer("outcome_slot_count"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .primary_key(Index::create().col("chain_id").col("contract").col("condition_id"))
        .to_owned()
}

fn resolution() -> TableCreateStatement {
    Table::create()
        .table("resolution")
        .col(big_integer("chain_id"))
        .col(var_binary("contract", 32))
        .col(var_binary("condition_id", 32))
        .col(text("payouts"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .primary_key(Index::create().col("chain_id").col("contract").col("condition_id"))
        .to_owned()
}

fn market() -> TableCreateStatement {
    Table::create()
        .table("market")
        .col(big_integer("chain_id"))
        .col(var_binary("market_id", 32))
        .col(var_binary("factory", 32))
        .col(var_binary("creator", 32))
        .col(var_binary("condition_id", 32))
        .col(var_binary("collateral", 32))
        .col(var_binary_null("question_id", 32))
        .col(text_null("question"))
        .col(text("outcomes"))
        .col(big_integer_null("resolution_time"))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .col(big_integer("block_time"))
        .col(big_integer_null("superseded_by_block"))
        .primary_key(Index::create().col("chain_id").col("market_id"))
        .to_owned()
}

fn amm(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table("amm")
        .col(big_integer("chain_id"))
        .col(var_binary("address", 32))
        .col(var_binary("factory", 32))
        .col(var_binary("creator", 32))
        .col(var_binary("conditional_tokens", 32))
        .col(var_binary("collateral", 32))
        .col(text("condition_ids"))
        .col(amount("fee", backend))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .primary_key(Index::create().col("chain_id").col("address"))
        .to_owned()
}

fn amm_condition() -> TableCreateStatement {
    Table::create()
        .table("amm_condition")
        .col(big_integer("chain_id"))
        .col(var_binary("amm", 32))
        .col(integer("condition_index"))
        .col(var_binary("condition_id", 32))
        .col(big_integer("block_number"))
        .primary_key(Index::create().col("chain_id").col("amm").col("condition_index"))
        .to_owned()
}

fn amm_link() -> TableCreateStatement {
    Table::create()
        .table("amm_link")
        .col(big_integer("chain_id"))
        .col(var_binary("market_id", 32))
        .col(var_binary("amm", 32))
        .col(big_integer("block_number"))
        .col(integer("log_index"))
        .primary_key(Index::create().col("chain_id").col("market_id"))
        .to_owned()
}

fn outcome_token() -> TableCreateStatement {
    Table::create()
        .table("outcome_token")
        .col(big_integer("chain_id"))
        .col(var_binary("market_id", 32))
        .col(integer("outcome_index"))
        .col(var_binary("contract", 32))
        .col(var_binary("position_id", 32))
        .col(big_integer("block_number"))
        .primary_key(Index::create().col("chain_id").col("market_id").col("outcome_index"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 15] {
    [
        index("condition_by_id", "condition", &["chain_id", "condition_id"]),
        index("condition_by_block", "condition", &["chain_id", "block_number"]),
        index("resolution_by_condition", "resolution", &["chain_id", "condition_id"]),
        index("resolution_by_block", "resolution", &["chain_id", "block_number"]),
        index("market_by_time", "market", &["block_time", "chain_id", "block_number", "log_index"]),
        index("market_by_condition", "market", &["chain_id", "condition_id", "collateral"]),
        index("market_by_factory", "market", &["chain_id", "factory"]),
        index("market_by_block", "market", &["chain_id", "block_number"]),
        index("amm_by_block", "amm", &["chain_id", "block_number"]),
        index("amm_condition_by_condition", "amm_condition", &["chain_id", "condition_id"]),
        index("amm_condition_by_block", "amm_condition", &["chain_id", "block_number"]),
        index("amm_link_by_amm", "amm_link", &["chain_id", "amm"]).unique().to_owned(),
        index("amm_link_by_block", "amm_link", &["chain_id", "block_number"]),
        index("outcome_token_by_position", "outcome_token", &["chain_id", "contract", "position_id"]),
        index("outcome_token_by_block", "outcome_token", &["chain_id", "block_number"]),
    ]
}

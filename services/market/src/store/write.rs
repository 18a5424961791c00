//! One step of the projection: a transaction that moves the cursor and what it covers together.

use capstan_db::{
    bulk::insert_all,
    columns::{HashColumn, TransactionColumn, signed, unsigned},
    market::entities::{amm_link, block, cursor, market, outcome_token, quarantine, resolution, transfer},
};
use capstan_primitives::{BlockRef, ChainId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{
    Error, Store, balances, gifts,
    memory::Memory,
    rows::{self, json},
};
use crate::domain::{
    event::{Origin, Unusable},
    state::{Changes, Link, MarketTokens, Resolution, Transfer},
};

/// Version of the projection. Tables that another one filled are filled anew.
pub(super) const VERSION: i32 = 2;

/// The cursor that a step starts from and the one that it ends at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CursorMove<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
}

/// How far a chain is projected after a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Newest block whose effects are in the tables.
    pub(crate) through: Option<BlockRef>,
    /// Newest finalized block; none leaves the known one.
    pub(crate) finalized: Option<u64>,
}

/// A step that has begun. Dropping it takes everything back.
pub(crate) struct Write {
    pub(super) transaction: DatabaseTransaction,
    pub(super) chain: ChainId,
    pub(super) row: cursor::Model,
}

impl Store {
    /// Makes the row of a chain that is followed for the first time.
    pub(crate) async fn add_chain(&self, chain: ChainId, started_at: i64) -> Result<(), Error> {
        let transaction = self.database.write().await?;
        let row = cursor::ActiveModel {
            chain_id: Set(signed(chain.0)),
            started_at: Set(started_at),
            cursor: Set(String::new()),
            position: Set(0),
            block_number: Set(None),
            block_hash: Set(None),
            block_time: Set(None),
            finalized_number: Set(None),
            version: Set(VERSION),
        };
        let known = OnConflict::column(cursor::Column::ChainId).do_nothing().to_owned();
        cursor::Entity::insert(row).on_conflict(known).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Begins a step. Moving the cursor first locks its row, so of two projectors of one chain
    /// only one goes on.
    pub(crate) async fn write(&self, chain: ChainId, cursor: CursorMove<'_>) -> Result<Write, Error> {
        let transaction = self.database.write().await?;
        if transaction.get_database_backend() == DatabaseBackend::Postgres {
            // A plan that is kept was made when the tables were small, and would read all of them step by step.
            transaction.execute_unprepared("SET LOCAL plan_cache_mode = force_custom_plan").await?;
        }
        let moved = cursor::Entity::update_many()
            .col_expr(cursor::Column::Cursor, Expr::value(cursor.to))
            .filter(cursor::Column::ChainId.eq(signed(chain.0)))
            .filter(cursor::Column::Cursor.eq(cursor.from))
            .exec(&transaction)
            .await?;
        let row = cursor::Entity::find_by_id(signed(chain.0)).one(&transaction).await?;
        match row {
            Some(row) if moved.rows_affected > 0 => Ok(Write { transaction, chain, row }),
            _ => Err(Error::CursorMoved(chain)),
        }
    }
}

impl Write {
    /// Position of the newest applied event.
    pub(crate) fn position(&self) -> u64 {
        unsigned(self.row.position)
    }

    /// Adds what a batch of events changed.
    pub(crate) async fn save(&mut self, changes: Changes, memory: &mut Memory) -> Result<(), Error> {
        let chain = self.chain;
        let c = &self.transaction;
        if let Some((_, position)) = changes.blocks.last() {
            self.row.position = signed(*position);
            memory.applied(*position);
        }
        insert_all(
            c,
            changes.blocks.iter().map(|(block, position)| block_row(chain, *block, *position)).collect(),
        )
        .await?;
        insert_all(c, changes.conditions.into_iter().map(|x| rows::condition_row(chain, x)).collect())
            .await?;
        insert_all(c, changes.resolutions.into_iter().map(|x| resolution_row(chain, x)).collect()).await?;
        insert_all(c, changes.markets.into_iter().map(|x| rows::market_row(chain, x)).collect()).await?;
        insert_all(
            c,
            changes.pools.iter().flat_map(|(x, place)| rows::pool_condition_rows(chain, x, *place)).collect(),
        )
        .await?;
        insert_all(c, changes.pools.into_iter().map(|(x, place)| rows::pool_row(chain, x, place)).collect())
            .await?;
        insert_all(c, changes.tokens.iter().flat_map(|x| token_rows(chain, x)).collect()).await?;
        insert_all(c, changes.transfers.into_iter().map(|x| transfer_row(chain, x)).collect()).await?;
        insert_all(c, changes.activities.into_iter().map(|x| rows::activity_row(chain, x)).collect()).await?;
        insert_all(c, changes.gifts.into_iter().map(|x| gifts::gift_row(chain, x)).collect()).await?;
        self.save_postings(&changes.postings, memory).await?;
        self.save_candles(&changes.snapshots, memory).await?;
        insert_all(c, changes.snapshots.into_iter().map(|x| rows::snapshot_row(chain, x)).collect()).await?;
        insert_all(
            c,
            changes.quarantined.into_iter().map(|(o, why)| quarantine_row(chain, o, &why)).collect(),
        )
        .await?;
        self.save_links(changes.links).await?;
        self.save_interest(&changes.open_interest).await?;
        self.save_holders(&changes.holders).await?;
        balances::store(&self.transaction, chain, changes.balances).await
    }

    /// A pool that a factory claims is listed as the factory's market from then on.
    async fn save_links(&self, links: Vec<Link>) -> Result<(), Error> {
        for Link { pool, place, .. } in &links {
            market::Entity::update_many()
                .col_expr(market::Column::SupersededByBlock, Expr::value(signed(place.block)))
                .filter(market::Column::ChainId.eq(signed(self.chain.0)))
                .filter(market::Column::MarketId.eq(pool.as_bytes().to_vec()))
                .exec(&self.transaction)
                .await?;
        }
        insert_all(&self.transaction, links.into_iter().map(|x| link_row(self.chain, &x)).collect()).await?;
        Ok(())
    }

    /// Ends the step: from here on it happened.
    pub(crate) async fn commit(mut self, progress: Progress) -> Result<(), Error> {
        if let Some(block) = progress.through {
            self.row.block_number = Some(signed(block.number));
            self.row.block_hash = Some(HashColumn(block.hash));
            self.row.block_time = Some(signed(block.time.0));
        }
        if let Some(finalized) = progress.finalized {
            self.row.finalized_number = Some(signed(finalized));
        }
        let row = cursor::ActiveModel::from(self.row).reset_all();
        cursor::Entity::update(row).exec(&self.transaction).await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

fn block_row(chain: ChainId, block: BlockRef, position: u64) -> block::ActiveModel {
    block::ActiveModel {
        chain_id: Set(signed(chain.0)),
        number: Set(signed(block.number)),
        hash: Set(block.hash.into()),
        time: Set(signed(block.time.0)),
        position: Set(signed(position)),
    }
}

fn resolution_row(chain: ChainId, resolution: Resolution) -> resolution::ActiveModel {
    let Resolution { contract, condition_id, payouts, place, transaction } = resolution;
    resolution::ActiveModel {
        chain_id: Set(signed(chain.0)),
        contract: Set(contract.into()),
        condition_id: Set(condition_id.into()),
        payouts: Set(json(&payouts)),
        block_number: Set(signed(place.block)),
        log_index: Set(rows::index(place.log_index)),
        transaction_id: Set(Some(TransactionColumn(transaction))),
    }
}

fn link_row(chain: ChainId, link: &Link) -> amm_link::ActiveModel {
    let Link { market_id, pool, place } = link;
    amm_link::ActiveModel {
        chain_id: Set(signed(chain.0)),
        market_id: Set(market_id.as_bytes().to_vec()),
        amm: Set((*pool).into()),
        block_number: Set(signed(place.block)),
        log_index: Set(rows::index(place.log_index)),
    }
}

fn token_rows(chain: ChainId, market: &MarketTokens) -> Vec<outcome_token::ActiveModel> {
    let MarketTokens { market_id, tokens, block } = market;
    let row = |(outcome, id): (i32, &_)| outcome_token::ActiveModel {
        chain_id: Set(signed(chain.0)),
        market_id: Set(market_id.as_bytes().to_vec()),
        outcome_index: Set(outcome),
        contract: Set(tokens.contract.into()),
        position_id: Set(rows::token_column(*id)),
        block_number: Set(signed(*block)),
    };
    (0i32..).zip(&tokens.ids).map(row).collect()
}

fn transfer_row(chain: ChainId, transfer: Transfer) -> transfer::ActiveModel {
    let Transfer { contract, from, to, token, value, place, item } = transfer;
    transfer::ActiveModel {
        chain_id: Set(signed(chain.0)),
        block_number: Set(signed(place.block)),
        log_index: Set(rows::index(place.log_index)),
        item: Set(rows::index(item)),
        contract: Set(contract.into()),
        sender: Set(from.into()),
        recipient: Set(to.into()),
        position_id: Set(rows::token_column(token)),
        value: Set(capstan_db::columns::AmountColumn(value)),
    }
}

fn quarantine_row(chain: ChainId, origin: Origin, why: &Unusable) -> quarantine::ActiveModel {
    let Origin { position, block, transaction, log_index, address, kind } = origin;
    quarantine::ActiveModel {
        chain_id: Set(signed(chain.0)),
        block_hash: Set(block.hash.into()),
        log_index: Set(rows::index(log_index)),
        block_number: Set(signed(block.number)),
        position: Set(signed(position)),
        address: Set(address.into()),
        kind: Set(kind),
        transaction_id: Set(TransactionColumn(transaction)),
        reason: Set(why.to_string()),
    }
}

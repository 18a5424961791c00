//! What pools traded and are worth by now: kept as blocks come and go, for lists in that order.

use std::collections::BTreeMap;

use capstan_db::{
    bulk::replace_all,
    columns::signed,
    market::entities::{pool_rank, pool_snapshot},
};
use capstan_primitives::{Address, Amount, ChainId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{CHUNK, Error, Write, read, rows};
use crate::domain::{market::PoolState, price, state::Snapshot};

impl Write {
    /// Ranks pools by their last ones of snapshots, which are in order.
    pub(super) async fn save_ranks(&self, snapshots: &[Snapshot]) -> Result<(), Error> {
        let last: BTreeMap<Address, &Snapshot> =
            snapshots.iter().map(|snapshot| (snapshot.pool, snapshot)).collect();
        let row = |snapshot: &&Snapshot| {
            rank(self.chain, snapshot.pool, signed(snapshot.block.number), &snapshot.state)
        };
        self.store_ranks(last.values().map(row).collect()).await
    }

    /// Ranks the pools that blocks above `floor` changed as before. Call it while the snapshots are there.
    pub(super) async fn undo_ranks(&self, floor: i64) -> Result<(), Error> {
        let above = pool_rank::Column::BlockNumber.gt(floor);
        let of_chain = pool_rank::Column::ChainId.eq(signed(self.chain.0));
        let changed = pool_rank::Entity::find().filter(of_chain.clone()).filter(above.clone());
        let changed = changed.all(&self.transaction).await?;
        let pools: Vec<Address> = changed.into_iter().map(|row| row.amm.0).collect();
        pool_rank::Entity::delete_many().filter(of_chain).filter(above).exec(&self.transaction).await?;
        self.rank(&pools, floor).await
    }

    /// Ranks pools as they were after a block.
    async fn rank(&self, pools: &[Address], at: i64) -> Result<(), Error> {
        for pools in pools.chunks(CHUNK) {
            let found = read::latest_snapshots(&self.transaction, self.chain, pools, at).await?;
            let row = |row: &pool_snapshot::Model| {
                Ok(rank(self.chain, row.amm.0, row.block_number, &rows::pool_state(row)?))
            };
            self.store_ranks(found.iter().map(row).collect::<Result<Vec<_>, Error>>()?).await?;
        }
        Ok(())
    }

    async fn store_ranks(&self, ranks: Vec<pool_rank::ActiveModel>) -> Result<(), Error> {
        Ok(replace_all(&self.transaction, ranks).await?)
    }
}

fn rank(chain: ChainId, pool: Address, block_number: i64, state: &PoolState) -> pool_rank::ActiveModel {
    let worth = price::worth(&state.balances).unwrap_or(Amount::ZERO);
    pool_rank::ActiveModel {
        chain_id: Set(signed(chain.0)),
        amm: Set(pool.into()),
        block_number: Set(block_number),
        volume: Set(rows::token_column(state.volume.0)),
        liquidity: Set(rows::token_column(worth.0)),
    }
}

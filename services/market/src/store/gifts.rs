//! What users gave and were given.

use std::collections::{BTreeSet, HashMap};

use capstan_db::{
    columns::{AddressColumn, AmountColumn, TransactionColumn, signed, unsigned},
    market::entities::{gift, market},
};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId, Hash};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};

use super::{CHUNK, ChainState, Error, HistoryKey, Read, rows};
use crate::domain::{
    costs::Asset,
    gift::{Gift, Side},
    market::MarketId,
};

const KINDS: [(i16, Side); 2] = [(8, Side::Received), (9, Side::GivenAway)];

/// What a token is in a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) market: MarketId,
    pub(crate) index: u32,
    /// The first one of a pool that has several.
    pub(crate) condition: Hash,
}

impl Read {
    /// What a user gave and was given on some chains, newest first.
    pub(crate) async fn gifts_of(
        &self,
        chains: &[ChainState],
        user: Address,
        after: Option<HistoryKey>,
        limit: u64,
    ) -> Result<Vec<(ChainId, Gift)>, Error> {
        let found = of_user(chains, user, after).limit(limit).all(&self.transaction).await?;
        let mut gifts = Vec::with_capacity(found.len());
        for state in chains {
            let of_chain = || found.iter().filter(|row| row.chain_id == signed(state.chain.0));
            let numbers: BTreeSet<i64> = of_chain().map(|row| row.block_number).collect();
            let blocks = self.blocks(state.chain, &numbers.into_iter().collect::<Vec<_>>()).await?;
            for row in of_chain() {
                let hash = blocks.get(&row.block_number).map(|block| block.hash).unwrap_or_default();
                gifts.push((state.chain, gift(row.clone(), hash)?));
            }
        }
        Ok(gifts)
    }

    /// What tokens are in the oldest listed market that has them; nothing for those that none has.
    pub(crate) async fn outcomes_of_gifts(
        &self,
        gifts: &[(ChainId, &Gift)],
    ) -> Result<HashMap<(ChainId, Asset), Outcome>, Error> {
        let holdings: Vec<_> =
            gifts.iter().map(|(chain, gift)| (signed(chain.0), gift.holding(), gift.amount)).collect();
        let outcomes = self.outcomes_of(&holdings).await?;
        let of = |(chain, gift): &(ChainId, &Gift)| {
            let Asset { contract, token } = gift.asset;
            outcomes.get(&(signed(chain.0), contract, token)).map(|outcome| (*chain, gift.asset, *outcome))
        };
        let found: Vec<(ChainId, Asset, (MarketId, u32))> = gifts.iter().filter_map(of).collect();
        let mut told = HashMap::new();
        for chain in found.iter().map(|(chain, ..)| *chain).collect::<BTreeSet<_>>() {
            let of_chain = || found.iter().filter(|(of, ..)| *of == chain);
            let ids: BTreeSet<MarketId> = of_chain().map(|(_, _, (market, _))| *market).collect();
            let conditions = self.conditions_of(chain, ids).await?;
            told.extend(of_chain().filter_map(|(_, asset, (market, index))| {
                let condition = *conditions.get(market)?;
                Some(((chain, *asset), Outcome { market: *market, index: *index, condition }))
            }));
        }
        Ok(told)
    }

    async fn conditions_of(
        &self,
        chain: ChainId,
        ids: BTreeSet<MarketId>,
    ) -> Result<HashMap<MarketId, Hash>, Error> {
        let mut conditions = HashMap::new();
        for ids in ids.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
            let ids = rows::padded(ids.iter().map(|id| id.as_bytes().to_vec()));
            let found = market::Entity::find()
                .filter(market::Column::ChainId.eq(signed(chain.0)))
                .filter(market::Column::MarketId.is_in(ids))
                .all(&self.transaction)
                .await?;
            for row in found {
                conditions.insert(rows::market_id("market", &row.market_id)?, row.condition_id.0);
            }
        }
        Ok(conditions)
    }
}

fn of_user(chains: &[ChainState], user: Address, after: Option<HistoryKey>) -> Select<gift::Entity> {
    let order = [
        gift::Column::BlockTime,
        gift::Column::ChainId,
        gift::Column::BlockNumber,
        gift::Column::LogIndex,
        gift::Column::Item,
    ];
    let mut query = gift::Entity::find()
        .filter(gift::Column::UserAddress.eq(AddressColumn(user)))
        .filter(gift::Column::ChainId.is_in(chains.iter().map(|state| signed(state.chain.0))));
    if let Some(HistoryKey { time, chain, block, log_index, item }) = after {
        let key = [signed(time), signed(chain.0), signed(block), i64::from(log_index), i64::from(item)];
        query = query.filter(Expr::tuple(order.map(Expr::col)).lt(Expr::tuple(key.map(Expr::value))));
    }
    order.into_iter().fold(query, |query, column| query.order_by_desc(column))
}

pub(super) fn gift_row(chain: ChainId, gift: Gift) -> gift::ActiveModel {
    let Gift { side, user, counterparty, asset, amount, block, transaction, log_index, item } = gift;
    let kind = KINDS.iter().find(|(_, known)| *known == side).map_or(0, |(kind, _)| *kind);
    gift::ActiveModel {
        chain_id: Set(signed(chain.0)),
        block_number: Set(signed(block.number)),
        log_index: Set(rows::index(log_index)),
        item: Set(rows::index(item)),
        kind: Set(kind),
        block_time: Set(signed(block.time.0)),
        user_address: Set(user.into()),
        counterparty: Set(counterparty.into()),
        contract: Set(asset.contract.into()),
        position_id: Set(rows::token_column(asset.token)),
        amount: Set(AmountColumn(amount)),
        transaction_id: Set(TransactionColumn(transaction)),
    }
}

/// `hash` is that of the block, which the row knows by number.
fn gift(row: gift::Model, hash: Hash) -> Result<Gift, Error> {
    let side = KINDS.iter().find(|(kind, _)| *kind == row.kind).map(|(_, side)| *side);
    let problem = || format!("a gift of kind {}", row.kind);
    Ok(Gift {
        side: side.ok_or_else(|| Error::Corrupt { table: "gift", problem: problem() })?,
        user: row.user_address.0,
        counterparty: row.counterparty.0,
        asset: Asset { contract: row.contract.0, token: rows::token(&row.position_id) },
        amount: row.amount.0,
        block: BlockRef {
            number: unsigned(row.block_number),
            hash,
            time: BlockTime(unsigned(row.block_time)),
        },
        transaction: row.transaction_id.0,
        log_index: rows::from_index(row.log_index),
        item: rows::from_index(row.item),
    })
}

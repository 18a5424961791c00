//! Pools: created and traded with.

use capstan_primitives::{Address, Amount, Hash};

use super::{Effect, Projection, contradiction, costs::Way};
use crate::domain::{
    costs::{Asset, Deal},
    event::{Origin, PoolCreated, Trade, Unusable},
    ids,
    market::{Activity, ActivityKind, Announcement, MarketId, Pool, Side, Tokens},
    state::{Holding, KnownPool, MarketTokens},
};

impl Projection<'_> {
    pub(super) fn pool_created(&mut self, origin: &Origin, created: &PoolCreated) -> Effect {
        if self.state.pools.contains_key(&created.pool) {
            return Err(contradiction(format!("the pool {} was created already", created.pool)));
        }
        let tokens = self.tokens_of_pool(created)?;
        let condition_id = *created.condition_ids.first().ok_or(Unusable::Missing("conditionIds"))?;
        let pool = Pool {
            address: created.pool,
            factory: origin.address,
            creator: created.creator,
            collateral: created.collateral,
            condition_ids: created.condition_ids.clone(),
            fee: created.fee,
            tokens: tokens.clone(),
        };
        // A pool's address is known before it exists, so it can own tokens already.
        if tokens.ids.iter().any(|token| !self.state.balance(&holding(&pool, *token)).is_zero()) {
            self.changed_pools.insert(pool.address);
        }
        self.state.factories.insert(origin.address);
        self.transaction.factory(origin.address);
        self.changes.markets.push(announcement(origin, created, condition_id));
        let market_id = MarketId::Pool(pool.address);
        self.changes.tokens.push(MarketTokens { market_id, tokens, block: origin.block.number });
        self.changes.pools.push((pool.clone(), origin.place()));
        let known = KnownPool { pool, volume: Amount::ZERO, trades: 0, before: None };
        self.state.pools.insert(created.pool, known);
        Ok(())
    }

    fn tokens_of_pool(&self, created: &PoolCreated) -> Result<Tokens, Unusable> {
        let mut conditions = Vec::with_capacity(created.condition_ids.len());
        for id in &created.condition_ids {
            let condition = self.condition(created.conditional_tokens, *id).ok_or_else(|| {
                contradiction(format!(
                    "the log has no preparation of condition {id}; follow ConditionalTokens from its deployment"
                ))
            })?;
            conditions.push((*id, condition.outcome_slot_count));
        }
        let ids = ids::position_ids(created.collateral, &conditions)
            .map_err(|error| contradiction(error.to_string()))?;
        Ok(Tokens { contract: created.conditional_tokens, ids })
    }

    pub(super) fn traded(&mut self, origin: &Origin, trade: &Trade) -> Effect {
        let known = self.state.pools.get_mut(&origin.address).ok_or_else(|| unknown_pool(origin.address))?;
        let Tokens { contract, ids } = &known.pool.tokens;
        let outcome = usize::try_from(trade.outcome_index).ok().and_then(|index| ids.get(index));
        let Some(token) = outcome else {
            let problem = format!("the pool has {} outcomes", ids.len());
            return Err(Unusable::Malformed { name: "outcomeIndex", problem });
        };
        let asset = Asset { contract: *contract, token: *token };
        let overflow = |error: capstan_primitives::AmountError| contradiction(format!("volume: {error}"));
        known.volume = known.volume.plus(trade.collateral).map_err(overflow)?;
        known.trades = known.trades.saturating_add(1);
        self.changed_pools.insert(origin.address);
        let activity = self.pool_activity(origin, trade.trader, ActivityKind::Trade(trade.side))?;
        self.changes.activities.push(Activity {
            outcome_index: Some(trade.outcome_index),
            collateral_amount: trade.collateral,
            amount: trade.amount,
            fee: trade.fee,
            ..activity
        });
        self.exchanged(origin, trade, asset);
        Ok(())
    }

    fn exchanged(&mut self, origin: &Origin, trade: &Trade, asset: Asset) {
        let Trade { trader, side, outcome_index: _, collateral, fee, amount } = *trade;
        let deal = match side {
            Side::Buy => Deal::Bought { asset, amount, paid: collateral, fee },
            Side::Sell => {
                self.transaction.explain(Way::ToPool, asset.of(trader), amount);
                Deal::Sold { asset, amount, received: collateral, fee }
            }
        };
        self.post(origin, trader, deal);
    }

    /// What `user` did with the emitting pool, with the amounts still zero.
    pub(super) fn pool_activity(
        &self,
        origin: &Origin,
        user: Address,
        kind: ActivityKind,
    ) -> Result<Activity, Unusable> {
        let known = self.state.pools.get(&origin.address).ok_or_else(|| unknown_pool(origin.address))?;
        Ok(Activity {
            pool: Some(origin.address),
            condition_id: known.pool.condition_ids.first().copied().unwrap_or_default(),
            collateral: known.pool.collateral,
            ..self.activity(origin, user, kind)
        })
    }
}

fn holding(pool: &Pool, token: capstan_primitives::U256) -> Holding {
    Holding { contract: pool.tokens.contract, token, holder: pool.address }
}

fn unknown_pool(address: Address) -> Unusable {
    contradiction(format!("the log has no creation of the pool {address}"))
}

fn announcement(origin: &Origin, created: &PoolCreated, condition_id: Hash) -> Announcement {
    Announcement {
        id: MarketId::Pool(created.pool),
        factory: origin.address,
        creator: created.creator,
        condition_id,
        collateral: created.collateral,
        question_id: None,
        question: None,
        outcomes: Vec::new(),
        resolution_time: None,
        place: origin.place(),
        time: origin.block.time,
        slug: None,
        category: None,
    }
}

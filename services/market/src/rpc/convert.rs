//! Domain → wire.

use std::{collections::HashMap, sync::Arc};

use bigdecimal::num_bigint::BigInt;
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId, Finality, Price};
use capstan_proto::{market as wire, primitives};

use crate::{
    domain::{
        change::{MarketEvent, PositionChange},
        costs::Costs,
        market::{Activity, ActivityKind, Market, MarketId, MarketStatus, PoolState, Settlement, Side},
        position::{Position, PositionStatus, Shares},
        price,
    },
    operations::ActivityOf,
    store::ChainState,
};

/// Symbols and decimals of the configured tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collaterals(pub(crate) Arc<HashMap<(ChainId, Address), Collateral>>);

/// What the configuration says of a token.
#[derive(Debug, Clone)]
pub(crate) struct Collateral {
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
}

pub(super) fn block(block: BlockRef) -> primitives::BlockRef {
    let BlockRef { number, hash, time } = block;
    primitives::BlockRef { number, hash: hash.to_string(), time: Some(timestamp(time)) }
}

pub(super) fn timestamp(time: BlockTime) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: i64::try_from(time.0).unwrap_or(i64::MAX), nanos: 0 }
}

pub(super) fn as_of(state: &ChainState) -> primitives::AsOf {
    as_of_block(state.chain, state.through, state.finalized)
}

pub(super) fn all_as_of(states: &[ChainState]) -> Vec<primitives::AsOf> {
    states.iter().map(as_of).collect()
}

/// A chain at one of its blocks; none while it has not begun.
pub(super) fn as_of_block(chain: ChainId, at: Option<BlockRef>, finalized: Option<u64>) -> primitives::AsOf {
    let finality = match at.map(|block| Finality::of(block.number, finalized)) {
        Some(Finality::Finalized) => primitives::Finality::Finalized,
        Some(Finality::Safe) => primitives::Finality::Safe,
        Some(Finality::Latest) => primitives::Finality::Latest,
        None => primitives::Finality::Unspecified,
    };
    primitives::AsOf { chain_id: chain.0, block: at.map(block), finality: finality.into() }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

fn prices(prices: Option<Vec<Price>>) -> Vec<String> {
    prices.map(|prices| texts(&prices)).unwrap_or_default()
}

impl Collaterals {
    pub(super) fn market(&self, market: Market) -> wire::Market {
        let outcome_count = u32::try_from(market.outcome_count()).unwrap_or(u32::MAX);
        let marginal = prices(market.prices());
        let liquidity = market.liquidity().map(|liquidity| liquidity.to_string());
        let open_interest = market.open_interest.map(|collateral| collateral.to_string());
        let status = match market.status() {
            MarketStatus::Open => wire::MarketStatus::Open,
            MarketStatus::Due => wire::MarketStatus::Due,
            MarketStatus::Resolved => wire::MarketStatus::Resolved,
        };
        let (volume_24h, volume_7d) = (market.volume_of_day.to_string(), market.volume_of_week.to_string());
        let Market { chain, announcement, amm, fee, tokens, pool, payouts, settlement, .. } = market;
        let Market { holders, updated, .. } = market;
        let collateral = self.0.get(&(chain, announcement.collateral));
        let source = match announcement.id {
            MarketId::Factory(_) => wire::MarketSource::Factory,
            MarketId::Pool(_) => wire::MarketSource::Pool,
        };
        wire::Market {
            market_id: announcement.id.to_string(),
            chain_id: chain.0,
            question_id: announcement.question_id.map(|id| id.to_string()),
            condition_id: announcement.condition_id.to_string(),
            creator: announcement.creator.to_string(),
            collateral_token: announcement.collateral.to_string(),
            amm_address: amm.map(|amm| amm.to_string()),
            question: announcement.question,
            outcomes: announcement.outcomes,
            outcome_count,
            resolution_time: announcement.resolution_time.map(|time| timestamp(BlockTime(time))),
            resolved: payouts.is_some(),
            payouts: payouts.map(|payouts| texts(&payouts)).unwrap_or_default(),
            created_at: Some(timestamp(announcement.time)),
            updated_at: Some(timestamp(updated)),
            prices: marginal,
            pool_balances: pool.as_ref().map(|pool| texts(&pool.balances)).unwrap_or_default(),
            fee: fee.map(|fee| fee.to_string()),
            volume: pool.as_ref().map_or_else(|| "0".to_owned(), |pool| pool.volume.to_string()),
            trade_count: pool.map_or(0, |pool| pool.trades),
            collateral_symbol: collateral.map(|it| it.symbol.clone()),
            collateral_decimals: collateral.map(|it| u32::from(it.decimals)),
            position_ids: tokens.map(|tokens| texts(&tokens.ids)).unwrap_or_default(),
            source: source.into(),
            status: status.into(),
            volume_24h,
            volume_7d,
            liquidity,
            resolution: settlement.map(resolution),
            open_interest,
            holder_counts: holders,
            slug: announcement.slug.map(|slug| slug.to_string()),
            category: announcement.category,
        }
    }
}

fn resolution(settlement: Settlement) -> wire::Resolution {
    let Settlement { condition_id, oracle, block: at, log_index, transaction } = settlement;
    wire::Resolution {
        condition_id: condition_id.to_string(),
        oracle_address: oracle.map(|oracle| oracle.to_string()),
        block: Some(block(at)),
        log_index,
        transaction_hash: transaction.map(|id| id.to_string()),
    }
}

/// One entry for every outcome of a market; `last` are the newest trades of some.
pub(super) fn outcome_prices(market: &Market, last: &[Activity]) -> Vec<wire::OutcomePrice> {
    let prices = market.prices().unwrap_or_default();
    let names = &market.announcement.outcomes;
    let balances = market.pool.as_ref().map(|pool| pool.balances.as_slice()).unwrap_or_default();
    let outcome = |index: usize| {
        let outcome_index = u32::try_from(index).unwrap_or(u32::MAX);
        let last = last.iter().find(|trade| trade.outcome_index == Some(outcome_index));
        wire::OutcomePrice {
            outcome_index,
            outcome: names.get(index).cloned(),
            price: prices.get(index).map(Price::to_string),
            pool_balance: balances.get(index).map_or_else(|| "0".to_owned(), ToString::to_string),
            last_trade_price: last.and_then(trade_price),
            last_trade_time: last.map(|trade| timestamp(trade.block.time)),
        }
    };
    (0..market.outcome_count()).map(outcome).collect()
}

pub(super) fn price_point(at: BlockRef, state: &PoolState) -> wire::PricePoint {
    wire::PricePoint {
        block: Some(block(at)),
        prices: prices(price::marginal(&state.balances)),
        pool_balances: texts(&state.balances),
    }
}

fn trade_price(trade: &Activity) -> Option<String> {
    Price::ratio(trade.collateral_amount, trade.amount).map(|price| price.to_string())
}

pub(super) fn trade(chain: ChainId, market_id: MarketId, activity: Activity) -> wire::Trade {
    let price = trade_price(&activity);
    let Activity { kind, user, pool, condition_id: _, collateral: _, outcome_index, .. } = activity;
    let Activity { collateral_amount, amount, fee, block: at, transaction, log_index, .. } = activity;
    let side = match kind {
        ActivityKind::Trade(Side::Buy) => wire::TradeSide::Buy,
        ActivityKind::Trade(Side::Sell) => wire::TradeSide::Sell,
        _ => wire::TradeSide::Unspecified,
    };
    wire::Trade {
        market_id: market_id.to_string(),
        chain_id: chain.0,
        trader: user.to_string(),
        side: side.into(),
        outcome_index: outcome_index.unwrap_or_default(),
        amount: amount.to_string(),
        collateral_amount: collateral_amount.to_string(),
        fee: fee.to_string(),
        price,
        block: Some(block(at)),
        transaction_hash: transaction.to_string(),
        log_index,
        amm_address: pool.map(|pool| pool.to_string()).unwrap_or_default(),
    }
}

pub(super) fn position(position: Position) -> wire::Position {
    let difference = position.costs.difference(position.amount);
    let costs = costs(&position.costs, position.unrealised.as_ref());
    let Position { chain, market_id, outcome_index, outcome, token, holder, amount, price, .. } = position;
    let Position { status, payout, mergeable, value, .. } = position;
    let status = match status {
        PositionStatus::Open => wire::PositionStatus::Open,
        PositionStatus::Redeemable => wire::PositionStatus::Redeemable,
        PositionStatus::Lost => wire::PositionStatus::Lost,
        PositionStatus::Closed => wire::PositionStatus::Closed,
    };
    wire::Position {
        user_address: holder.to_string(),
        market_id: market_id.to_string(),
        chain_id: chain.0,
        outcome_index,
        outcome,
        amount: amount.to_string(),
        position_id: token.to_string(),
        price: price.map(|price| price.to_string()),
        status: status.into(),
        payout: payout.map(|payout| payout.to_string()),
        mergeable: mergeable.to_string(),
        value: value.map(|value| value.to_string()),
        costs: Some(costs),
        reconciled: difference == BigInt::ZERO,
        difference: difference.to_string(),
    }
}

pub(super) fn shares(shares: &Shares) -> wire::LiquidityPosition {
    let Shares { chain, market_id, pool, holder, costs } = shares;
    wire::LiquidityPosition {
        user_address: holder.to_string(),
        market_id: market_id.to_string(),
        chain_id: chain.0,
        amm_address: pool.to_string(),
        costs: Some(self::costs(costs, None)),
    }
}

fn costs(costs: &Costs, unrealised: Option<&BigInt>) -> wire::PositionCosts {
    let Costs { quantity, unknown, cost, realised, unmatched, invested, fees } = costs;
    wire::PositionCosts {
        known_amount: quantity.to_string(),
        unknown_amount: unknown.to_string(),
        cost: cost.to_string(),
        average_cost: costs.average().map(|price| price.to_string()),
        invested: invested.to_string(),
        fees: fees.to_string(),
        realised_pnl: realised.to_string(),
        unmatched_pnl: unmatched.to_string(),
        unrealised_pnl: unrealised.map(ToString::to_string),
    }
}

pub(super) fn position_change(chain: ChainId, at: BlockRef, change: PositionChange) -> wire::PositionChange {
    let PositionChange { market, outcome_index, token, holder, change } = change;
    wire::PositionChange {
        market_id: market.to_string(),
        chain_id: chain.0,
        user_address: holder.to_string(),
        outcome_index,
        position_id: token.to_string(),
        change: change.to_string(),
        block: Some(block(at)),
    }
}

pub(super) fn market_event(event: MarketEvent) -> i32 {
    let event = match event {
        MarketEvent::ConditionPrepared => wire::MarketEvent::ConditionPrepared,
        MarketEvent::Created => wire::MarketEvent::Created,
        MarketEvent::PoolDeployed => wire::MarketEvent::PoolDeployed,
        MarketEvent::ConditionResolved => wire::MarketEvent::ConditionResolved,
        MarketEvent::Resolved => wire::MarketEvent::Resolved,
    };
    event.into()
}

pub(super) fn activity(activity: ActivityOf) -> wire::Activity {
    let ActivityOf { chain, market_id, activity } = activity;
    let Activity { kind, user, pool: _, condition_id, collateral: _, outcome_index, .. } = activity;
    let Activity { collateral_amount, amount, fee, block: at, transaction, log_index, .. } = activity;
    let kind = match kind {
        ActivityKind::Trade(Side::Buy) => wire::ActivityKind::Buy,
        ActivityKind::Trade(Side::Sell) => wire::ActivityKind::Sell,
        ActivityKind::Split => wire::ActivityKind::Split,
        ActivityKind::Merge => wire::ActivityKind::Merge,
        ActivityKind::Redeem => wire::ActivityKind::Redeem,
        ActivityKind::AddLiquidity => wire::ActivityKind::AddLiquidity,
        ActivityKind::RemoveLiquidity => wire::ActivityKind::RemoveLiquidity,
    };
    wire::Activity {
        kind: kind.into(),
        user_address: user.to_string(),
        market_id: market_id.map(|id| id.to_string()),
        chain_id: chain.0,
        condition_id: condition_id.to_string(),
        outcome_index,
        collateral_amount: collateral_amount.to_string(),
        amount: amount.to_string(),
        fee: fee.to_string(),
        block: Some(block(at)),
        transaction_hash: transaction.to_string(),
        log_index,
        position_id: None,
        counterparty: None,
    }
}

//! Answers → messages.

use std::sync::atomic::Ordering;

use capstan_primitives::{BlockRef, ChainId, Finality, U256};
use capstan_proto::{primitives, quoter as wire};
use prost_types::Timestamp;

use crate::{
    domain::{
        graph::Graph,
        pool::{Pool, State, Way},
        quote::{Ask, GasCost, Quote, Status},
        route::{Hop, Route, Side},
        state::{Entry, Pools, Problem},
    },
    operations::{Answer, Chain, Checks, Quoter, Snapshot},
};

/// Pools that are named when they were left out.
const MOST_SKIPPED: usize = 20;

pub(super) fn as_of(snapshot: &Snapshot) -> primitives::AsOf {
    as_of_block(snapshot.chain, snapshot.block, snapshot.finality())
}

pub(super) fn as_of_block(chain: ChainId, at: BlockRef, finality: Finality) -> primitives::AsOf {
    let finality = match finality {
        Finality::Latest => primitives::Finality::Latest,
        Finality::Safe => primitives::Finality::Safe,
        Finality::Finalized => primitives::Finality::Finalized,
    };
    primitives::AsOf { chain_id: chain.0, block: Some(block(at)), finality: finality.into() }
}

fn block(block: BlockRef) -> primitives::BlockRef {
    let seconds = i64::try_from(block.time.0).unwrap_or(i64::MAX);
    primitives::BlockRef {
        number: block.number,
        hash: block.hash.to_string(),
        time: Some(Timestamp { seconds, nanos: 0 }),
    }
}

fn timestamp(millis: i64) -> Timestamp {
    let nanos = i32::try_from(millis.rem_euclid(1_000)).unwrap_or_default() * 1_000_000;
    Timestamp { seconds: millis.div_euclid(1_000), nanos }
}

/// Units of 10^-8 as hundredths of a percent with four decimals at most.
fn bps(units: u64) -> String {
    let text = format!("{}.{:04}", units / 10_000, units % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An answer as it is told.
pub(super) fn quote(quoter: &Quoter, ask: &Ask, answer: &Answer) -> wire::Quote {
    let Answer { quote: told, snapshot, id } = answer;
    let is_in = ask.side == Side::In;
    let now = quoter.now_ms();
    let mut message = wire::Quote {
        status: status(told.status).into(),
        problem: told.problem.clone(),
        quote_id: id.to_string(),
        token_in: ask.token_in.to_string(),
        token_out: ask.token_out.to_string(),
        slippage_bps: ask.slippage_bps,
        as_of: Some(as_of(snapshot)),
        state_age_ms: quoter.age_ms(snapshot),
        create_time: Some(timestamp(now)),
        completeness: Some(completeness(told, &snapshot.pools)),
        warnings: told.warnings.clone(),
        max_fillable: told.max_fillable.map(|most| most.to_string()),
        ..wire::Quote::default()
    };
    if told.status != Status::Ok {
        return message;
    }
    let next_block =
        i64::try_from(snapshot.block.time.0.saturating_mul(1_000).saturating_add(snapshot.spacing_ms));
    message.expire_time = Some(timestamp(next_block.unwrap_or(i64::MAX).max(now)));
    (message.amount_in, message.amount_out) = (told.amount_in.to_string(), told.amount_out.to_string());
    message.amount_net_of_gas = told.net.map(|(net, is_negative)| signed(net, is_negative));
    message.min_amount_out = is_in.then(|| told.limit.to_string());
    message.max_amount_in = (!is_in).then(|| told.limit.to_string());
    message.routes = routes(told, &snapshot.pools);
    (message.mid_price, message.execution_price) = (told.mid.to_string(), told.execution.to_string());
    (message.price_impact_bps, message.lp_fee_bps) = (bps(told.impact), bps(told.lp_fee));
    message.gas = Some(gas(&told.gas));
    message
}

pub(super) fn signed(amount: U256, is_negative: bool) -> String {
    if is_negative && !amount.is_zero() { format!("-{amount}") } else { amount.to_string() }
}

const fn status(status: Status) -> wire::QuoteStatus {
    match status {
        Status::Ok => wire::QuoteStatus::Ok,
        Status::NoRoute => wire::QuoteStatus::NoRoute,
        Status::InsufficientLiquidity => wire::QuoteStatus::InsufficientLiquidity,
        Status::StaleState => wire::QuoteStatus::StaleState,
        Status::UnsupportedToken => wire::QuoteStatus::UnsupportedToken,
        Status::AmountTooSmall => wire::QuoteStatus::AmountTooSmall,
        Status::UnknownToken => wire::QuoteStatus::UnknownToken,
        Status::Timeout => wire::QuoteStatus::Timeout,
    }
}

fn gas(cost: &GasCost) -> wire::GasCost {
    let GasCost { units, price, execution, data, in_token } = cost;
    wire::GasCost {
        units: *units,
        gas_price: price.to_string(),
        execution_fee: execution.to_string(),
        l1_data_fee: data.to_string(),
        total: execution.saturating_add(*data).to_string(),
        in_token: in_token.map(|amount| amount.to_string()),
    }
}

fn completeness(quote: &Quote, pools: &Pools) -> wire::Completeness {
    let skipped = quote.skipped.iter().take(MOST_SKIPPED).filter_map(|(place, why)| {
        Some(wire::SkippedPool { pool_id: pools.at(*place)?.id.to_string(), problem: problem(*why).into() })
    });
    wire::Completeness {
        pools_considered: u32::try_from(quote.considered).unwrap_or(u32::MAX),
        pools_skipped: skipped.collect(),
        search_exhaustive: quote.is_exhaustive,
    }
}

/// The routes with every hop; pools are in the state that earlier routes left them in.
fn routes(quote: &Quote, pools: &Pools) -> Vec<wire::Route> {
    let mut changed: Vec<(u32, std::sync::Arc<dyn Pool>)> = Vec::new();
    let mut all = Vec::with_capacity(quote.routes.len());
    for route in &quote.routes {
        let mut hops = Vec::with_capacity(route.hops.len());
        for hop in &route.hops {
            let Some(entry) = pools.at(hop.edge.pool) else { continue };
            let known = changed.iter_mut().find(|(place, _)| *place == hop.edge.pool);
            let pool = known.as_ref().map_or(&entry.pool, |(_, pool)| pool);
            hops.push(self::hop(entry, pool.as_ref(), hop));
            let after = pool.after(&hop.swap);
            match known {
                Some((_, pool)) => *pool = after,
                None => changed.push((hop.edge.pool, after)),
            }
        }
        all.push(wire::Route {
            amount_in: route.amount_in().to_string(),
            amount_out: route.amount_out().to_string(),
            share_bps: share(route, quote.amount_in),
            hops,
        });
    }
    all
}

fn share(route: &Route, of: U256) -> u32 {
    let scaled = route.amount_in().checked_mul(U256::from(10_000)).and_then(|amount| amount.checked_div(of));
    scaled.and_then(|share| u32::try_from(share).ok()).unwrap_or(10_000)
}

fn hop(entry: &Entry, pool: &dyn Pool, hop: &Hop) -> wire::Hop {
    let Way { from, to } = hop.swap.way;
    let token =
        |place: u8| pool.tokens().get(usize::from(place)).map(ToString::to_string).unwrap_or_default();
    wire::Hop {
        pool_id: entry.id.to_string(),
        protocol: pool.protocol().name().to_owned(),
        token_in: token(from),
        token_out: token(to),
        amount_in: hop.swap.amount_in.to_string(),
        amount_out: hop.swap.amount_out.to_string(),
        fee_ppm: pool.fee_ppm(hop.swap.way),
        ticks_crossed: pool.crossed(&hop.swap).map(|crossed| crossed.ticks),
        sqrt_price_x96_after: hop.swap.end.map(|end| end.sqrt_price.to_string()),
        gas: pool.gas(&hop.swap),
    }
}

pub(super) const fn problem(problem: Problem) -> wire::PoolProblem {
    match problem {
        Problem::Hooks => wire::PoolProblem::Hooks,
        Problem::FeeOnTransfer => wire::PoolProblem::FeeOnTransfer,
        Problem::Rebasing => wire::PoolProblem::Rebasing,
        Problem::Drifted => wire::PoolProblem::Drifted,
        Problem::Paused => wire::PoolProblem::Paused,
        Problem::Unsupported => wire::PoolProblem::Unsupported,
        Problem::Incomplete => wire::PoolProblem::Incomplete,
    }
}

/// A pool; its ticks when they are wanted.
pub(super) fn pool(snapshot: &Snapshot, entry: &Entry, with_ticks: bool) -> wire::Pool {
    let pool = &entry.pool;
    let (state, is_priced) = state(pool.state(), with_ticks);
    let (why, detail) = match &entry.problem {
        Some((why, detail)) => (problem(*why), detail.to_string()),
        None if !is_priced => (wire::PoolProblem::NotInitialized, String::new()),
        None => (wire::PoolProblem::Unspecified, String::new()),
    };
    wire::Pool {
        pool_id: entry.id.to_string(),
        chain_id: snapshot.chain.0,
        protocol: pool.protocol().name().to_owned(),
        tokens: pool.tokens().iter().map(ToString::to_string).collect(),
        fee_ppm: pool.fee_ppm(Way::DOWN),
        problem: why.into(),
        problem_detail: detail,
        factory: entry.factory.map(|factory| factory.to_string()).unwrap_or_default(),
        state: Some(state),
    }
}

fn state(state: State, with_ticks: bool) -> (wire::pool::State, bool) {
    let texts = |amounts: Vec<U256>| amounts.iter().map(U256::to_string).collect::<Vec<_>>();
    match state {
        State::Reserves { amounts, weights, .. } => {
            let has_some = amounts.is_empty() || amounts.iter().any(|amount| !amount.is_zero());
            let reserves = wire::Reserves { amounts: texts(amounts), weights: texts(weights) };
            (wire::pool::State::Reserves(reserves), has_some)
        }
        State::Concentrated { sqrt_price, tick, liquidity, tick_spacing, ticks, .. } => {
            let ticks = ticks.into_iter().filter(|_| with_ticks).map(|state| wire::Tick {
                tick: state.tick,
                liquidity_net: state.net.to_string(),
                liquidity_gross: state.gross.to_string(),
            });
            let concentrated = wire::ConcentratedLiquidity {
                sqrt_price_x96: sqrt_price.to_string(),
                tick,
                liquidity: liquidity.to_string(),
                tick_spacing,
                ticks: ticks.collect(),
            };
            (wire::pool::State::Concentrated(concentrated), !sqrt_price.is_zero())
        }
    }
}

/// Ids of the pools of a path.
pub(super) fn path(pools: &Pools, path: &[crate::domain::graph::Edge]) -> Vec<String> {
    path.iter().filter_map(|edge| Some(pools.at(edge.pool)?.id.to_string())).collect()
}

/// Pools that are used, those that are not, and tokens.
pub(super) fn counts(pools: &Pools) -> (u64, u64, u64) {
    let unusable = pools.iter().filter(|entry| entry.problem.is_some()).count();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let graph: &Graph = pools.graph();
    (count(pools.len() - unusable), count(unusable), count(graph.tokens()))
}

/// What came of holding pools against their contracts.
pub(super) fn checks(chain: &Chain) -> wire::ChainHealth {
    let Checks { compared, drifted, failed } = &chain.live.checks;
    wire::ChainHealth {
        drifted_total: drifted.load(Ordering::Relaxed),
        compared_total: compared.load(Ordering::Relaxed),
        compare_failures_total: failed.load(Ordering::Relaxed),
        ..wire::ChainHealth::default()
    }
}

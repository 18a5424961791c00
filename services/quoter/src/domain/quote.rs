//! A quote: from a question to the routes and everything that is told about them.

mod prices;
mod tokens;

use std::collections::HashMap;

use capstan_primitives::{Address, U256};

use self::{prices::Prices, tokens::unchecked};
use super::{
    graph::Token,
    pool::{PoolId, Protocol},
    rate::Rate,
    route::{Excluded, Found, Objective, Query, Route, Side, best, candidates, fillable, search, small},
    state::{Entry, Pools, Problem},
    swap::Router,
};

/// Gas of a transaction that swaps, without its swaps: its own, the router's, and the transfer to it.
pub const TRANSACTION_GAS: u64 = 50_000;
/// What shares are told in.
const SHARE: u64 = 100_000_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Token that is given.
    pub token_in: Address,
    /// Token that is wanted.
    pub token_out: Address,
    /// Which amount is known.
    pub side: Side,
    /// The amount, over zero.
    pub amount: U256,
    /// Slippage in hundredths of a percent.
    pub slippage_bps: u32,
    /// Most pools in a row.
    pub max_hops: usize,
    /// Most routes.
    pub max_splits: usize,
    /// Whether gas counts.
    pub is_net: bool,
    /// Protocols; empty for all.
    pub protocols: Vec<Protocol>,
    /// Pools that are left out.
    pub excluded_pools: Vec<PoolId>,
    /// Tokens that are not passed through.
    pub excluded_tokens: Vec<Address>,
    /// Wei per gas, when the asker says it.
    pub gas_price: Option<U256>,
    /// The block that must be in the state.
    pub min_block: Option<u64>,
    /// Oldest state, in milliseconds.
    pub max_staleness_ms: Option<u64>,
    /// Longest search, in milliseconds.
    pub timeout_ms: u64,
    /// The router that is to execute the quote.
    pub router: Option<Router>,
}

/// Whether there is a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// There is.
    Ok,
    /// No pools lead there.
    NoRoute,
    /// The pools have not enough.
    InsufficientLiquidity,
    /// The state is too old.
    StaleState,
    /// A token's amounts cannot be known.
    UnsupportedToken,
    /// Nothing would come out.
    AmountTooSmall,
    /// No pool ever traded a token.
    UnknownToken,
    /// The time was up.
    Timeout,
}

impl Status {
    /// A label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoRoute => "no_route",
            Self::InsufficientLiquidity => "insufficient_liquidity",
            Self::StaleState => "stale_state",
            Self::UnsupportedToken => "unsupported_token",
            Self::AmountTooSmall => "amount_too_small",
            Self::UnknownToken => "unknown_token",
            Self::Timeout => "timeout",
        }
    }
}

/// What gas costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GasNow {
    /// Wei per gas; none when it is not known.
    pub price: Option<U256>,
    /// Wei for the data of one route on L1.
    pub data_fee: U256,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Whether there is a quote.
    pub status: Status,
    /// Why there is none.
    pub problem: String,
    /// What is given.
    pub amount_in: U256,
    /// What comes out.
    pub amount_out: U256,
    /// After the gas, and whether it is below zero; none where its cost in the token is not known.
    pub net: Option<(U256, bool)>,
    /// The least that may come out, or the most that may be given.
    pub limit: U256,
    /// The routes in order of execution.
    pub routes: Vec<Route>,
    /// Price before, without fees.
    pub mid: Rate,
    /// Price of the amounts.
    pub execution: Rate,
    /// Price impact, in units of 10^-8.
    pub impact: u64,
    /// Fees of the pools, in units of 10^-8.
    pub lp_fee: u64,
    /// Gas.
    pub gas: GasCost,
    /// Pools that were quoted.
    pub considered: usize,
    /// Pools that were left out.
    pub skipped: Vec<(u32, Problem)>,
    /// Whether nothing was left out.
    pub is_exhaustive: bool,
    /// What a user should know.
    pub warnings: Vec<String>,
    /// The most that can be filled.
    pub max_fillable: Option<U256>,
}

/// What executing a quote costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GasCost {
    /// Gas.
    pub units: u64,
    /// Wei per gas.
    pub price: U256,
    /// Wei for the gas.
    pub execution: U256,
    /// Wei for data on L1.
    pub data: U256,
    /// All of it in the token that is compared, rounded up.
    pub in_token: Option<U256>,
}

impl Quote {
    /// An answer without a quote.
    #[must_use]
    pub fn none(status: Status, problem: impl Into<String>) -> Self {
        Self {
            status,
            problem: problem.into(),
            amount_in: U256::ZERO,
            amount_out: U256::ZERO,
            net: None,
            limit: U256::ZERO,
            routes: Vec::new(),
            mid: Rate::ZERO,
            execution: Rate::ZERO,
            impact: 0,
            lp_fee: 0,
            gas: GasCost::default(),
            considered: 0,
            skipped: Vec::new(),
            is_exhaustive: true,
            warnings: Vec::new(),
            max_fillable: None,
        }
    }
}

/// What a quote is made from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The pools.
    pub pools: &'a Pools,
    /// Tokens whose amounts cannot be known.
    pub refused_tokens: &'a HashMap<Address, Problem>,
    /// What gas costs.
    pub gas: GasNow,
    /// Units of the token that is compared, for a wei; none when no pools lead there.
    pub coin: Option<Rate>,
}

/// What an asker left out.
struct Filter<'a> {
    ask: &'a Ask,
    pools: &'a Pools,
}

impl Excluded for Filter<'_> {
    fn pool(&self, entry: &Entry) -> bool {
        let Ask { protocols, excluded_pools, router, .. } = self.ask;
        (!protocols.is_empty() && !protocols.contains(&entry.pool.protocol()))
            || excluded_pools.contains(&entry.id)
            || router.as_ref().is_some_and(|router| !router.executes(entry))
    }

    fn mixtures(&self) -> bool {
        // Routers compute backwards within one protocol only.
        self.ask.router.is_some() && self.ask.side == Side::Out
    }

    fn token(&self, token: Token) -> bool {
        let excluded = &self.ask.excluded_tokens;
        !excluded.is_empty() && excluded.contains(&self.pools.graph().address(token))
    }
}

/// Answers a question from one state; `is_late` says when the best so far has to do.
#[must_use]
pub fn quote(given: Given<'_>, ask: &Ask, is_late: &dyn Fn() -> bool) -> Quote {
    let (from, to) = match ends(given, ask) {
        Ok(ends) => ends,
        Err(none) => return *none,
    };
    let pools = given.pools;
    let per_gas = given.gas.price.zip(given.coin).map(|(price, coin)| coin.times(Rate::scaled(price, 0)));
    let objective = Objective { gas_cost: per_gas.filter(|_| ask.is_net) };
    let excluded = &Filter { ask, pools };
    let Ask { side, amount, max_hops, .. } = *ask;
    let query = Query { pools, from, to, side, amount, max_hops, objective, excluded, is_late };
    let found = search(&query);
    let routes = best(&query, &found, ask.max_splits);
    if routes.is_empty() {
        return Quote {
            is_exhaustive: found.is_exhaustive,
            considered: found.considered,
            ..nothing(&query, &found)
        };
    }
    told(given, ask, (found, routes))
}

/// The places of both tokens.
fn ends(given: Given<'_>, ask: &Ask) -> Result<(Token, Token), Box<Quote>> {
    let place = |token: Address| {
        if let Some(problem) = given.refused_tokens.get(&token) {
            let why = if *problem == Problem::Rebasing {
                "changes balances by itself"
            } else {
                "takes a fee on transfer"
            };
            return Err(Box::new(Quote::none(Status::UnsupportedToken, format!("token {token} {why}"))));
        }
        let unknown = || Box::new(Quote::none(Status::UnknownToken, format!("no pool trades token {token}")));
        given.pools.graph().token(&token).ok_or_else(unknown)
    };
    Ok((place(ask.token_in)?, place(ask.token_out)?))
}

/// Why there is no route.
fn nothing(query: &Query<'_>, found: &Found) -> Quote {
    if (query.is_late)() && !found.is_exhaustive {
        return Quote::none(Status::Timeout, "nothing was found in time; give the search longer");
    }
    let skipped = found.skipped.clone();
    if found.is_dust && found.refused.is_empty() {
        return Quote::none(Status::AmountTooSmall, "so little would come out that it rounds to nothing");
    }
    if found.is_connected && found.considered > 0 {
        let most = fillable(query, &candidates(found, &small(query)));
        // Where mixtures are left out, pools may lead there of which no route can be made.
        if !most.is_zero() || !query.excluded.mixtures() {
            let problem = "the pools that lead there have not enough liquidity for this amount";
            let quote = Quote::none(Status::InsufficientLiquidity, problem);
            return Quote { skipped, max_fillable: (!most.is_zero()).then_some(most), ..quote };
        }
    }
    let problem = format!("no usable pools lead there within {} hops", query.max_hops);
    Quote { skipped, ..Quote::none(Status::NoRoute, problem) }
}

/// Everything that is told about routes.
fn told(given: Given<'_>, ask: &Ask, (found, routes): (Found, Vec<Route>)) -> Quote {
    let sum = |of: fn(&Route) -> U256| routes.iter().map(of).fold(U256::ZERO, U256::saturating_add);
    let (amount_in, amount_out) = (sum(Route::amount_in), sum(Route::amount_out));
    let prices = Prices::of(given.pools, &routes, amount_in);
    let execution = Rate::ratio(amount_out, amount_in).unwrap_or(Rate::ZERO);
    let gas = cost(given, &routes);
    let mut warnings = unchecked(given.pools, &routes);
    if gas.in_token.is_none() && ask.is_net {
        warnings.push("the cost of gas is not known in this token, so it was not counted".to_owned());
    }
    let (limit, net) = match ask.side {
        Side::In => (less(amount_out, ask.slippage_bps), gas.in_token.map(|cost| minus(amount_out, cost))),
        Side::Out => (
            more(amount_in, ask.slippage_bps),
            gas.in_token.map(|cost| (amount_in.saturating_add(cost), false)),
        ),
    };
    let impact = execution.below(prices.after_fees);
    if impact > SHARE / 20 {
        warnings.push("the price impact is over 5 percent".to_owned());
    }
    Quote {
        amount_in,
        amount_out,
        net,
        limit,
        mid: prices.mid,
        execution,
        impact,
        lp_fee: prices.after_fees.below(prices.mid),
        gas,
        considered: found.considered,
        skipped: found.skipped,
        is_exhaustive: found.is_exhaustive,
        warnings,
        routes,
        ..Quote::none(Status::Ok, "")
    }
}

fn cost(given: Given<'_>, routes: &[Route]) -> GasCost {
    let units = routes.iter().fold(TRANSACTION_GAS, |sum, route| sum.saturating_add(route.gas));
    let Some(price) = given.gas.price else { return GasCost { units, ..GasCost::default() } };
    let execution = price.saturating_mul(U256::from(units));
    let data = given.gas.data_fee.saturating_mul(U256::from(routes.len()));
    let total = execution.saturating_add(data);
    let in_token = given.coin.map(|coin| coin.of(total).saturating_add(U256::ONE));
    GasCost { units, price, execution, data, in_token }
}

fn minus(amount: U256, cost: U256) -> (U256, bool) {
    if amount >= cost { (amount - cost, false) } else { (cost - amount, true) }
}

const WHOLE_BPS: u32 = 10_000;

/// An amount less some hundredths of a percent, rounded down.
fn less(amount: U256, bps: u32) -> U256 {
    let kept = U256::from(WHOLE_BPS.saturating_sub(bps));
    super::math::mul_div(amount, kept, U256::from(WHOLE_BPS)).unwrap_or_default()
}

/// An amount and some hundredths of a percent, rounded up; the largest number when it does not fit.
fn more(amount: U256, bps: u32) -> U256 {
    let grown = U256::from(WHOLE_BPS.saturating_add(bps));
    super::math::mul_div_up(amount, grown, U256::from(WHOLE_BPS)).unwrap_or(U256::MAX)
}

//! In which order markets are listed, and where a page begins.

use capstan_db::{
    columns::signed,
    market::entities::{amm_link, market, pool_rank},
};
use capstan_primitives::{Address, Amount, ChainId, U256};
use sea_orm::{
    DatabaseBackend, Iterable, JoinType, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Condition, Expr, ExprTrait, Func, Query, SelectStatement},
};

use crate::{
    domain::market::Market,
    store::{ChainState, rows},
};

/// In which order markets are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MarketOrder {
    #[default]
    Newest,
    /// Those that are due first; then those that do not say when.
    ResolutionTime,
    /// The largest first, of those whose pool ever had liquidity.
    Volume,
    /// The largest first, of those whose pool ever had liquidity.
    Liquidity,
}

/// Place of a market in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MarketKey {
    /// When it was created or is due.
    Time(TimeKey),
    /// How large it is.
    Rank(RankKey),
}

/// Place of a market in time, over all chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeKey {
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) chain: ChainId,
    pub(crate) block: u64,
    pub(crate) log_index: u32,
}

/// Place of a market among smaller and larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RankKey {
    pub(crate) value: U256,
    pub(crate) chain: ChainId,
    pub(crate) pool: Address,
}

/// Due time of markets that do not say when they are due, in the table's index too.
const NEVER: u64 = i64::MAX.unsigned_abs();
const DUE: &str = r#"COALESCE("market"."resolution_time", 9223372036854775807)"#;

impl MarketKey {
    /// The place of a market in a list of that order.
    pub(crate) fn of(market: &Market, order: MarketOrder) -> Self {
        let announcement = &market.announcement;
        let place = announcement.place;
        let in_time = |time| {
            Self::Time(TimeKey { time, chain: market.chain, block: place.block, log_index: place.log_index })
        };
        let ranked = |value: Option<Amount>| {
            let pool = market.amm.unwrap_or(Address::ZERO);
            Self::Rank(RankKey { value: value.unwrap_or(Amount::ZERO).0, chain: market.chain, pool })
        };
        match order {
            MarketOrder::Newest => in_time(announcement.time.0),
            MarketOrder::ResolutionTime => in_time(announcement.resolution_time.unwrap_or(NEVER)),
            MarketOrder::Volume => ranked(market.pool.as_ref().map(|pool| pool.volume)),
            MarketOrder::Liquidity => ranked(market.liquidity()),
        }
    }

    fn values(self) -> Vec<Expr> {
        match self {
            Self::Time(TimeKey { time, chain, block, log_index }) => {
                [signed(time), signed(chain.0), signed(block), i64::from(log_index)].map(Expr::value).to_vec()
            }
            Self::Rank(RankKey { value, chain, pool }) => {
                let (value, pool) = (rows::token_column(value), pool.as_bytes().to_vec());
                vec![Expr::value(value), Expr::value(signed(chain.0)), Expr::value(pool)]
            }
        }
    }
}

impl MarketOrder {
    /// Those of `query` that are on some chains and come after a place, in this order.
    pub(super) fn page(
        self,
        query: Select<market::Entity>,
        chains: &[ChainState],
        after: Option<MarketKey>,
        backend: DatabaseBackend,
    ) -> Select<market::Entity> {
        let (columns, order) = (self.columns(), self.direction());
        let mut query = match self {
            Self::Newest | Self::ResolutionTime => query,
            Self::Volume | Self::Liquidity => with_rank(query),
        };
        if let Some(key) = after {
            let (place, key) = (Expr::tuple(columns.clone()), Expr::tuple(key.values()));
            query = query.filter(if order == Order::Asc { place.gt(key) } else { place.lt(key) });
        }
        if let Some(chain) = columns.get(1).cloned() {
            // SQLite would read all markets of the chains, and sort them, instead of the index that is in order.
            let chain = if backend == DatabaseBackend::Sqlite { chain.add(0) } else { chain };
            query = query.filter(chain.is_in(chains.iter().map(|state| signed(state.chain.0))));
        }
        columns.into_iter().fold(query, |query, column| query.order_by(column, order.clone()))
    }

    /// The first ones of `page`, to be narrowed further, in the same order.
    pub(super) fn nearest(self, page: Select<market::Entity>, most: u64) -> SelectStatement {
        let columns = self.columns();
        let places = (0..columns.len()).map(|at| format!("place_{at}"));
        let with_place =
            |page: Select<market::Entity>, (place, column): (String, Expr)| page.expr_as(column, place);
        let page = places.clone().zip(columns).fold(page.limit(most), with_place);
        let mut query = Query::select()
            .columns(market::Column::iter().map(|column| (market::Entity, column)))
            .from_subquery(page.into_query(), market::Entity)
            .take();
        for place in places {
            query.order_by(place, self.direction());
        }
        query
    }

    pub(super) fn is_descending(self) -> bool {
        self.direction() == Order::Desc
    }

    const fn direction(self) -> Order {
        match self {
            Self::ResolutionTime => Order::Asc,
            Self::Newest | Self::Volume | Self::Liquidity => Order::Desc,
        }
    }

    /// What it is an order by, most important first; the second one is the chain.
    fn columns(self) -> Vec<Expr> {
        let of_market = |column| Expr::col((market::Entity, column));
        let rest = [market::Column::ChainId, market::Column::BlockNumber, market::Column::LogIndex];
        let in_time = |first| [first].into_iter().chain(rest.map(of_market)).collect();
        let ranked =
            |first| [first, pool_rank::Column::ChainId, pool_rank::Column::Amm].map(of_rank).to_vec();
        match self {
            Self::Newest => in_time(of_market(market::Column::BlockTime)),
            Self::ResolutionTime => in_time(Expr::cust(DUE)),
            Self::Volume => ranked(pool_rank::Column::Volume),
            Self::Liquidity => ranked(pool_rank::Column::Liquidity),
        }
    }
}

fn of_rank(column: pool_rank::Column) -> Expr {
    Expr::col((pool_rank::Entity, column))
}

/// Of markets those that have a ranked pool, as the factory's market when there is one.
fn with_rank(mut query: Select<market::Entity>) -> Select<market::Entity> {
    let of_link = |column| Expr::col((amm_link::Entity, column));
    let of_factory = Query::select()
        .column((amm_link::Entity, amm_link::Column::MarketId))
        .from(amm_link::Entity)
        .and_where(of_link(amm_link::Column::ChainId).equals((pool_rank::Entity, pool_rank::Column::ChainId)))
        .and_where(of_link(amm_link::Column::Amm).equals((pool_rank::Entity, pool_rank::Column::Amm)))
        .to_owned();
    let market_id = Func::coalesce([of_factory.into(), of_rank(pool_rank::Column::Amm)]);
    let on = Condition::all()
        .add(of_rank(pool_rank::Column::ChainId).equals((market::Entity, market::Column::ChainId)))
        .add(Expr::col((market::Entity, market::Column::MarketId)).eq(market_id));
    QuerySelect::query(&mut query).join(JoinType::InnerJoin, pool_rank::Entity, on);
    query
}

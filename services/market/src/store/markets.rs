//! Markets as they are at a block, put together from everything that is known of them.

mod categories;
mod order;
mod view;

use std::collections::HashMap;

use capstan_db::{
    columns::{AddressColumn, HashColumn, signed, unsigned},
    market::entities::{amm_condition, amm_link, market, resolution},
};
use capstan_primitives::{Address, ChainId, Hash};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{
        Condition, Expr, ExprTrait, Func, Query, SelectStatement, UnionType, extension::postgres::PgBinOper,
    },
};

pub(crate) use order::{MarketKey, MarketOrder, RankKey, TimeKey};
pub(crate) use view::Facts;

use super::{At, ChainState, Error, Read, rows};
use crate::domain::market::{Market, MarketId};

/// Which markets to list.
#[derive(Debug, Clone)]
pub(crate) struct MarketsFilter<'a> {
    pub(crate) chains: &'a [ChainState],
    pub(crate) of: &'a MarketsOf,
    pub(crate) order: MarketOrder,
    /// Only those that come after this one.
    pub(crate) after: Option<MarketKey>,
    pub(crate) limit: u64,
}

/// What listed markets have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct MarketsOf {
    pub(crate) resolved: Option<bool>,
    pub(crate) creator: Option<Address>,
    pub(crate) collateral: Option<Address>,
    pub(crate) condition: Option<Hash>,
    /// Text of the question.
    pub(crate) search: Option<String>,
    /// Due at this moment or later, in seconds since 1970.
    pub(crate) due_after: Option<u64>,
    /// Due before this moment.
    pub(crate) due_before: Option<u64>,
    pub(crate) category: Option<String>,
    /// Announced by this contract, without a category of their own.
    pub(crate) factory_without_category: Option<Address>,
}

/// Markets that are looked through before an index is asked, which costs as much.
const NEAREST: u64 = 2_000;

impl Read {
    /// Markets in some order, of whose category only what they say themselves counts.
    async fn listed(&self, filter: MarketsFilter<'_>) -> Result<Vec<Market>, Error> {
        let MarketsFilter { chains, of, order, after, limit } = filter;
        let mut page = MarketsFilter { chains, of, order, after, limit };
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut listed = Vec::new();
        loop {
            let found = self.market_rows(&page).await?;
            let exhausted = found.len() < wanted;
            let markets = self.views_of_chains(chains, found).await?;
            page.after = markets.last().map(|market| MarketKey::of(market, order));
            // The query knows the first condition only; a market of several is resolved when all are.
            listed.extend(
                markets
                    .into_iter()
                    .filter(|market| of.resolved.is_none_or(|it| it == market.payouts.is_some())),
            );
            if exhausted || listed.len() >= wanted {
                listed.truncate(wanted);
                return Ok(listed);
            }
        }
    }

    async fn market_rows(&self, filter: &MarketsFilter<'_>) -> Result<Vec<market::Model>, Error> {
        let MarketsFilter { chains, of, order, after, limit } = filter;
        let backend = self.transaction.get_database_backend();
        let query = market::Entity::find().filter(market::Column::SupersededByBlock.is_null());
        let page = order.page(query, chains, *after, backend);
        let Some(text) = of.search.as_deref() else {
            return Ok(page.filter(of.condition()).limit(*limit).all(&self.transaction).await?);
        };
        let of = of.condition().add(asks(text, backend));
        if backend == DatabaseBackend::Sqlite {
            return Ok(page.filter(of).limit(*limit).all(&self.transaction).await?);
        }
        // No statistics say how frequent a text is: a frequent one is found where one looks, a rare one by the index.
        let nearest = order.nearest(page.clone(), NEAREST).cond_where(of.clone()).limit(*limit).take();
        let found = market::Model::find_by_statement(backend.build(&nearest)).all(&self.transaction).await?;
        if u64::try_from(found.len()).is_ok_and(|found| found == *limit) {
            return Ok(found);
        }
        let of = of.add(has_grams_of(text));
        Ok(page.filter(of).limit(*limit).all(&self.transaction).await?)
    }

    /// The market with `id` at the newest block; a pool's address also finds the market that a
    /// factory made of it.
    pub(crate) async fn market(&self, state: &ChainState, id: MarketId) -> Result<Option<Market>, Error> {
        let id = self.resolve_alias(state.chain, id).await?;
        let row = market::Entity::find_by_id((signed(state.chain.0), id.as_bytes().to_vec()))
            .one(&self.transaction)
            .await?;
        let views = self.views(state.chain, row.into_iter().collect(), (state.at(), Facts::All)).await?;
        Ok(views.into_iter().next())
    }

    async fn resolve_alias(&self, chain: ChainId, id: MarketId) -> Result<MarketId, Error> {
        let Some(pool) = id.pool() else { return Ok(id) };
        let link = amm_link::Entity::find()
            .filter(amm_link::Column::ChainId.eq(signed(chain.0)))
            .filter(amm_link::Column::Amm.eq(pool.as_bytes().to_vec()))
            .one(&self.transaction)
            .await?;
        link.map_or(Ok(id), |link| rows::market_id("amm_link", &link.market_id))
    }

    /// Those of `ids` that a chain has, by what they were asked for as.
    pub(crate) async fn markets_with(
        &self,
        state: &ChainState,
        ids: &[MarketId],
    ) -> Result<HashMap<MarketId, Market>, Error> {
        let pools: Vec<Address> = ids.iter().filter_map(|id| id.pool()).collect();
        let of_pools = self.markets_of_pools(state.chain, &pools, i64::MAX).await?;
        let named = |id: &MarketId| id.pool().and_then(|pool| of_pools.get(&pool)).copied().unwrap_or(*id);
        let mut wanted: Vec<MarketId> = ids.iter().map(named).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.markets_at(state.chain, &wanted, (state.at(), Facts::All)).await?;
        let found: HashMap<MarketId, Market> =
            found.into_iter().map(|market| (market.announcement.id, market)).collect();
        Ok(ids.iter().filter_map(|id| Some((*id, found.get(&named(id))?.clone()))).collect())
    }

    /// The markets with `ids` as they were at block `at`, without those that did not exist or were
    /// not listed then.
    pub(crate) async fn markets_at(
        &self,
        chain: ChainId,
        ids: &[MarketId],
        (at, facts): (At, Facts),
    ) -> Result<Vec<Market>, Error> {
        let mut found = Vec::new();
        for ids in ids.chunks(super::CHUNK) {
            let listed = Condition::any()
                .add(market::Column::SupersededByBlock.is_null())
                .add(market::Column::SupersededByBlock.gt(signed(at.number)));
            let query = market::Entity::find()
                .filter(market::Column::ChainId.eq(signed(chain.0)))
                .filter(
                    market::Column::MarketId.is_in(rows::padded(ids.iter().map(|id| id.as_bytes().to_vec()))),
                )
                .filter(market::Column::BlockNumber.lte(signed(at.number)))
                .filter(listed)
                .order_by_asc(market::Column::BlockNumber)
                .order_by_asc(market::Column::LogIndex);
            found.extend(query.all(&self.transaction).await?);
        }
        self.views(chain, found, (at, facts)).await
    }

    /// Views of rows of several chains, in the order of the rows.
    async fn views_of_chains(
        &self,
        chains: &[ChainState],
        found: Vec<market::Model>,
    ) -> Result<Vec<Market>, Error> {
        let order: Vec<(i64, Vec<u8>)> =
            found.iter().map(|row| (row.chain_id, row.market_id.clone())).collect();
        let mut views = HashMap::new();
        for state in chains {
            let of_chain = |row: &&market::Model| unsigned(row.chain_id) == state.chain.0;
            let rows = found.iter().filter(of_chain).cloned().collect();
            for market in self.views(state.chain, rows, (state.at(), Facts::All)).await? {
                let key = (signed(market.chain.0), market.announcement.id.as_bytes().to_vec());
                views.insert(key, market);
            }
        }
        Ok(order.iter().filter_map(|key| views.remove(key)).collect())
    }
}

impl MarketsOf {
    /// All but the text of the question.
    fn condition(&self) -> Condition {
        let Self { resolved, creator, collateral, condition, search: _, due_after, due_before, .. } = self;
        let Self { category, factory_without_category, .. } = self;
        let due = market::Column::ResolutionTime;
        Condition::all()
            .add_option(resolved.map(maybe_resolved))
            .add_option(creator.map(|creator| market::Column::Creator.eq(AddressColumn(creator))))
            .add_option(collateral.map(|token| market::Column::Collateral.eq(AddressColumn(token))))
            .add_option(condition.map(has_condition))
            .add_option(due_after.map(|moment| due.gte(signed(moment))))
            .add_option(due_before.map(|moment| due.lt(signed(moment))))
            .add_option(category.as_deref().map(|category| market::Column::Category.eq(category)))
            .add_option(factory_without_category.map(announced_without_category))
    }
}

fn announced_without_category(factory: Address) -> Condition {
    let announced = market::Column::Factory.eq(AddressColumn(factory));
    Condition::all().add(announced).add(market::Column::Category.is_null())
}

/// Whether the question has a text.
fn asks(text: &str, backend: DatabaseBackend) -> Expr {
    let place = if backend == DatabaseBackend::Sqlite { "instr" } else { "strpos" };
    let question = Func::lower(Expr::col((market::Entity, market::Column::Question)));
    Expr::expr(Func::cust(place).arg(question).arg(Func::lower(Expr::value(text)))).gt(0)
}

/// Whether the question has every letter of a text, and every two that stand together: what an index can tell.
fn has_grams_of(text: &str) -> Expr {
    let grams = |text: Expr| Func::cust("grams").arg(Func::lower(text));
    let question = Expr::col((market::Entity, market::Column::Question));
    Expr::expr(grams(question)).binary(PgBinOper::Contains, grams(Expr::value(text)))
}

/// Whether a condition is the market's, or one of those of its pool. Two looks into indexes: as one of two
/// conditions it would be held against every market.
fn has_condition(condition: Hash) -> Expr {
    let id = [market::Column::ChainId, market::Column::MarketId];
    let mut with_condition = Query::select()
        .columns(id)
        .from_as(market::Entity, "first")
        .and_where(Expr::col(market::Column::ConditionId).eq(HashColumn(condition)))
        .take();
    let of_pools = Query::select()
        .columns([amm_condition::Column::ChainId, amm_condition::Column::Amm])
        .from(amm_condition::Entity)
        .and_where(Expr::col(amm_condition::Column::ConditionId).eq(HashColumn(condition)))
        .take();
    with_condition.union(UnionType::All, of_pools);
    Expr::tuple(id.map(|column| Expr::col((market::Entity, column)))).in_subquery(with_condition)
}

/// Holds for every market that is (not) resolved, and for some of several conditions that are not
/// what is wanted.
///
/// As values and not as EXISTS, which a database is free to answer for all markets before it lists the first one.
fn maybe_resolved(resolved: bool) -> Condition {
    let first = Expr::SubQuery(None, Box::new(resolution_of_first_condition().into()));
    if resolved {
        return Condition::all().add(first.is_not_null());
    }
    Condition::any()
        .add(first.is_null())
        .add(Expr::SubQuery(None, Box::new(second_condition().into())).is_not_null())
}

fn resolution_of_first_condition() -> SelectStatement {
    let of = |column| Expr::col((resolution::Entity, column));
    Query::select()
        .expr(Expr::value(1))
        .from(resolution::Entity)
        .and_where(of(resolution::Column::ChainId).equals((market::Entity, market::Column::ChainId)))
        .and_where(of(resolution::Column::ConditionId).equals((market::Entity, market::Column::ConditionId)))
        .limit(1)
        .to_owned()
}

fn second_condition() -> SelectStatement {
    let of = |column| Expr::col((amm_condition::Entity, column));
    Query::select()
        .expr(Expr::value(1))
        .from(amm_condition::Entity)
        .and_where(of(amm_condition::Column::ChainId).equals((market::Entity, market::Column::ChainId)))
        .and_where(of(amm_condition::Column::Amm).equals((market::Entity, market::Column::MarketId)))
        .and_where(of(amm_condition::Column::ConditionIndex).eq(1))
        .limit(1)
        .to_owned()
}

//! Who holds which outcome tokens.

mod of_market;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_db::{
    columns::{AddressColumn, signed, unsigned},
    market::entities::{amm, balance, cost_basis, market, outcome_token},
};
use capstan_primitives::{Address, Amount, ChainId, U256};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

pub(crate) use of_market::{HolderKey, HolderOrder, HoldersOf};

use super::{CHUNK, ChainState, Error, Read, balances, costs, read, rows};
use crate::domain::{
    costs::Costs,
    market::MarketId,
    position::{Position, Shares},
    state::Holding,
};

/// Place of a token in the list of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserHoldingKey {
    pub(crate) chain: ChainId,
    pub(crate) contract: Address,
    pub(crate) token: U256,
}

impl Read {
    /// Outcome tokens that a user holds, each once, as tokens of the oldest listed market that has
    /// them, without what that market says of them. Nothing for a pool.
    pub(crate) async fn holdings_of(
        &self,
        chains: &[ChainState],
        user: Address,
        after: Option<UserHoldingKey>,
        limit: u64,
    ) -> Result<Vec<Position>, Error> {
        use balance::Column::{ChainId as Chain, Contract, Holder, PositionId};
        let query = balance::Entity::find()
            .filter(Chain.is_in(self.not_a_pool_on(chains, user).await?))
            .filter(is_outcome(balance::Entity, [Chain, Contract, PositionId]));
        let query = page_of(query, [Holder, Chain, Contract, PositionId], (user, after)).limit(limit);
        let rows = query.all(&self.transaction).await?;
        let found = rows.iter().map(|row| (row.chain_id, rows::holding(row), row.amount.0)).collect();
        self.positions(found).await
    }

    /// Outcome tokens that a user had and has no more, like [`Self::holdings_of`].
    pub(crate) async fn closed_of(
        &self,
        chains: &[ChainState],
        user: Address,
        after: Option<UserHoldingKey>,
        limit: u64,
    ) -> Result<Vec<Position>, Error> {
        use cost_basis::Column::{ChainId as Chain, Contract, Holder, PositionId};
        let query = cost_basis::Entity::find()
            .filter(Chain.is_in(self.not_a_pool_on(chains, user).await?))
            .filter(is_outcome(cost_basis::Entity, [Chain, Contract, PositionId]))
            .filter(Expr::exists(balance_of_the_books()).not());
        let query = page_of(query, [Holder, Chain, Contract, PositionId], (user, after)).limit(limit);
        let rows = query.all(&self.transaction).await?;
        let closed = |row: cost_basis::Model| (row.chain_id, costs::basis(row).0, Amount::ZERO);
        self.positions(rows.into_iter().map(closed).collect()).await
    }

    /// Those of `chains` on which an address is no pool.
    async fn not_a_pool_on(&self, chains: &[ChainState], address: Address) -> Result<Vec<i64>, Error> {
        let mut chains: Vec<i64> = chains.iter().map(|state| signed(state.chain.0)).collect();
        let pools = amm::Entity::find()
            .filter(amm::Column::ChainId.is_in(chains.iter().copied()))
            .filter(amm::Column::Address.eq(AddressColumn(address)))
            .all(&self.transaction)
            .await?;
        chains.retain(|chain| pools.iter().all(|pool| pool.chain_id != *chain));
        Ok(chains)
    }

    /// The books of some holdings.
    pub(crate) async fn costs_of(
        &self,
        chain: ChainId,
        holdings: &[Holding],
    ) -> Result<BTreeMap<Holding, Costs>, Error> {
        costs::load(&self.transaction, chain, holdings).await
    }

    /// Shares of pools that a user has or had.
    pub(crate) async fn shares_of(
        &self,
        chains: &[ChainState],
        user: Address,
        after: Option<UserHoldingKey>,
        limit: u64,
    ) -> Result<Vec<Shares>, Error> {
        use cost_basis::Column::{ChainId as Chain, Contract, Holder, PositionId};
        let query = cost_basis::Entity::find()
            .filter(Chain.is_in(chains.iter().map(|state| signed(state.chain.0))))
            .filter(PositionId.eq(rows::token_column(U256::ZERO)));
        let query = page_of(query, [Holder, Chain, Contract, PositionId], (user, after)).limit(limit);
        let found = query.all(&self.transaction).await?;
        let mut links = HashMap::new();
        for state in chains {
            let of_chain = found.iter().filter(|row| row.chain_id == signed(state.chain.0));
            let pools: Vec<Address> = of_chain.map(|row| row.contract.0).collect();
            let linked = read::links_with(&self.transaction, state.chain, &pools).await?;
            links.extend(linked.into_iter().map(|(pool, market_id)| ((state.chain, pool), market_id)));
        }
        let shares = |row: cost_basis::Model| {
            let (chain, pool) = (ChainId(unsigned(row.chain_id)), row.contract.0);
            let market_id = links.get(&(chain, pool)).copied().unwrap_or(MarketId::Pool(pool));
            let (holding, costs) = costs::basis(row);
            Shares { chain, market_id, pool, holder: holding.holder, costs }
        };
        Ok(found.into_iter().map(shares).collect())
    }

    /// Tokens as those of the oldest listed market that has them.
    async fn positions(&self, found: Vec<(i64, Holding, Amount)>) -> Result<Vec<Position>, Error> {
        let outcomes = self.outcomes_of(&found).await?;
        let position = |(chain, holding, amount): (i64, Holding, Amount)| {
            let outcome = outcomes.get(&(chain, holding.contract, holding.token))?;
            Some(Position::of(ChainId(unsigned(chain)), *outcome, holding, amount))
        };
        Ok(found.into_iter().filter_map(position).collect())
    }

    /// What some holders have of some tokens of a contract; nothing where that is nothing.
    pub(crate) async fn balances_among(
        &self,
        (chain, contract): (ChainId, Address),
        holders: &[Address],
        tokens: &[U256],
    ) -> Result<HashMap<Holding, Amount>, Error> {
        let holding = |token, holder: &Address| Holding { contract, token, holder: *holder };
        let of_all = |token: &U256| holders.iter().map(|holder| holding(*token, holder)).collect::<Vec<_>>();
        // By whole keys: with lists of holders and of tokens, PostgreSQL may read all that a holder has.
        let holdings: Vec<Holding> = tokens.iter().flat_map(of_all).collect();
        Ok(balances::load(&self.transaction, chain, &holdings).await?)
    }

    /// The oldest listed market of each token, and the token's outcome there.
    pub(super) async fn outcomes_of(
        &self,
        found: &[(i64, Holding, Amount)],
    ) -> Result<HashMap<(i64, Address, U256), (MarketId, u32)>, Error> {
        let same_market = Condition::all()
            .add(
                of_market(market::Column::ChainId)
                    .equals((outcome_token::Entity, outcome_token::Column::ChainId)),
            )
            .add(
                of_market(market::Column::MarketId)
                    .equals((outcome_token::Entity, outcome_token::Column::MarketId)),
            );
        let mut outcomes = HashMap::new();
        for found in found.chunks(CHUNK) {
            let contracts: BTreeSet<AddressColumn> =
                found.iter().map(|(_, holding, _)| holding.contract.into()).collect();
            let chains: BTreeSet<i64> = found.iter().map(|(chain, ..)| *chain).collect();
            let tokens = found.iter().map(|(_, holding, _)| rows::token_column(holding.token));
            let mut query = outcome_token::Entity::find()
                .filter(outcome_token::Column::ChainId.is_in(chains))
                .filter(outcome_token::Column::Contract.is_in(contracts))
                .filter(outcome_token::Column::PositionId.is_in(rows::padded(tokens)))
                .filter(market::Column::SupersededByBlock.is_null())
                .order_by_asc(market::Column::BlockNumber)
                .order_by_asc(market::Column::LogIndex);
            QuerySelect::query(&mut query).join(JoinType::InnerJoin, market::Entity, same_market.clone());
            for row in query.all(&self.transaction).await? {
                let market_id = rows::market_id("outcome_token", &row.market_id)?;
                let key = (row.chain_id, row.contract.0, rows::token(&row.position_id));
                outcomes.entry(key).or_insert((market_id, rows::from_index(row.outcome_index)));
            }
        }
        Ok(outcomes)
    }
}

fn of_token(column: outcome_token::Column) -> Expr {
    Expr::col((outcome_token::Entity, column))
}

fn of_market(column: market::Column) -> Expr {
    Expr::col((market::Entity, column))
}

fn pool_that_holds() -> SelectStatement {
    let of = |column| Expr::col((amm::Entity, column));
    Query::select()
        .expr(Expr::value(1))
        .from(amm::Entity)
        .and_where(of(amm::Column::ChainId).equals((balance::Entity, balance::Column::ChainId)))
        .and_where(of(amm::Column::Address).equals((balance::Entity, balance::Column::Holder)))
        .to_owned()
}

/// What the books that a query is about have a balance for.
fn balance_of_the_books() -> SelectStatement {
    let of = |column: balance::Column| Expr::col((balance::Entity, column));
    let books = |column: cost_basis::Column| (cost_basis::Entity, column);
    Query::select()
        .expr(Expr::value(1))
        .from(balance::Entity)
        .and_where(of(balance::Column::ChainId).equals(books(cost_basis::Column::ChainId)))
        .and_where(of(balance::Column::Contract).equals(books(cost_basis::Column::Contract)))
        .and_where(of(balance::Column::PositionId).equals(books(cost_basis::Column::PositionId)))
        .and_where(of(balance::Column::Holder).equals(books(cost_basis::Column::Holder)))
        .to_owned()
}

/// Whether the chain, contract and token of `table` are an outcome of a market. As a value and not as EXISTS, which may
/// be answered for all tokens before the first one is listed.
fn is_outcome<E: EntityTrait>(table: E, [chain, contract, token]: [E::Column; 3]) -> Expr {
    let outcome = Query::select()
        .expr(Expr::value(1))
        .from(outcome_token::Entity)
        .and_where(of_token(outcome_token::Column::ChainId).equals((table, chain)))
        .and_where(of_token(outcome_token::Column::Contract).equals((table, contract)))
        .and_where(of_token(outcome_token::Column::PositionId).equals((table, token)))
        .limit(1)
        .to_owned();
    Expr::SubQuery(None, Box::new(outcome.into())).is_not_null()
}

/// What a holder has after a place in the order of chain, contract and token. The holder is in front, though it is
/// always the same: only the index by holder begins so. Without it the index by token looks as good, which has the
/// tokens of everybody.
fn page_of<E: EntityTrait>(
    mut query: Select<E>,
    columns: [E::Column; 4],
    (holder, after): (Address, Option<UserHoldingKey>),
) -> Select<E> {
    query = query.filter(columns[0].eq(AddressColumn(holder)));
    if let Some(UserHoldingKey { chain, contract, token }) = after {
        let place = [
            Expr::value(holder.as_bytes().to_vec()),
            Expr::value(signed(chain.0)),
            Expr::value(contract.as_bytes().to_vec()),
            Expr::value(token.to_be_bytes::<32>().to_vec()),
        ];
        query = query.filter(Expr::tuple(columns.map(Expr::col)).gt(Expr::tuple(place)));
    }
    columns.into_iter().skip(1).fold(query, |query, column| query.order_by_asc(column))
}

//! Who holds which outcome tokens.

use std::collections::HashMap;

use capstan_db::{
    columns::{AddressColumn, AmountColumn, HashColumn, signed, unsigned},
    market::entities::{amm, balance, market, outcome_token},
};
use capstan_primitives::{Address, Amount, ChainId, Hash, U256};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::{CHUNK, ChainState, Error, Read, rows};
use crate::domain::{
    market::{MarketId, Position, PositionStatus},
    state::Holding,
};

/// Place of a holder in the list of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HolderKey {
    pub(crate) outcome_index: u32,
    pub(crate) holder: Address,
}

/// Place of a token in the list of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserHoldingKey {
    pub(crate) chain: ChainId,
    pub(crate) contract: Address,
    pub(crate) token: U256,
}

impl Read {
    /// Holders of a market's tokens, by outcome and holder, without what their market says of them. Pools
    /// are no holders.
    pub(crate) async fn holders(
        &self,
        (chain, market_id): (ChainId, MarketId),
        after: Option<HolderKey>,
        limit: u64,
    ) -> Result<Vec<Position>, Error> {
        let same_token = Condition::all()
            .add(of_token(outcome_token::Column::ChainId).equals((balance::Entity, balance::Column::ChainId)))
            .add(
                of_token(outcome_token::Column::Contract)
                    .equals((balance::Entity, balance::Column::Contract)),
            )
            .add(
                of_token(outcome_token::Column::PositionId)
                    .equals((balance::Entity, balance::Column::PositionId)),
            );
        let mut query = balance::Entity::find()
            .select_only()
            .column(outcome_token::Column::OutcomeIndex)
            .columns([
                balance::Column::Contract,
                balance::Column::PositionId,
                balance::Column::Holder,
                balance::Column::Amount,
            ])
            .filter(outcome_token::Column::ChainId.eq(signed(chain.0)))
            .filter(outcome_token::Column::MarketId.eq(market_id.as_bytes().to_vec()))
            .filter(Expr::exists(pool_that_holds()).not())
            .order_by_asc(outcome_token::Column::OutcomeIndex)
            .order_by_asc(balance::Column::Holder)
            .limit(limit);
        QuerySelect::query(&mut query).join(JoinType::InnerJoin, outcome_token::Entity, same_token);
        if let Some(HolderKey { outcome_index, holder }) = after {
            let place = Expr::tuple([
                of_token(outcome_token::Column::OutcomeIndex),
                Expr::col((balance::Entity, balance::Column::Holder)),
            ]);
            let key = [Expr::value(rows::index(outcome_index)), Expr::value(holder.as_bytes().to_vec())];
            query = query.filter(place.gt(Expr::tuple(key)));
        }
        type Row = (i32, AddressColumn, HashColumn, AddressColumn, AmountColumn);
        let found: Vec<Row> = query.into_tuple().all(&self.transaction).await?;
        let holding = |(outcome, contract, token, holder, amount): Row| Position {
            chain,
            market_id,
            outcome_index: rows::from_index(outcome),
            contract: contract.0,
            token: rows::token(&token),
            holder: holder.0,
            amount: amount.0,
            outcome: None,
            price: None,
            status: PositionStatus::default(),
            payout: None,
            mergeable: Amount::ZERO,
        };
        Ok(found.into_iter().map(holding).collect())
    }

    /// Outcome tokens that a user holds, each once, as tokens of the oldest listed market that has
    /// them, without what that market says of them. Nothing for a pool.
    pub(crate) async fn holdings_of(
        &self,
        chains: &[ChainState],
        user: Address,
        after: Option<UserHoldingKey>,
        limit: u64,
    ) -> Result<Vec<Position>, Error> {
        let key = [balance::Column::ChainId, balance::Column::Contract, balance::Column::PositionId];
        let mut query = balance::Entity::find()
            .filter(balance::Column::Holder.eq(user.as_bytes().to_vec()))
            .filter(balance::Column::ChainId.is_in(chains.iter().map(|state| signed(state.chain.0))))
            .filter(Expr::exists(outcome_that_is_held()))
            .filter(Expr::exists(pool_that_holds()).not())
            .limit(limit);
        if let Some(UserHoldingKey { chain, contract, token }) = after {
            let place = [
                Expr::value(signed(chain.0)),
                Expr::value(contract.as_bytes().to_vec()),
                Expr::value(token.to_be_bytes::<32>().to_vec()),
            ];
            query = query.filter(Expr::tuple(key.map(Expr::col)).gt(Expr::tuple(place)));
        }
        for column in key {
            query = query.order_by_asc(column);
        }
        let found = query.all(&self.transaction).await?;
        let outcomes = self.outcomes_of(&found).await?;
        let holding = |row: balance::Model| {
            let (market_id, outcome_index) =
                *outcomes.get(&(row.chain_id, row.contract.0, row.position_id.0))?;
            Some(Position {
                chain: ChainId(unsigned(row.chain_id)),
                market_id,
                outcome_index,
                contract: row.contract.0,
                token: rows::token(&row.position_id),
                holder: row.holder.0,
                amount: row.amount.0,
                outcome: None,
                price: None,
                status: PositionStatus::default(),
                payout: None,
                mergeable: Amount::ZERO,
            })
        };
        Ok(found.into_iter().filter_map(holding).collect())
    }

    /// What some holders have of some tokens; nothing where that is nothing.
    pub(crate) async fn balances_among(
        &self,
        chain: ChainId,
        holders: &[Address],
        tokens: &[U256],
    ) -> Result<HashMap<Holding, Amount>, Error> {
        let mut found = HashMap::new();
        for holders in holders.chunks(CHUNK) {
            for tokens in tokens.chunks(CHUNK) {
                let query = balance::Entity::find()
                    .filter(balance::Column::ChainId.eq(signed(chain.0)))
                    .filter(balance::Column::Holder.is_in(rows::addresses(holders.iter().copied())))
                    .filter(
                        balance::Column::PositionId.is_in(tokens.iter().copied().map(rows::token_column)),
                    );
                let rows = query.all(&self.transaction).await?;
                found.extend(rows.iter().map(|row| (rows::holding(row), row.amount.0)));
            }
        }
        Ok(found)
    }

    /// The oldest listed market of each token, and the token's outcome there.
    async fn outcomes_of(
        &self,
        balances: &[balance::Model],
    ) -> Result<HashMap<(i64, Address, Hash), (MarketId, u32)>, Error> {
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
        for chunk in balances.chunks(CHUNK) {
            let mut query = outcome_token::Entity::find()
                .filter(
                    outcome_token::Column::PositionId.is_in(chunk.iter().map(|row| row.position_id.clone())),
                )
                .filter(market::Column::SupersededByBlock.is_null())
                .order_by_asc(market::Column::BlockNumber)
                .order_by_asc(market::Column::LogIndex);
            QuerySelect::query(&mut query).join(JoinType::InnerJoin, market::Entity, same_market.clone());
            for row in query.all(&self.transaction).await? {
                let market_id = rows::market_id("outcome_token", &row.market_id)?;
                let key = (row.chain_id, row.contract.0, row.position_id.0);
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

fn outcome_that_is_held() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(outcome_token::Entity)
        .and_where(
            of_token(outcome_token::Column::ChainId).equals((balance::Entity, balance::Column::ChainId)),
        )
        .and_where(
            of_token(outcome_token::Column::Contract).equals((balance::Entity, balance::Column::Contract)),
        )
        .and_where(
            of_token(outcome_token::Column::PositionId)
                .equals((balance::Entity, balance::Column::PositionId)),
        )
        .to_owned()
}

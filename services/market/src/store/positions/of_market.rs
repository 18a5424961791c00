//! Who holds the outcome tokens of a market, in some order.

use capstan_db::{
    columns::{AddressColumn, AmountColumn, signed},
    market::entities::{balance, outcome_token},
};
use capstan_primitives::{Address, Amount, ChainId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, ExprTrait, Func},
};

use super::pool_that_holds;
use crate::{
    domain::{market::MarketId, position::Position},
    store::{Error, Read, rows},
};

/// Which holders of a market to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HoldersOf {
    /// Of this outcome only.
    pub(crate) outcome: Option<u32>,
    pub(crate) order: HolderOrder,
}

/// In which order the holders of an outcome are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HolderOrder {
    Holder,
    /// Who has most first; then by holder.
    Amount,
}

/// Place of a holder in the list of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HolderKey {
    pub(crate) outcome_index: u32,
    pub(crate) amount: Amount,
    pub(crate) holder: Address,
}

impl Read {
    /// Holders of a market's tokens outcome by outcome, without what their market says of them. Pools are no holders.
    pub(crate) async fn holders(
        &self,
        (chain, market_id): (ChainId, MarketId),
        of: HoldersOf,
        after: Option<HolderKey>,
        limit: u64,
    ) -> Result<Vec<Position>, Error> {
        let first = after.as_ref().map_or(0, |key| rows::index(key.outcome_index));
        let mut tokens = outcome_token::Entity::find()
            .filter(outcome_token::Column::ChainId.eq(signed(chain.0)))
            .filter(outcome_token::Column::MarketId.eq(market_id.as_bytes().to_vec()))
            .filter(outcome_token::Column::OutcomeIndex.gte(first))
            .order_by_asc(outcome_token::Column::OutcomeIndex);
        if let Some(outcome) = of.outcome {
            tokens = tokens.filter(outcome_token::Column::OutcomeIndex.eq(rows::index(outcome)));
        }
        let mut found = Vec::new();
        let mut after = after.map(|key| (key.amount, key.holder));
        // Token by token, since the holders of one are in order in its index, and those of all are not.
        for token in tokens.all(&self.transaction).await? {
            let left = limit.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
            if left == 0 {
                break;
            }
            let holders = match of.order {
                HolderOrder::Holder => self.by_holder(&token, after.take(), left).await?,
                HolderOrder::Amount => self.by_amount(&token, after.take(), left).await?,
            };
            let outcome = rows::from_index(token.outcome_index);
            let position = |row: balance::Model| {
                Position::of(chain, (market_id, outcome), rows::holding(&row), row.amount.0)
            };
            found.extend(holders.into_iter().map(position));
        }
        Ok(found)
    }

    async fn by_holder(
        &self,
        token: &outcome_token::Model,
        after: Option<(Amount, Address)>,
        limit: u64,
    ) -> Result<Vec<balance::Model>, Error> {
        let mut query = holders_of(token, limit).order_by_asc(balance::Column::Holder);
        if let Some((_, holder)) = after {
            query = query.filter(balance::Column::Holder.gt(AddressColumn(holder)));
        }
        Ok(query.all(&self.transaction).await?)
    }

    /// Those who have as much as the last one first, then those who have less: two ranges of one index.
    async fn by_amount(
        &self,
        token: &outcome_token::Model,
        after: Option<(Amount, Address)>,
        limit: u64,
    ) -> Result<Vec<balance::Model>, Error> {
        let size = Size(self.transaction.get_database_backend());
        let mut found = Vec::new();
        let mut less = holders_of(token, limit);
        if let Some((amount, holder)) = after {
            let same = holders_of(token, limit)
                .filter(size.of_rows().eq(size.of(amount)))
                .filter(balance::Column::Holder.gt(AddressColumn(holder)))
                .order_by_asc(balance::Column::Holder);
            found = same.all(&self.transaction).await?;
            less = less.filter(size.of_rows().lt(size.of(amount)));
        }
        let left = limit.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
        if left > 0 {
            for column in size.columns() {
                less = less.order_by(column, Order::Desc);
            }
            let less = less.order_by_asc(balance::Column::Holder).limit(left);
            found.extend(less.all(&self.transaction).await?);
        }
        Ok(found)
    }
}

fn holders_of(token: &outcome_token::Model, limit: u64) -> Select<balance::Entity> {
    balance::Entity::find()
        .filter(balance::Column::ChainId.eq(token.chain_id))
        .filter(balance::Column::Contract.eq(token.contract.clone()))
        .filter(balance::Column::PositionId.eq(token.position_id.clone()))
        .filter(Expr::exists(pool_that_holds()).not())
        .limit(limit)
}

/// How amounts are compared: as numbers, or as the decimal texts that SQLite has, of which the longer one is more.
#[derive(Debug, Clone, Copy)]
struct Size(DatabaseBackend);

impl Size {
    fn columns(self) -> Vec<Expr> {
        let amount = Expr::col((balance::Entity, balance::Column::Amount));
        match self.0 {
            DatabaseBackend::Sqlite => vec![Func::cust("length").arg(amount.clone()).into(), amount],
            _ => vec![amount],
        }
    }

    fn of_rows(self) -> Expr {
        Expr::tuple(self.columns())
    }

    fn of(self, amount: Amount) -> Expr {
        let text = amount.to_string();
        Expr::tuple(match self.0 {
            DatabaseBackend::Sqlite => {
                vec![Expr::value(i64::try_from(text.len()).unwrap_or(i64::MAX)), Expr::value(text)]
            }
            _ => vec![Expr::value(AmountColumn(amount))],
        })
    }
}

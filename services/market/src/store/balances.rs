//! Balances: loaded, stored, and never kept where they are zero.

use std::collections::{BTreeMap, HashMap};

use capstan_db::{
    bulk::replace_all,
    columns::{AmountColumn, signed},
    market::entities::balance,
};
use capstan_primitives::{Address, Amount, ChainId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::{CHUNK, Error, rows};
use crate::domain::state::Holding;

/// Loads the balances of `holdings`; those that are zero are not in the result.
pub(super) async fn load<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    holdings: &[Holding],
) -> Result<HashMap<Holding, Amount>, DbErr> {
    let mut found = HashMap::new();
    for keys in holdings.chunks(CHUNK) {
        let query = balance::Entity::find().filter(one_of(chain, keys));
        found.extend(query.all(connection).await?.iter().map(|row| (rows::holding(row), row.amount.0)));
    }
    Ok(found)
}

/// Loads everything that `holders` have.
pub(super) async fn load_of<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    holders: &[Address],
) -> Result<HashMap<Holding, Amount>, DbErr> {
    let mut found = HashMap::new();
    for holders in holders.chunks(CHUNK) {
        let query = balance::Entity::find()
            .filter(balance::Column::ChainId.eq(signed(chain.0)))
            .filter(balance::Column::Holder.is_in(rows::padded(rows::addresses(holders.iter().copied()))));
        found.extend(query.all(connection).await?.iter().map(|row| (rows::holding(row), row.amount.0)));
    }
    Ok(found)
}

/// Stores balances as they are now.
pub(super) async fn store(
    transaction: &DatabaseTransaction,
    chain: ChainId,
    balances: BTreeMap<Holding, Amount>,
) -> Result<(), Error> {
    let (empty, full): (Vec<_>, Vec<_>) = balances.into_iter().partition(|(_, amount)| amount.is_zero());
    let empty: Vec<Holding> = empty.into_iter().map(|(holding, _)| holding).collect();
    for keys in empty.chunks(CHUNK) {
        balance::Entity::delete_many().filter(one_of(chain, keys)).exec(transaction).await?;
    }
    let full = full.iter().map(|(holding, amount)| row(chain, holding, *amount)).collect();
    Ok(replace_all(transaction, full).await?)
}

fn one_of(chain: ChainId, keys: &[Holding]) -> Expr {
    let columns = [balance::Column::Contract, balance::Column::PositionId, balance::Column::Holder];
    balance::Column::ChainId.eq(signed(chain.0)).and(rows::one_of(columns, rows::keys(keys)))
}

fn row(chain: ChainId, holding: &Holding, amount: Amount) -> balance::ActiveModel {
    balance::ActiveModel {
        chain_id: Set(signed(chain.0)),
        contract: Set(holding.contract.into()),
        position_id: Set(rows::token_column(holding.token)),
        holder: Set(holding.holder.into()),
        amount: Set(AmountColumn(amount)),
    }
}

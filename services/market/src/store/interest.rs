//! Open interest: a row for each block that changed it, of which the newest counts.

use std::collections::HashMap;

use capstan_db::{
    bulk::insert_all,
    columns::{AddressColumn, AmountColumn, HashColumn, signed},
    market::entities::open_interest,
};
use capstan_primitives::{Amount, ChainId};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DbErr, FromQueryResult, Order,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::{CHUNK, Error, Write, rows};
use crate::domain::interest::{Backing, Interest};

/// A key and what it had.
#[derive(Debug, FromQueryResult)]
struct Newest {
    contract: AddressColumn,
    condition_id: HashColumn,
    collateral: AddressColumn,
    amount: Option<AmountColumn>,
}

/// The open interest of `backings` after block `at`; those that never had any are not in the result.
pub(super) async fn load<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    backings: &[Backing],
    at: i64,
) -> Result<HashMap<Backing, Amount>, DbErr> {
    let mut found = HashMap::new();
    for backings in backings.chunks(CHUNK) {
        let statement = connection.get_database_backend().build(&newest(chain, backings, at));
        for row in Newest::find_by_statement(statement).all(connection).await? {
            let Newest { contract, condition_id, collateral, amount } = row;
            let (contract, condition_id, collateral) = (contract.0, condition_id.0, collateral.0);
            let backing = Backing { contract, condition_id, collateral };
            found.extend(amount.map(|amount| (backing, amount.0)));
        }
    }
    Ok(found)
}

/// One look into the index for each key, however long its history.
fn newest(chain: ChainId, backings: &[Backing], at: i64) -> SelectStatement {
    use open_interest::Column::{BlockNumber, ChainId, Collateral, ConditionId, Contract};
    let key = [(Contract, "column1"), (ConditionId, "column2"), (Collateral, "column3")];
    let mut amount = Query::select()
        .column(open_interest::Column::Amount)
        .from(open_interest::Entity)
        .and_where(Expr::col(ChainId).eq(signed(chain.0)))
        .and_where(Expr::col(BlockNumber).lte(at))
        .order_by(BlockNumber, Order::Desc)
        .limit(1)
        .take();
    let mut query = Query::select();
    for (column, wanted) in key {
        amount.and_where(Expr::col(column).equals(("wanted", wanted)));
        query.expr_as(Expr::col(("wanted", wanted)), column);
    }
    let values = backings.iter().map(|Backing { contract, condition_id, collateral }| {
        let bytes = [contract.as_bytes(), condition_id.as_bytes(), collateral.as_bytes()];
        <(Vec<u8>, Vec<u8>, Vec<u8>)>::from(bytes.map(<[u8]>::to_vec))
    });
    query
        .expr_as(Expr::SubQuery(None, Box::new(amount.into())), open_interest::Column::Amount)
        .from_values(rows::padded(values), "wanted")
        .take()
}

impl Write {
    /// Adds what blocks changed.
    pub(super) async fn save_interest(&self, interest: &[Interest]) -> Result<(), Error> {
        let row = |interest: &Interest| {
            let Interest { backing: Backing { contract, condition_id, collateral }, block, amount } =
                *interest;
            open_interest::ActiveModel {
                chain_id: Set(signed(self.chain.0)),
                contract: Set(contract.into()),
                condition_id: Set(condition_id.into()),
                collateral: Set(collateral.into()),
                block_number: Set(signed(block)),
                amount: Set(AmountColumn(amount)),
            }
        };
        Ok(insert_all(&self.transaction, interest.iter().map(row).collect()).await?)
    }
}

//! What users paid: the journal, and its sums.

use std::collections::BTreeMap;

use capstan_db::{
    bulk::{insert_all, replace_all},
    columns::{AddressColumn, HashColumn, IntegerColumn, signed},
    market::entities::{cost_basis, cost_entry},
};
use capstan_primitives::ChainId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};

use super::{
    CHUNK, Error, Write,
    memory::{Memory, unknown},
    rows,
};
use crate::domain::{
    costs::{Costs, Entry, Posting, post},
    state::Holding,
};

const KEY: [cost_basis::Column; 4] = [
    cost_basis::Column::ChainId,
    cost_basis::Column::Contract,
    cost_basis::Column::PositionId,
    cost_basis::Column::Holder,
];

impl Write {
    /// Makes postings in the books and in the journal.
    pub(super) async fn save_postings(&self, postings: &[Posting], memory: &mut Memory) -> Result<(), Error> {
        let mut keys: Vec<Holding> = postings
            .iter()
            .flat_map(|posting| posting.deal.assets().map(|asset| asset.of(posting.user)))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let missing = unknown(&mut memory.known.books, keys.iter().copied());
        let mut books = load(&self.transaction, self.chain, &missing).await?;
        books.extend(keys.iter().filter_map(|key| memory.books.remove_entry(key)));
        let entries = post(&mut books, postings);
        let entries = entries.into_iter().map(|entry| entry_row(self.chain, entry)).collect();
        insert_all(&self.transaction, entries).await?;
        self.store_costs(&books).await?;
        memory.books.append(&mut books);
        Ok(())
    }

    /// Subtracts what blocks above `floor` changed. Call it while their rows of the journal are there.
    pub(super) async fn undo_costs(&self, floor: i64) -> Result<(), Error> {
        let changes = cost_entry::Entity::find()
            .filter(cost_entry::Column::ChainId.eq(signed(self.chain.0)))
            .filter(cost_entry::Column::BlockNumber.gt(floor))
            .order_by_asc(cost_entry::Column::BlockNumber)
            .order_by_asc(cost_entry::Column::Item)
            .all(&self.transaction)
            .await?;
        let mut sums: BTreeMap<Holding, Costs> = BTreeMap::new();
        for row in changes {
            let (holding, change) = change(row);
            sums.entry(holding).or_default().add(&change);
        }
        let keys: Vec<Holding> = sums.keys().copied().collect();
        let mut books = load(&self.transaction, self.chain, &keys).await?;
        for (holding, sum) in sums {
            books.entry(holding).or_default().subtract(&sum);
        }
        self.store_costs(&books).await
    }

    /// Stores books as they are now.
    async fn store_costs(&self, books: &BTreeMap<Holding, Costs>) -> Result<(), Error> {
        let (nothing, some): (Vec<_>, Vec<_>) = books.iter().partition(|(_, costs)| costs.is_nothing());
        let nothing: Vec<Holding> = nothing.into_iter().map(|(holding, _)| *holding).collect();
        for keys in nothing.chunks(CHUNK) {
            let gone = cost_basis::Entity::delete_many().filter(one_of(self.chain, keys));
            gone.exec(&self.transaction).await?;
        }
        let some = some.into_iter().map(|(holding, costs)| basis_row(self.chain, holding, costs)).collect();
        Ok(replace_all(&self.transaction, some).await?)
    }
}

/// Loads the books of `holdings`; those of whom there are none are not in the result.
pub(super) async fn load<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    holdings: &[Holding],
) -> Result<BTreeMap<Holding, Costs>, Error> {
    let mut found = BTreeMap::new();
    for keys in holdings.chunks(CHUNK) {
        let rows = cost_basis::Entity::find().filter(one_of(chain, keys)).all(connection).await?;
        found.extend(rows.into_iter().map(basis));
    }
    Ok(found)
}

fn one_of(chain: ChainId, keys: &[Holding]) -> Expr {
    let columns = KEY.into_iter().skip(1);
    cost_basis::Column::ChainId.eq(signed(chain.0)).and(rows::one_of(columns, rows::keys(keys)))
}

/// A row of the books.
pub(super) fn basis(row: cost_basis::Model) -> (Holding, Costs) {
    let cost_basis::Model { quantity, unknown, cost, realised, unmatched, invested, fees, .. } = row;
    let numbers = [quantity, unknown, cost, realised, unmatched, invested, fees];
    of((&row.contract, &row.position_id, &row.holder), numbers)
}

/// A row of the journal.
fn change(row: cost_entry::Model) -> (Holding, Costs) {
    let cost_entry::Model { quantity, unknown, cost, realised, unmatched, invested, fees, .. } = row;
    let numbers = [quantity, unknown, cost, realised, unmatched, invested, fees];
    of((&row.contract, &row.position_id, &row.holder), numbers)
}

fn of(
    (contract, token, holder): (&AddressColumn, &HashColumn, &AddressColumn),
    numbers: [IntegerColumn; 7],
) -> (Holding, Costs) {
    let [quantity, unknown, cost, realised, unmatched, invested, fees] = numbers.map(|number| number.0);
    let holding = Holding { contract: contract.0, token: rows::token(token), holder: holder.0 };
    (holding, Costs { quantity, unknown, cost, realised, unmatched, invested, fees })
}

fn basis_row(chain: ChainId, holding: &Holding, costs: &Costs) -> cost_basis::ActiveModel {
    let [quantity, unknown, cost, realised, unmatched, invested, fees] =
        costs.numbers().map(|number| Set(IntegerColumn(number.clone())));
    cost_basis::ActiveModel {
        chain_id: Set(signed(chain.0)),
        contract: Set(holding.contract.into()),
        position_id: Set(rows::token_column(holding.token)),
        holder: Set(holding.holder.into()),
        quantity,
        unknown,
        cost,
        realised,
        unmatched,
        invested,
        fees,
    }
}

fn entry_row(chain: ChainId, entry: Entry) -> cost_entry::ActiveModel {
    let Entry { place, item, holding, change } = entry;
    let [quantity, unknown, cost, realised, unmatched, invested, fees] =
        change.numbers().map(|number| Set(IntegerColumn(number.clone())));
    cost_entry::ActiveModel {
        chain_id: Set(signed(chain.0)),
        block_number: Set(signed(place.block)),
        item: Set(rows::index(item)),
        log_index: Set(rows::index(place.log_index)),
        contract: Set(holding.contract.into()),
        position_id: Set(rows::token_column(holding.token)),
        holder: Set(holding.holder.into()),
        quantity,
        unknown,
        cost,
        realised,
        unmatched,
        invested,
        fees,
    }
}

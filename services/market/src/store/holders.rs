//! How many hold each token: counted as balances come and go, and pools with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_db::{
    columns::{signed, unsigned},
    market::entities::{amm, holder_count},
};
use capstan_primitives::{Address, Amount, ChainId, U256};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{CHUNK, Error, Write, balances, rows};
use crate::domain::{
    holders::HolderChanges,
    market::{MarketId, Tokens},
    state::Holding,
};

type Balances = BTreeMap<Holding, Amount>;

/// How many hold the tokens of markets, by contract and token; those that nobody holds are not in the result.
pub(super) async fn load<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    tokens: &BTreeMap<MarketId, Tokens>,
) -> Result<HashMap<(Address, U256), u64>, DbErr> {
    let contracts: BTreeSet<Address> = tokens.values().map(|tokens| tokens.contract).collect();
    let contracts = rows::addresses(contracts);
    let ids: BTreeSet<U256> = tokens.values().flat_map(|tokens| tokens.ids.iter().copied()).collect();
    let ids: Vec<U256> = ids.into_iter().collect();
    let mut found = HashMap::new();
    for ids in ids.chunks(CHUNK) {
        let query = holder_count::Entity::find()
            .filter(holder_count::Column::ChainId.eq(signed(chain.0)))
            .filter(holder_count::Column::Contract.is_in(contracts.iter().cloned()))
            .filter(
                holder_count::Column::PositionId
                    .is_in(rows::padded(ids.iter().map(|id| rows::token_column(*id)))),
            );
        let key = |row: &holder_count::Model| (row.contract.0, rows::token(&row.position_id));
        let counts = query.all(connection).await?;
        found.extend(counts.iter().map(|row| (key(row), unsigned(row.holders))));
    }
    Ok(found)
}

impl Write {
    /// Adds what changed. A row is there while somebody holds the token.
    pub(super) async fn save_holders(&self, changes: &HolderChanges) -> Result<(), Error> {
        use holder_count::Column::{ChainId, Contract, Holders, PositionId};
        let changed: Vec<(Address, U256, i64)> = changes.changed().collect();
        for changed in changed.chunks(CHUNK) {
            let sum = Expr::col((holder_count::Entity, Holders)).add(Expr::col(("excluded", Holders)));
            let add = OnConflict::columns([ChainId, Contract, PositionId]).value(Holders, sum).to_owned();
            let row = |(contract, token, change): &(Address, U256, i64)| holder_count::ActiveModel {
                chain_id: Set(signed(self.chain.0)),
                contract: Set((*contract).into()),
                position_id: Set(rows::token_column(*token)),
                holders: Set(*change),
            };
            let insert = holder_count::Entity::insert_many(changed.iter().map(row)).on_conflict(add);
            insert.exec_without_returning(&self.transaction).await?;
        }
        let fewer: Vec<_> = changed.into_iter().filter(|(_, _, change)| *change < 0).collect();
        for fewer in fewer.chunks(CHUNK) {
            let keys = fewer.iter().map(|(contract, token, _)| {
                (contract.as_bytes().to_vec(), token.to_be_bytes::<32>().to_vec())
            });
            let nobody = holder_count::Entity::delete_many()
                .filter(ChainId.eq(signed(self.chain.0)))
                .filter(rows::one_of([Contract, PositionId], keys))
                .filter(Holders.eq(0));
            nobody.exec(&self.transaction).await?;
        }
        Ok(())
    }

    /// Counts again what balances are after blocks above `floor` are taken back, `before` and after. Pools that those
    /// made are holders then. Call it while the pools and the balances before are there.
    pub(super) async fn undo_holders(
        &self,
        floor: i64,
        (before, after): (&Balances, &Balances),
    ) -> Result<(), Error> {
        let of_chain = || amm::Entity::find().filter(amm::Column::ChainId.eq(signed(self.chain.0)));
        let gone = of_chain().filter(amm::Column::BlockNumber.gt(floor)).all(&self.transaction).await?;
        let gone: Vec<Address> = gone.into_iter().map(|row| row.address.0).collect();
        let holders: BTreeSet<Address> = before.keys().map(|holding| holding.holder).collect();
        let holders: Vec<Address> = holders.into_iter().collect();
        let mut pools = BTreeSet::new();
        for holders in holders.chunks(CHUNK) {
            let among =
                of_chain().filter(amm::Column::Address.is_in(rows::addresses(holders.iter().copied())));
            pools.extend(among.all(&self.transaction).await?.into_iter().map(|row| row.address.0));
        }
        let gone_pools: BTreeSet<Address> = gone.iter().copied().collect();
        let mut changes = HolderChanges::default();
        for (holding, had) in before {
            let has = after.get(holding).is_some_and(|amount| !amount.is_zero());
            let was_user = !pools.contains(&holding.holder);
            let is_user = was_user || gone_pools.contains(&holding.holder);
            changes.note(holding, (was_user && !had.is_zero(), is_user && has));
        }
        for (holding, _) in balances::load_of(&self.transaction, self.chain, &gone).await? {
            changes.note(&holding, (false, !before.contains_key(&holding)));
        }
        self.save_holders(&changes).await
    }
}

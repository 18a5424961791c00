//! How blocks changed what users have of the markets' outcome tokens.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_db::{
    columns::{AddressColumn, HashColumn, signed},
    market::entities::{amm, amm_link, market, outcome_token, transfer},
};
use capstan_primitives::{Address, AmountError, ChainId, U256};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};

use super::Range;
use crate::{
    domain::{change::Net, market::MarketId, state::Holding},
    store::{CHUNK, Error, Read, rows},
};

/// What a block did to the tokens that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenChange {
    pub(crate) holding: Holding,
    pub(crate) change: Net,
    /// The markets that listed the token then, oldest first; at least one.
    pub(crate) markets: Vec<OutcomeOf>,
}

/// What a token is in a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutcomeOf {
    pub(crate) market: MarketId,
    pub(crate) pool: Option<Address>,
    pub(crate) outcome_index: u32,
}

/// A market that has a token, and since when.
struct Listing {
    market: MarketId,
    outcome_index: u32,
    since: i64,
    until: Option<i64>,
    link: Option<(Address, i64)>,
}

impl Listing {
    fn at(&self, block: i64) -> Option<OutcomeOf> {
        let listed = self.since <= block && self.until.is_none_or(|until| until > block);
        let linked = self.link.filter(|(_, since)| *since <= block).map(|(pool, _)| pool);
        let Self { market, outcome_index, .. } = *self;
        listed.then(|| OutcomeOf { market, pool: market.pool().or(linked), outcome_index })
    }
}

type Listings = HashMap<(Address, U256), Vec<Listing>>;

impl Read {
    /// What users have more or less of after each block than before it. Pools are no users.
    pub(super) async fn positions_in(&self, range: Range) -> Result<BTreeMap<i64, Vec<TokenChange>>, Error> {
        let net = net_of(&self.transfers_in(range).await?)
            .map_err(|error| Error::Corrupt { table: "transfer", problem: error.to_string() })?;
        let holdings = || net.values().flat_map(BTreeMap::keys);
        let holders: BTreeSet<Address> = holdings().map(|holding| holding.holder).collect();
        let tokens: BTreeSet<(Address, U256)> =
            holdings().map(|holding| (holding.contract, holding.token)).collect();
        let pools = self.pools_among(range.chain, holders).await?;
        let listings = self.listings_of(range.chain, tokens).await?;
        let mut changes = BTreeMap::new();
        for (block, net) in net {
            let users = net
                .into_iter()
                .filter(|(holding, _)| pools.get(&holding.holder).is_none_or(|since| *since > block));
            let told = users.filter_map(|(holding, change)| {
                let listings = listings.get(&(holding.contract, holding.token))?;
                let markets: Vec<OutcomeOf> = listings.iter().filter_map(|it| it.at(block)).collect();
                let change = TokenChange { holding, change, markets };
                (!change.markets.is_empty() && change.change != Net::Nothing).then_some(change)
            });
            changes.insert(block, told.collect());
        }
        Ok(changes)
    }

    async fn transfers_in(&self, range: Range) -> Result<Vec<transfer::Model>, Error> {
        let query = transfer::Entity::find()
            .filter(transfer::Column::ChainId.eq(signed(range.chain.0)))
            .filter(transfer::Column::BlockNumber.between(range.first, range.last))
            .order_by_asc(transfer::Column::BlockNumber)
            .order_by_asc(transfer::Column::LogIndex)
            .order_by_asc(transfer::Column::Item);
        Ok(query.all(&self.transaction).await?)
    }

    /// Those of some addresses that are pools, and since which block.
    async fn pools_among(
        &self,
        chain: ChainId,
        addresses: BTreeSet<Address>,
    ) -> Result<HashMap<Address, i64>, Error> {
        let mut pools = HashMap::new();
        for addresses in addresses.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
            let query = amm::Entity::find()
                .filter(amm::Column::ChainId.eq(signed(chain.0)))
                .filter(amm::Column::Address.is_in(rows::addresses(addresses.iter().copied())));
            let found = query.all(&self.transaction).await?;
            pools.extend(found.into_iter().map(|row| (row.address.0, row.block_number)));
        }
        Ok(pools)
    }

    /// The markets of tokens, oldest first.
    async fn listings_of(
        &self,
        chain: ChainId,
        tokens: BTreeSet<(Address, U256)>,
    ) -> Result<Listings, Error> {
        type Row = (
            Vec<u8>,
            i32,
            AddressColumn,
            HashColumn,
            i64,
            i64,
            Option<i64>,
            Option<AddressColumn>,
            Option<i64>,
        );
        let mut listings: Listings = HashMap::new();
        for tokens in tokens.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
            let found: Vec<Row> = listed(chain, tokens).into_tuple().all(&self.transaction).await?;
            for (id, outcome, contract, token, known, announced, until, pool, linked) in found {
                let listing = Listing {
                    market: rows::market_id("outcome_token", &id)?,
                    outcome_index: rows::from_index(outcome),
                    since: Ord::max(known, announced),
                    until,
                    link: pool.map(|pool| pool.0).zip(linked),
                };
                listings.entry((contract.0, rows::token(&token))).or_default().push(listing);
            }
        }
        Ok(listings)
    }
}

/// What each block did to each balance.
fn net_of(transfers: &[transfer::Model]) -> Result<BTreeMap<i64, BTreeMap<Holding, Net>>, AmountError> {
    let mut net: BTreeMap<i64, BTreeMap<Holding, Net>> = BTreeMap::new();
    for row in transfers {
        let block = net.entry(row.block_number).or_default();
        let holding =
            |holder| Holding { contract: row.contract.0, token: rows::token(&row.position_id), holder };
        if row.sender.0 != Address::ZERO {
            let sender = block.entry(holding(row.sender.0)).or_default();
            *sender = sender.sent(row.value.0)?;
        }
        if row.recipient.0 != Address::ZERO {
            let recipient = block.entry(holding(row.recipient.0)).or_default();
            *recipient = recipient.received(row.value.0)?;
        }
    }
    Ok(net)
}

fn listed(chain: ChainId, tokens: &[(Address, U256)]) -> Select<outcome_token::Entity> {
    let contracts: BTreeSet<Address> = tokens.iter().map(|(contract, _)| *contract).collect();
    let ids = tokens.iter().map(|(_, token)| rows::token_column(*token));
    let mut query = outcome_token::Entity::find()
        .select_only()
        .columns([
            outcome_token::Column::MarketId,
            outcome_token::Column::OutcomeIndex,
            outcome_token::Column::Contract,
            outcome_token::Column::PositionId,
            outcome_token::Column::BlockNumber,
        ])
        .columns([market::Column::BlockNumber, market::Column::SupersededByBlock])
        .columns([amm_link::Column::Amm, amm_link::Column::BlockNumber])
        .filter(outcome_token::Column::ChainId.eq(signed(chain.0)))
        .filter(outcome_token::Column::Contract.is_in(rows::addresses(contracts)))
        .filter(outcome_token::Column::PositionId.is_in(ids))
        .order_by_asc(market::Column::BlockNumber)
        .order_by_asc(market::Column::LogIndex)
        .order_by_asc(market::Column::MarketId);
    let of_market = |column| Expr::col((market::Entity, column));
    let of_link = |column| Expr::col((amm_link::Entity, column));
    let markets = same_market(of_market(market::Column::ChainId), of_market(market::Column::MarketId));
    let links = same_market(of_link(amm_link::Column::ChainId), of_link(amm_link::Column::MarketId));
    QuerySelect::query(&mut query).join(JoinType::InnerJoin, market::Entity, markets).join(
        JoinType::LeftJoin,
        amm_link::Entity,
        links,
    );
    query
}

fn same_market(chain: Expr, market: Expr) -> Condition {
    let of_token = |column| (outcome_token::Entity, column);
    Condition::all()
        .add(chain.equals(of_token(outcome_token::Column::ChainId)))
        .add(market.equals(of_token(outcome_token::Column::MarketId)))
}

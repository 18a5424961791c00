//! One market at one block: its announcement joined with tokens, pool, prices and resolution.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_db::{
    columns::{HashColumn, signed},
    market::entities::{amm, amm_link, condition, market, pool_snapshot, resolution},
};
use capstan_primitives::{Address, Amount, BlockRef, BlockTime, ChainId, Hash, U256};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    domain::{
        interest::Backing,
        market::{Announcement, Market, MarketId, PoolState, Settlement, Tokens},
        payouts,
    },
    store::{At, CHUNK, Error, Read, holders, interest, read, rows},
};

/// Seconds.
const DAY: u64 = 86_400;

/// What is asked of markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facts {
    All,
    /// What positions are worth: without volumes of times, open interest, numbers of holders and oracles, which stay empty.
    Worth,
}

/// Everything that views of some markets need, loaded at once.
struct Parts {
    chain: ChainId,
    /// Of the block that they are as of.
    time: BlockTime,
    /// Volumes of pools a day and a week before.
    earlier: [HashMap<Address, Amount>; 2],
    tokens: BTreeMap<MarketId, Tokens>,
    links: BTreeMap<MarketId, amm_link::Model>,
    pools: HashMap<Address, amm::Model>,
    conditions_of_pools: HashMap<Address, Vec<Hash>>,
    snapshots: HashMap<Address, pool_snapshot::Model>,
    /// By contract and id.
    conditions: HashMap<(Address, Hash), condition::Model>,
    resolutions: HashMap<(Address, Hash), resolution::Model>,
    blocks: HashMap<i64, BlockRef>,
    /// None while the tables do not have it.
    open_interest: Option<HashMap<Backing, Amount>>,
    /// By contract and token.
    holders: HashMap<(Address, U256), u64>,
}

impl Read {
    /// Views of market rows of one chain at block `at`, in the same order.
    pub(super) async fn views(
        &self,
        chain: ChainId,
        found: Vec<market::Model>,
        (at, facts): (At, Facts),
    ) -> Result<Vec<Market>, Error> {
        let mut announcements =
            found.into_iter().map(rows::announcement).collect::<Result<Vec<Announcement>, Error>>()?;
        if announcements.is_empty() {
            return Ok(Vec::new());
        }
        self.without_taken_slugs(chain, &mut announcements).await?;
        for market in announcements.iter_mut().filter(|market| market.category.is_none()) {
            market.category = self.categories.of(chain, market.factory).map(str::to_owned);
        }
        let mut parts = self.parts(chain, &announcements, at).await?;
        if facts == Facts::All {
            self.complete(&mut parts, &announcements, at).await?;
        }
        announcements.into_iter().map(|announcement| parts.view(announcement)).collect()
    }

    async fn parts(
        &self,
        chain: ChainId,
        announcements: &[Announcement],
        moment: At,
    ) -> Result<Parts, Error> {
        let (c, at) = (&self.transaction, signed(moment.number));
        let ids: Vec<MarketId> = announcements.iter().map(|announcement| announcement.id).collect();
        // A pool is a market without a link.
        let of_factories: Vec<MarketId> = ids.iter().copied().filter(|id| id.pool().is_none()).collect();
        let links = read::links_of(c, chain, &of_factories, at).await?;
        let addresses: Vec<Address> =
            ids.iter().filter_map(|id| id.pool()).chain(links.values().map(|link| link.amm.0)).collect();
        let pools = self.pool_rows(chain, &addresses, at).await?;
        let mut conditions_of_pools = HashMap::new();
        for pool in pools.values() {
            conditions_of_pools.insert(pool.address.0, rows::from_json("amm", &pool.condition_ids)?);
        }
        let mut conditions: Vec<Hash> = announcements.iter().map(|it| it.condition_id).collect();
        conditions.extend(conditions_of_pools.values().flatten());
        conditions.sort_unstable();
        conditions.dedup();
        let snapshots = read::latest_snapshots(c, chain, &addresses, at).await?;
        let resolutions = self.resolution_rows(chain, &conditions, at).await?;
        let mut numbers: Vec<i64> = links.values().map(|link| link.block_number).collect();
        numbers.extend(snapshots.iter().map(|row| row.block_number));
        numbers.extend(resolutions.values().map(|row| row.block_number));
        numbers.sort_unstable();
        numbers.dedup();
        let blocks = self.blocks(chain, &numbers).await?;
        let snapshots = snapshots.into_iter().map(|row| (row.amm.0, row)).collect();
        Ok(Parts {
            chain,
            time: moment.time,
            earlier: [HashMap::new(), HashMap::new()],
            holders: HashMap::new(),
            open_interest: None,
            tokens: read::tokens(c, chain, &ids, at).await?,
            conditions: HashMap::new(),
            snapshots,
            blocks,
            conditions_of_pools,
            links,
            pools,
            resolutions,
        })
    }

    /// Adds what only [`Facts::All`] has.
    async fn complete(
        &self,
        parts: &mut Parts,
        announcements: &[Announcement],
        moment: At,
    ) -> Result<(), Error> {
        let (c, chain, at) = (&self.transaction, parts.chain, signed(moment.number));
        let of_pools = parts.conditions_of_pools.values().flatten();
        let conditions: BTreeSet<Hash> =
            announcements.iter().map(|it| it.condition_id).chain(of_pools.copied()).collect();
        let conditions: Vec<Hash> = conditions.into_iter().collect();
        parts.conditions = self.condition_rows(chain, &conditions, at).await?;
        parts.earlier = [
            self.volumes_before(parts, moment, DAY).await?,
            self.volumes_before(parts, moment, 7 * DAY).await?,
        ];
        if !moment.of_earlier_version {
            let backings: BTreeSet<Backing> =
                announcements.iter().filter_map(|it| parts.backings_of(it)).flatten().collect();
            let backings: Vec<Backing> = backings.into_iter().collect();
            parts.holders = holders::load(c, chain, &parts.tokens).await?;
            parts.open_interest = Some(interest::load(c, chain, &backings, at).await?);
        }
        Ok(())
    }

    /// The volumes that pools had so long before a moment; nothing for those that had none. Most pools did not change
    /// since, and are not looked up.
    async fn volumes_before(
        &self,
        parts: &Parts,
        at: At,
        seconds: u64,
    ) -> Result<HashMap<Address, Amount>, Error> {
        let Some(time) = at.time.0.checked_sub(seconds) else { return Ok(HashMap::new()) };
        let last = |row: &pool_snapshot::Model| {
            parts.blocks.get(&row.block_number).map_or(at.time.0, |block| block.time.0)
        };
        let (same, changed): (Vec<_>, Vec<_>) = parts.snapshots.values().partition(|row| last(row) <= time);
        let mut volumes: HashMap<Address, Amount> =
            same.into_iter().map(|row| (row.amm.0, row.volume.0)).collect();
        let changed: Vec<Address> = changed.into_iter().map(|row| row.amm.0).collect();
        if changed.is_empty() {
            return Ok(volumes);
        }
        let Some(number) = self.newest_at(parts.chain, time).await? else { return Ok(volumes) };
        let found = read::latest_snapshots(&self.transaction, parts.chain, &changed, number).await?;
        volumes.extend(found.into_iter().map(|row| (row.amm.0, row.volume.0)));
        Ok(volumes)
    }

    async fn pool_rows(
        &self,
        chain: ChainId,
        pools: &[Address],
        at: i64,
    ) -> Result<HashMap<Address, amm::Model>, Error> {
        let mut found = HashMap::new();
        for pools in pools.chunks(CHUNK) {
            let query = amm::Entity::find()
                .filter(amm::Column::ChainId.eq(signed(chain.0)))
                .filter(amm::Column::Address.is_in(rows::padded(rows::addresses(pools.iter().copied()))))
                .filter(amm::Column::BlockNumber.lte(at));
            found.extend(query.all(&self.transaction).await?.into_iter().map(|row| (row.address.0, row)));
        }
        Ok(found)
    }

    async fn condition_rows(
        &self,
        chain: ChainId,
        conditions: &[Hash],
        at: i64,
    ) -> Result<HashMap<(Address, Hash), condition::Model>, Error> {
        let mut found = HashMap::new();
        for ids in conditions.chunks(CHUNK) {
            let query = condition::Entity::find()
                .filter(condition::Column::ChainId.eq(signed(chain.0)))
                .filter(
                    condition::Column::ConditionId.is_in(rows::padded(ids.iter().copied().map(HashColumn))),
                )
                .filter(condition::Column::BlockNumber.lte(at));
            let rows = query.all(&self.transaction).await?;
            found.extend(rows.into_iter().map(|row| ((row.contract.0, row.condition_id.0), row)));
        }
        Ok(found)
    }

    async fn resolution_rows(
        &self,
        chain: ChainId,
        conditions: &[Hash],
        at: i64,
    ) -> Result<HashMap<(Address, Hash), resolution::Model>, Error> {
        let mut found = HashMap::new();
        for ids in conditions.chunks(CHUNK) {
            let query = resolution::Entity::find()
                .filter(resolution::Column::ChainId.eq(signed(chain.0)))
                .filter(
                    resolution::Column::ConditionId.is_in(rows::padded(ids.iter().copied().map(HashColumn))),
                )
                .filter(resolution::Column::BlockNumber.lte(at));
            let rows = query.all(&self.transaction).await?;
            found.extend(rows.into_iter().map(|row| ((row.contract.0, row.condition_id.0), row)));
        }
        Ok(found)
    }
}

impl Parts {
    fn view(&self, mut announcement: Announcement) -> Result<Market, Error> {
        let id = announcement.id;
        let tokens = self.tokens.get(&id).cloned();
        let link = self.links.get(&id);
        let amm = id.pool().or_else(|| link.map(|link| link.amm.0));
        let pool = amm.and_then(|amm| self.pools.get(&amm));
        if let (None, Some(tokens)) = (announcement.question_id, &tokens) {
            let condition = self.conditions.get(&(tokens.contract, announcement.condition_id));
            announcement.question_id = condition.map(|row| row.question_id.0);
        }
        let resolutions = self.resolutions_of(&announcement);
        let changed = [
            link.map(|link| link.block_number),
            amm.and_then(|amm| self.snapshots.get(&amm)).map(|row| row.block_number),
            resolutions.iter().flatten().map(|row| row.block_number).max(),
        ];
        let times = changed.into_iter().flatten().filter_map(|number| self.blocks.get(&number));
        let updated = times.map(|block| block.time).fold(announcement.time, BlockTime::max);
        let pool_state = self.pool_state(pool, tokens.as_ref())?;
        let volume = pool_state.as_ref().map_or(Amount::ZERO, |state| state.volume);
        let before = |volumes: &HashMap<Address, Amount>| amm.and_then(|amm| volumes.get(&amm)).copied();
        let since = |volumes| volume.minus(before(volumes).unwrap_or(Amount::ZERO)).unwrap_or(volume);
        let [day, week] = &self.earlier;
        Ok(Market {
            chain: self.chain,
            time: self.time,
            volume_of_day: since(day),
            volume_of_week: since(week),
            fee: pool.map(|pool| pool.fee.0),
            pool: pool_state,
            payouts: all_payouts(&resolutions)?,
            settlement: self.settlement(&resolutions),
            conditions: resolutions.len(),
            open_interest: self.open_interest_of(&announcement),
            holders: self.holders_of(tokens.as_ref()),
            announcement,
            amm,
            tokens,
            updated,
        })
    }

    fn pool_state(
        &self,
        pool: Option<&amm::Model>,
        tokens: Option<&Tokens>,
    ) -> Result<Option<PoolState>, Error> {
        let (Some(pool), Some(tokens)) = (pool, tokens) else { return Ok(None) };
        let empty = || {
            Ok(PoolState { balances: vec![Amount::ZERO; tokens.ids.len()], volume: Amount::ZERO, trades: 0 })
        };
        self.snapshots.get(&pool.address.0).map_or_else(empty, rows::pool_state).map(Some)
    }

    /// The last one of the resolutions, when all conditions have one.
    fn settlement(&self, resolutions: &[Option<&resolution::Model>]) -> Option<Settlement> {
        let resolutions = resolutions.iter().copied().collect::<Option<Vec<_>>>()?;
        let last = resolutions.into_iter().max_by_key(|row| (row.block_number, row.log_index))?;
        let condition = self.conditions.get(&(last.contract.0, last.condition_id.0));
        Some(Settlement {
            condition_id: last.condition_id.0,
            oracle: condition.map(|row| row.oracle.0),
            block: *self.blocks.get(&last.block_number)?,
            log_index: rows::from_index(last.log_index),
            transaction: last.transaction_id.as_ref().map(|id| id.0.clone()),
        })
    }

    /// The resolution of each condition of a market; none where it is not resolved.
    fn resolutions_of(&self, announcement: &Announcement) -> Vec<Option<&resolution::Model>> {
        let Some(backings) = self.backings_of(announcement) else { return vec![None] };
        backings.iter().map(|it| self.resolutions.get(&(it.contract, it.condition_id))).collect()
    }

    /// What each condition of a market is backed by; none while the contract that holds it is not known.
    fn backings_of(&self, announcement: &Announcement) -> Option<Vec<Backing>> {
        let Announcement { id, collateral, condition_id, .. } = announcement;
        let contract = self.tokens.get(id)?.contract;
        let amm = id.pool().or_else(|| self.links.get(id).map(|link| link.amm.0));
        let conditions = amm.and_then(|amm| self.conditions_of_pools.get(&amm));
        let conditions = conditions.map_or(std::slice::from_ref(condition_id), Vec::as_slice);
        let backing = |id: &Hash| Backing { contract, condition_id: *id, collateral: *collateral };
        Some(conditions.iter().map(backing).collect())
    }

    /// None when it is not known, or more than there are numbers for.
    fn open_interest_of(&self, announcement: &Announcement) -> Option<Amount> {
        let (known, backings) = (self.open_interest.as_ref()?, self.backings_of(announcement)?);
        let amounts = backings.iter().filter_map(|backing| known.get(backing));
        amounts.copied().try_fold(Amount::ZERO, Amount::plus).ok()
    }

    fn holders_of(&self, tokens: Option<&Tokens>) -> Vec<u64> {
        let of = |contract, token: &U256| self.holders.get(&(contract, *token)).copied().unwrap_or_default();
        let tokens = tokens.filter(|_| self.open_interest.is_some());
        let counts = tokens.map(|tokens| tokens.ids.iter().map(|token| of(tokens.contract, token)).collect());
        counts.unwrap_or_default()
    }
}

/// Payouts of every outcome, when all conditions are resolved.
fn all_payouts(resolutions: &[Option<&resolution::Model>]) -> Result<Option<Vec<Amount>>, Error> {
    let mut vectors = Vec::with_capacity(resolutions.len());
    for resolution in resolutions {
        let Some(resolution) = resolution else { return Ok(None) };
        vectors.push(rows::from_json("resolution", &resolution.payouts)?);
    }
    Ok(Some(payouts::of_combinations(&vectors)))
}

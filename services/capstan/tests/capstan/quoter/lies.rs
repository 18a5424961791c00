//! Contracts whose state is changed behind the back of their events, as if the log had missed some.

use alloy::{
    primitives::{Address, B256, I256, U256, keccak256},
    providers::Provider,
};
use capstan_devnet::PoolVersion;

use crate::house::House;

/// Where Uniswap V3 and V4 keep a pool: slots of price, liquidity and ticks, counted from the pool's first one.
const V3_LIQUIDITY: u64 = 4;
const V3_TICKS: u64 = 5;
const V4_POOLS: u64 = 6;
const V4_LIQUIDITY: u64 = 3;
const V4_TICKS: u64 = 4;
const V2_RESERVES: u64 = 8;

/// Storage of one contract.
pub(super) struct Storage<'a> {
    house: &'a House,
    contract: Address,
}

impl<'a> Storage<'a> {
    pub(super) const fn of(house: &'a House, contract: Address) -> Self {
        Self { house, contract }
    }

    pub(super) async fn get(&self, slot: U256) -> U256 {
        self.house.provider().get_storage_at(self.contract, slot).await.unwrap()
    }

    pub(super) async fn set(&self, slot: U256, value: U256) {
        let value = B256::from(value);
        let params = (self.contract, slot, value);
        let done: bool =
            self.house.provider().raw_request("anvil_setStorageAt".into(), params).await.unwrap();
        assert!(done);
    }

    /// Changes what is in a slot.
    async fn change(&self, slot: U256, change: impl FnOnce(U256) -> U256) {
        let value = self.get(slot).await;
        assert_ne!(value, U256::ZERO, "{} keeps nothing in {slot}", self.contract);
        self.set(slot, change(value)).await;
    }

    /// Adds to the liquidity from one tick to another, the price between them.
    async fn deepen(&self, first: U256, (liquidity, ticks): (u64, u64), (lower, upper): (i32, i32)) {
        const MORE: u128 = 123_456_789_012;
        self.change(first + U256::from(liquidity), |liquidity| liquidity + U256::from(MORE)).await;
        for (tick, sign) in [(lower, 1_i128), (upper, -1)] {
            let slot = mapped(I256::try_from(tick).unwrap().into_raw(), first + U256::from(ticks));
            self.change(slot, |packed| {
                let gross = (packed << 128_usize >> 128_usize).to::<u128>() + MORE;
                let net = (packed >> 128_usize).to::<u128>().cast_signed() + sign * MORE.cast_signed();
                U256::from(net.cast_unsigned()) << 128_usize | U256::from(gross)
            })
            .await;
        }
    }
}

fn mapped(key: U256, slot: U256) -> U256 {
    keccak256([key.to_be_bytes::<32>(), slot.to_be_bytes::<32>()].concat()).into()
}

/// A pair of the chain has fewer of its first token than its events said.
pub(super) async fn about_a_pair(house: &House) -> String {
    let pools = &house.devnet.deployment().pools;
    let pair = pools.iter().find(|pool| pool.version == PoolVersion::V2).unwrap().address;
    let storage = Storage::of(house, pair);
    storage
        .change(U256::from(V2_RESERVES), |packed| packed - (packed << 144_usize >> 144_usize) / U256::from(9))
        .await;
    pair.to_string()
}

/// A pool of Uniswap V3 has more liquidity around its price than its events said; `ticks`: between which.
pub(super) async fn about_a_pool(house: &House, pool: Address, ticks: (i32, i32)) {
    Storage::of(house, pool).deepen(U256::ZERO, (V3_LIQUIDITY, V3_TICKS), ticks).await;
}

/// The same of Uniswap V4.
pub(super) async fn about_a_key(house: &House, id: B256, ticks: (i32, i32)) {
    let manager = house.devnet.deployment().venues.as_ref().unwrap().v4.pool_manager;
    let first = mapped(id.into(), U256::from(V4_POOLS));
    Storage::of(house, manager).deepen(first, (V4_LIQUIDITY, V4_TICKS), ticks).await;
}

/// A weighted pool takes another fee than its events said.
pub(super) async fn about_a_fee(house: &House) -> String {
    let known = &house.devnet.deployment().venues.as_ref().unwrap().balancer.pools[0];
    let storage = Storage::of(house, known.address);
    for slot in (0..32).map(U256::from) {
        if storage.get(slot).await == known.swap_fee {
            storage.set(slot, known.swap_fee * U256::from(2)).await;
            return known.address.to_string();
        }
    }
    panic!("{} keeps its fee elsewhere", known.address);
}

/// A pool of Uniswap V3 has liquidity that none of its ticks has, so that nobody can follow it.
pub(super) async fn about_the_sum(house: &House, pool: Address) {
    let storage = Storage::of(house, pool);
    storage.change(U256::from(V3_LIQUIDITY), |liquidity| liquidity + U256::ONE).await;
}

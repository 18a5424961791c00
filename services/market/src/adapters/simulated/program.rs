//! Random programs: the same seed gives the same chain.

use capstan_primitives::{Address, Hash, U256, keccak256};

use super::{COLLATERAL, World, user};
use crate::domain::ids;

/// A generator of numbers that depends on nothing but its seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(sides.max(1)).expect("few")).expect("below sides")
    }

    fn amount(&mut self) -> U256 {
        let units = u64::try_from(1 + self.roll(5_000_000)).expect("small");
        U256::from(units) * U256::from(1_000_000_000u64) + U256::from(self.roll(999))
    }
}

impl World {
    /// A chain of `blocks` blocks with random calls by six users.
    pub fn random(chain_id: u64, seed: u64, blocks: usize) -> Self {
        let mut world = Self::new(chain_id);
        let mut dice = Dice::new(seed);
        world.go_on(&mut dice, blocks);
        world
    }

    /// Mines `blocks` more blocks.
    pub fn go_on(&mut self, dice: &mut Dice, blocks: usize) {
        for _ in 0..blocks {
            for _ in 0..dice.roll(4) {
                self.log.transaction();
                self.call(dice);
            }
            self.log.mine();
        }
    }

    fn call(&mut self, dice: &mut Dice) {
        let who = user(u8::try_from(1 + dice.roll(6)).expect("six"));
        if self.pools.len() < 2 || (self.pools.len() < 5 && dice.roll(8) == 0) {
            return self.open(dice, who);
        }
        if dice.roll(5) == 0 {
            self.link_markets();
        }
        let pool = dice.roll(self.pools.len());
        let outcome = dice.roll(self.pools[pool].tokens.len());
        let condition = self.pools[pool].conditions[0];
        let funded = self.pool_balances(pool).iter().all(|balance| !balance.is_zero());
        match dice.roll(14) {
            0..=3 if funded => drop(self.buy(who, pool, dice.amount(), outcome)),
            4..=5 if funded => drop(self.sell(who, pool, dice.amount() / U256::from(4), outcome)),
            6 => self.add_funding(who, pool, dice.amount()),
            7 => self.withdraw(who, pool, dice),
            8 => {
                let sets = self.single_sets(condition);
                self.split(who, (Hash::ZERO, condition), &sets, dice.amount());
            }
            9 => self.merge_some(who, condition, pool),
            10 => self.give(who, dice),
            11 => self.regroup(who, condition),
            12 => self.nest(who, condition, dice),
            _ => self.settle(who, condition, outcome),
        }
    }

    fn open(&mut self, dice: &mut Dice, who: Address) {
        let number = self.pools.len().to_be_bytes();
        // Some markets have one slug, and some say none or a bad one.
        let says = [(Some("the-same"), Some("Sports")), (None, Some(" Politics ")), (Some("Bad One"), None)];
        let (slug, category) = says[self.pools.len() % says.len()];
        self.says = [slug, category].map(|said| said.map(str::to_owned));
        let funds = dice.amount();
        let fee = U256::from(dice.roll(30)) * U256::from(1_000_000_000_000_000u64);
        match dice.roll(4) {
            0 => drop(self.create_market(who, &format!("Question {number:?}?"), &["Yes", "No"], funds)),
            3 => drop(self.create_market_without_link(
                who,
                &format!("Late {number:?}?"),
                &["Up", "Down"],
                funds,
            )),
            1 => {
                let condition = self.prepare(who, keccak256(&[b"three", &number]), 3);
                self.create_pool(who, &[condition], fee, funds);
            }
            _ => {
                let first = self.prepare(who, keccak256(&[b"first", &number]), 2);
                let second = self.prepare(who, keccak256(&[b"second", &number]), 3);
                self.create_pool(who, &[first, second], fee, U256::ZERO);
            }
        }
    }

    fn withdraw(&mut self, who: Address, pool: usize, dice: &mut Dice) {
        let shares = self.pools[pool].shares.get(&who).copied().unwrap_or_default();
        let burnt = if dice.roll(3) == 0 { shares } else { shares / U256::from(3) };
        if !burnt.is_zero() {
            self.remove_funding(who, pool, burnt);
        }
    }

    fn merge_some(&mut self, who: Address, condition: Hash, pool: usize) {
        let tokens = &self.pools[pool].tokens;
        if self.pools[pool].conditions.len() > 1 {
            return;
        }
        let least = tokens.iter().map(|token| self.balance(*token, who)).min().unwrap_or_default();
        if !least.is_zero() {
            let sets = self.single_sets(condition);
            self.merge(who, (Hash::ZERO, condition), &sets, least / U256::from(2) + U256::from(1));
        }
    }

    /// Splits collateral into one outcome and the union of the others, or that union, or puts it together again.
    fn regroup(&mut self, who: Address, condition: Hash) {
        let (sets, full) = (self.single_sets(condition), self.full_set(condition));
        let union = full ^ sets[0];
        let owned = self.balance_of(who, Hash::ZERO, condition, union);
        if sets.len() < 3 || owned.is_zero() {
            return self.split(who, (Hash::ZERO, condition), &[sets[0], union], U256::from(9_000_001));
        }
        let half = owned / U256::from(2) + U256::from(1);
        self.split(who, (Hash::ZERO, condition), &sets[1..], half);
        let least = sets[1..].iter().map(|set| self.balance_of(who, Hash::ZERO, condition, *set)).min();
        let some = least.unwrap_or_default() / U256::from(3);
        if !some.is_zero() {
            self.merge(who, (Hash::ZERO, condition), &sets[1..], some);
        }
    }

    /// Splits a token by another condition, or puts it together again, or redeems it.
    fn nest(&mut self, who: Address, outer: Hash, dice: &mut Dice) {
        let inner = self.pools[dice.roll(self.pools.len())].conditions[0];
        if inner == outer {
            return;
        }
        let set = self.single_sets(outer)[0];
        let parent = ids::collection_id(Hash::ZERO, outer, set).expect("a collection");
        let sets = self.single_sets(inner);
        let least =
            sets.iter().map(|set| self.balance_of(who, parent, inner, *set)).min().unwrap_or_default();
        if self.payouts.contains_key(&inner) && dice.roll(2) == 0 {
            self.redeem(who, (parent, inner), &sets[dice.roll(2)..]);
        } else if !least.is_zero() {
            self.merge(who, (parent, inner), &sets, least / U256::from(2) + U256::from(1));
        }
        let owned = self.balance_of(who, Hash::ZERO, outer, set);
        if !owned.is_zero() {
            self.split(who, (parent, inner), &sets, owned / U256::from(2) + U256::from(1));
        }
    }

    fn balance_of(&self, who: Address, parent: Hash, condition: Hash, set: U256) -> U256 {
        let collection = ids::collection_id(parent, condition, set).expect("a collection");
        self.balance(ids::position_id(COLLATERAL.into(), collection), who)
    }

    /// Gives a random token away, sometimes to a pool.
    fn give(&mut self, who: Address, dice: &mut Dice) {
        let owned: Vec<(U256, U256)> = self
            .balances
            .iter()
            .filter(|((_, h), _)| *h == who)
            .map(|((token, _), v)| (*token, *v))
            .collect();
        if owned.is_empty() {
            return;
        }
        let (token, value) = owned[dice.roll(owned.len())];
        let to = match dice.roll(4) {
            0 => self.pools[dice.roll(self.pools.len())].address,
            other => user(u8::try_from(other).expect("small")),
        };
        self.transfer(token, who, to, value / U256::from(2));
    }

    fn settle(&mut self, who: Address, condition: Hash, outcome: usize) {
        if self.payouts.contains_key(&condition) {
            let sets = self.single_sets(condition);
            self.redeem(who, (Hash::ZERO, condition), &sets[..1 + outcome % sets.len()]);
            return;
        }
        let outcomes = self.single_sets(condition).len();
        let payouts: Vec<U256> =
            (0..outcomes).map(|at| U256::from(usize::from(at == outcome % outcomes))).collect();
        let market = self.markets.iter().position(|(_, pool)| self.pools[*pool].conditions[0] == condition);
        match market {
            Some(market) => self.resolve_market(market, &payouts),
            None => self.report(condition, &payouts),
        }
    }
}

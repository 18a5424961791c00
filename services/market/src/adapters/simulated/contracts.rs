//! ConditionalTokens: its state, and the events of every call in the order of the real one.

use std::collections::BTreeMap;

use capstan_primitives::{Address, Hash, U256};

use super::log::{Log, address, bytes32, uint, uints};
use crate::domain::ids;

/// Address of the simulated ConditionalTokens.
pub const CONDITIONAL_TOKENS: [u8; 20] = [0xc7; 20];
/// Address of the simulated pool factory.
pub const FPMM_FACTORY: [u8; 20] = [0xfa; 20];
/// Address of the simulated market factory.
pub const MARKET_FACTORY: [u8; 20] = [0x3f; 20];
/// Address of the collateral.
pub const COLLATERAL: [u8; 20] = [0xdc; 20];

/// Address of a user.
pub fn user(number: u8) -> Address {
    Address::from([number; 20])
}

/// A pool and what it must be shown as.
#[derive(Debug, Clone)]
pub struct SimulatedPool {
    pub address: Address,
    pub conditions: Vec<Hash>,
    pub tokens: Vec<U256>,
    pub fee: U256,
    pub supply: U256,
    pub shares: BTreeMap<Address, U256>,
    pub volume: U256,
    pub trades: u64,
}

/// All contracts of one chain.
#[derive(Debug, Clone)]
pub struct World {
    pub log: Log,
    /// ERC-1155 balances by token and holder; none is zero.
    pub balances: BTreeMap<(U256, Address), U256>,
    pub conditions: BTreeMap<Hash, (Address, Hash, u32)>,
    pub payouts: BTreeMap<Hash, Vec<U256>>,
    pub pools: Vec<SimulatedPool>,
    /// Market id and pool of every market of the factory.
    pub markets: Vec<(Hash, usize)>,
    /// How many of them are linked to their pool.
    pub linked: usize,
    /// Collateral behind each condition.
    pub interest: BTreeMap<Hash, U256>,
    /// Collateral that users received less what they paid.
    pub cash: BTreeMap<Address, i128>,
    /// Slug and category that the market factory says of its next markets, where it says any.
    pub says: [Option<String>; 2],
}

/// Id of the collection of a set of outcomes of a condition, below a parent.
pub fn collection_id(parent: Hash, condition: Hash, set: U256) -> Hash {
    ids::collection_id(parent, condition, set).expect("a collection")
}

/// ERC-1155 id of what a collateral backs in a collection.
pub fn position_id(collateral: Address, collection: Hash) -> U256 {
    ids::position_id(collateral, collection)
}

impl World {
    pub fn new(chain_id: u64) -> Self {
        Self {
            log: Log::new(chain_id),
            balances: BTreeMap::new(),
            conditions: BTreeMap::new(),
            payouts: BTreeMap::new(),
            pools: Vec::new(),
            markets: Vec::new(),
            linked: 0,
            interest: BTreeMap::new(),
            cash: BTreeMap::new(),
            says: [None, None],
        }
    }

    pub fn balance(&self, token: U256, holder: Address) -> U256 {
        self.balances.get(&(token, holder)).copied().unwrap_or_default()
    }

    pub fn pool_balances(&self, pool: usize) -> Vec<U256> {
        let pool = &self.pools[pool];
        pool.tokens.iter().map(|token| self.balance(*token, pool.address)).collect()
    }

    fn conditional(&mut self, event: &str, arguments: Vec<capstan_proto::indexer::Argument>) {
        let kind = format!("gnosis.conditional_tokens.{event}");
        self.log.emit(CONDITIONAL_TOKENS.into(), &kind, arguments);
    }

    /// `prepareCondition`.
    pub fn prepare(&mut self, oracle: Address, question: Hash, outcomes: u32) -> Hash {
        let id = ids::condition_id(oracle, question, outcomes);
        self.conditions.insert(id, (oracle, question, outcomes));
        self.conditional(
            "ConditionPreparation",
            vec![
                bytes32("conditionId", id),
                address("oracle", oracle),
                bytes32("questionId", question),
                uint("outcomeSlotCount", U256::from(outcomes)),
            ],
        );
        id
    }

    /// `reportPayouts`.
    pub fn report(&mut self, condition: Hash, payouts: &[U256]) {
        let (oracle, question, outcomes) = self.conditions[&condition];
        self.payouts.insert(condition, payouts.to_vec());
        self.conditional(
            "ConditionResolution",
            vec![
                bytes32("conditionId", condition),
                address("oracle", oracle),
                bytes32("questionId", question),
                uint("outcomeSlotCount", U256::from(outcomes)),
                uints("payoutNumerators", payouts),
            ],
        );
    }

    pub(super) fn pay(&mut self, who: Address, amount: U256) {
        *self.cash.entry(who).or_default() -= i128::try_from(amount).expect("a small amount");
    }

    pub(super) fn receive(&mut self, who: Address, amount: U256) {
        *self.cash.entry(who).or_default() += i128::try_from(amount).expect("a small amount");
    }

    fn change(&mut self, token: U256, from: Address, to: Address, value: U256) {
        if from != Address::ZERO {
            let left = self.balance(token, from).checked_sub(value).expect("an honest contract");
            self.balances.insert((token, from), left);
        }
        if to != Address::ZERO {
            let sum = self.balance(token, to) + value;
            self.balances.insert((token, to), sum);
        }
        self.balances.retain(|_, amount| !amount.is_zero());
    }

    /// `safeTransferFrom`, and what `_mint` and `_burn` emit.
    pub fn transfer(&mut self, token: U256, from: Address, to: Address, value: U256) {
        self.change(token, from, to, value);
        let (operator, id) = (address("operator", from), uint("id", token));
        let arguments = vec![operator, address("from", from), address("to", to), id, uint("value", value)];
        self.conditional("TransferSingle", arguments);
    }

    /// `safeBatchTransferFrom`, and what `_batchMint` emits.
    pub fn transfer_batch(&mut self, from: Address, to: Address, tokens: &[U256], values: &[U256]) {
        for (token, value) in tokens.iter().zip(values) {
            self.change(*token, from, to, *value);
        }
        let (operator, ids) = (address("operator", from), uints("ids", tokens));
        let arguments =
            vec![operator, address("from", from), address("to", to), ids, uints("values", values)];
        self.conditional("TransferBatch", arguments);
    }

    fn token(parent: Hash, condition: Hash, index_set: U256) -> U256 {
        position_id(COLLATERAL.into(), collection_id(parent, condition, index_set))
    }

    /// Index set of all outcomes of a condition.
    pub fn full_set(&self, condition: Hash) -> U256 {
        (U256::from(1) << usize::try_from(self.conditions[&condition].2).expect("few")) - U256::from(1)
    }

    /// One index set for every outcome of a condition.
    pub fn single_sets(&self, condition: Hash) -> Vec<U256> {
        let outcomes = usize::try_from(self.conditions[&condition].2).expect("few");
        (0..outcomes).map(|outcome| U256::from(1) << outcome).collect()
    }

    /// The token that a split of `partition` takes from its owner; none when that is collateral.
    fn source(&self, parent: Hash, condition: Hash, partition: &[U256]) -> Option<U256> {
        let union = partition.iter().fold(U256::ZERO, |union, set| union | *set);
        if union != self.full_set(condition) {
            return Some(Self::token(parent, condition, union));
        }
        (parent != Hash::ZERO).then(|| ids::position_id(COLLATERAL.into(), parent))
    }

    /// `splitPosition`.
    pub fn split(
        &mut self,
        who: Address,
        (parent, condition): (Hash, Hash),
        partition: &[U256],
        amount: U256,
    ) {
        match self.source(parent, condition, partition) {
            Some(token) => self.transfer(token, who, Address::ZERO, amount),
            None => {
                self.pay(who, amount);
                *self.interest.entry(condition).or_default() += amount;
            }
        }
        let tokens: Vec<U256> = partition.iter().map(|set| Self::token(parent, condition, *set)).collect();
        self.transfer_batch(Address::ZERO, who, &tokens, &vec![amount; tokens.len()]);
        self.set_changed("PositionSplit", who, (parent, condition), (partition, amount));
    }

    /// `mergePositions`.
    pub fn merge(
        &mut self,
        who: Address,
        (parent, condition): (Hash, Hash),
        partition: &[U256],
        amount: U256,
    ) {
        let tokens: Vec<U256> = partition.iter().map(|set| Self::token(parent, condition, *set)).collect();
        self.transfer_batch(who, Address::ZERO, &tokens, &vec![amount; tokens.len()]);
        match self.source(parent, condition, partition) {
            Some(token) => self.transfer(token, Address::ZERO, who, amount),
            None => {
                self.receive(who, amount);
                *self.interest.entry(condition).or_default() -= amount;
            }
        }
        self.set_changed("PositionsMerge", who, (parent, condition), (partition, amount));
    }

    fn set_changed(
        &mut self,
        event: &str,
        who: Address,
        (parent, condition): (Hash, Hash),
        (partition, amount): (&[U256], U256),
    ) {
        self.conditional(
            event,
            vec![
                address("stakeholder", who),
                address("collateralToken", COLLATERAL.into()),
                bytes32("parentCollectionId", parent),
                bytes32("conditionId", condition),
                uints("partition", partition),
                uint("amount", amount),
            ],
        );
    }

    /// `redeemPositions`.
    pub fn redeem(&mut self, who: Address, (parent, condition): (Hash, Hash), index_sets: &[U256]) -> U256 {
        let numerators = self.payouts[&condition].clone();
        let denominator: U256 = numerators.iter().copied().sum();
        let mut payout = U256::ZERO;
        for set in index_sets {
            let token = Self::token(parent, condition, *set);
            let stake = self.balance(token, who);
            let share: U256 =
                numerators.iter().enumerate().filter(|(at, _)| set.bit(*at)).map(|(_, share)| *share).sum();
            if !stake.is_zero() {
                payout += stake * share / denominator;
                self.transfer(token, who, Address::ZERO, stake);
            }
        }
        if parent == Hash::ZERO {
            self.receive(who, payout);
            *self.interest.entry(condition).or_default() -= payout;
        } else if !payout.is_zero() {
            self.transfer(ids::position_id(COLLATERAL.into(), parent), Address::ZERO, who, payout);
        }
        self.conditional(
            "PayoutRedemption",
            vec![
                address("redeemer", who),
                address("collateralToken", COLLATERAL.into()),
                bytes32("parentCollectionId", parent),
                bytes32("conditionId", condition),
                uints("indexSets", index_sets),
                uint("payout", payout),
            ],
        );
        payout
    }
}

//! Positions of a program: which sets of outcomes there are, and what each is split into.

use alloy::primitives::{Address, B256, U256, keccak256};
use rand::{Rng, rngs::StdRng};

use crate::{contracts::ConditionalTokens, house::House};

/// Conditions of more outcomes have no pool and no position for each.
pub(super) const MANY: usize = 6;

/// A condition; prepared by itself unless a market factory does that with its market.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) id: B256,
    pub(super) oracle: Address,
    pub(super) question: B256,
    pub(super) outcomes: usize,
    pub(super) resolved: bool,
}

impl Condition {
    pub(super) fn new(oracle: Address, question: B256, outcomes: usize) -> Self {
        let count = U256::from(outcomes).to_be_bytes::<32>();
        let id = keccak256([oracle.as_slice(), question.as_slice(), &count].concat());
        Self { id, oracle, question, outcomes, resolved: false }
    }

    fn full(&self) -> U256 {
        U256::MAX >> (256 - self.outcomes)
    }
}

/// A token: a collection of outcomes on the collateral of the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) collection: B256,
    pub(super) token: U256,
}

/// A split that can be made, and taken back.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) parent: B256,
    pub(super) condition: usize,
    pub(super) parts: Vec<U256>,
    /// Their positions.
    pub(super) tokens: Vec<usize>,
    /// The position that is split; none for collateral.
    pub(super) source: Option<usize>,
}

/// What a program can have.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) collateral: Address,
    pub(super) conditions: Vec<Condition>,
    pub(super) positions: Vec<Position>,
    pub(super) families: Vec<Family>,
}

impl Sets {
    /// Full sets, unions and parts of each condition, and some of a condition below a position.
    pub(super) async fn of(
        collateral: Address,
        conditions: Vec<Condition>,
        house: &House,
        rng: &mut StdRng,
    ) -> Self {
        let mut sets = Self { collateral, conditions, positions: Vec::new(), families: Vec::new() };
        for condition in 0..sets.conditions.len() {
            sets.below(None, condition, house, rng).await;
        }
        let roots = sets.positions.len();
        for _ in 0..rng.random_range(0..3) {
            let parent = rng.random_range(0..roots);
            let condition = rng.random_range(0..sets.conditions.len());
            sets.below(Some(parent), condition, house, rng).await;
        }
        sets
    }

    /// The families of a condition below a position, or below collateral.
    async fn below(&mut self, parent: Option<usize>, condition: usize, house: &House, rng: &mut StdRng) {
        let Condition { outcomes, .. } = self.conditions[condition];
        let full = self.conditions[condition].full();
        if outcomes <= MANY {
            self.family(parent, condition, bits(full), house).await;
        }
        let parts = partition(full, rng);
        let union = parts.iter().copied().max_by_key(|part| part.count_ones()).unwrap();
        self.family(parent, condition, parts, house).await;
        if union.count_ones() > 1 {
            let parts = if outcomes <= MANY { bits(union) } else { partition(union, rng) };
            self.family(parent, condition, parts, house).await;
        }
    }

    async fn family(&mut self, parent: Option<usize>, condition: usize, parts: Vec<U256>, house: &House) {
        let union = parts.iter().fold(U256::ZERO, |union, part| union | part);
        let mut tokens = Vec::new();
        for part in &parts {
            tokens.push(self.position(parent, condition, *part, house).await);
        }
        let source = if union == self.conditions[condition].full() {
            parent
        } else {
            Some(self.position(parent, condition, union, house).await)
        };
        let parent = self.collection(parent);
        self.families.push(Family { parent, condition, parts, tokens, source });
    }

    /// The position of a set of a condition's outcomes, by the contract's own views.
    async fn position(&mut self, parent: Option<usize>, condition: usize, set: U256, house: &House) -> usize {
        let (parent, condition) = (self.collection(parent), self.conditions[condition].id);
        let provider = house.provider();
        let contract = ConditionalTokens::new(house.devnet.deployment().conditional_tokens, &provider);
        let collection = contract.getCollectionId(parent, condition, set).call().await.unwrap();
        let token = contract.getPositionId(self.collateral, collection).call().await.unwrap();
        let known = self.positions.iter().position(|position| position.token == token);
        known.unwrap_or_else(|| {
            self.positions.push(Position { collection, token });
            self.positions.len() - 1
        })
    }

    /// The positions that a pool of conditions trades, in its order: the first condition counts fastest.
    pub(super) async fn traded(&mut self, conditions: &[usize], house: &House) -> Vec<usize> {
        let mut positions = vec![None];
        for condition in conditions.iter().rev() {
            let mut below = Vec::new();
            for parent in positions {
                for set in bits(self.conditions[*condition].full()) {
                    below.push(Some(self.position(parent, *condition, set, house).await));
                }
                if parent.is_some() {
                    self.family(parent, *condition, bits(self.conditions[*condition].full()), house).await;
                }
            }
            positions = below;
        }
        positions.into_iter().flatten().collect()
    }

    fn collection(&self, position: Option<usize>) -> B256 {
        position.map_or(B256::ZERO, |position| self.positions[position].collection)
    }
}

/// The outcomes of a set, one by one.
pub(super) fn bits(set: U256) -> Vec<U256> {
    (0..256).filter(|bit| set.bit(*bit)).map(|bit| U256::from(1) << bit).collect()
}

/// A set of two outcomes or more in two parts or three.
fn partition(set: U256, rng: &mut StdRng) -> Vec<U256> {
    let mut parts = vec![U256::ZERO; rng.random_range(2..4)];
    for bit in bits(set) {
        let part = rng.random_range(0..parts.len());
        parts[part] |= bit;
    }
    parts.retain(|part| !part.is_zero());
    if parts.len() == 1 {
        let first = bits(set)[0];
        parts = vec![first, set ^ first];
    }
    parts
}

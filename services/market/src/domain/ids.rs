//! Ids of conditions, collections and positions, as `ConditionalTokens` (CTHelpers.sol) computes them.

use std::collections::{HashMap, hash_map::Entry};

use capstan_primitives::{Address, Hash, U256, keccak256};

use super::curve::{P, Point};

/// Bit of a collection id that says that y is odd.
const ODD_BIT: usize = 254;

/// Most outcome tokens of one market. A pool writes each of them to the chain's storage when it is
/// made, so none can come near.
const MAX_TOKENS: usize = 4096;

/// Why no id can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// A parent that is no collection id.
    #[error("the parent collection id is not on the curve")]
    Parent,
    /// No conditions, a condition without outcomes, or too many combinations of them.
    #[error("the conditions have {0} combinations of outcomes, expected 2 to {MAX_TOKENS}")]
    Combinations(usize),
}

/// Id of the condition that `oracle` will answer.
pub(crate) fn condition_id(oracle: Address, question_id: Hash, outcome_slot_count: u32) -> Hash {
    let count = U256::from(outcome_slot_count).to_be_bytes::<32>();
    keccak256(&[oracle.as_bytes(), question_id.as_bytes(), &count])
}

/// Id of the collection that adds the outcomes `index_set` of a condition to `parent`
/// ([`Hash::ZERO`]: to nothing).
///
/// # Errors
/// [`Error::Parent`].
pub(crate) fn collection_id(parent: Hash, condition_id: Hash, index_set: U256) -> Result<Hash, Error> {
    let hash = keccak256(&[condition_id.as_bytes(), &index_set.to_be_bytes::<32>()]);
    let seed = U256::from_be_bytes(*hash.as_bytes());
    let mut point = first_point_after(seed, seed.bit(255));
    if parent != Hash::ZERO {
        point = point.plus(decoded(parent)?);
    }
    Ok(encoded(point))
}

/// Collection ids that were computed: each takes roots on the curve, and busy conditions come again and again.
#[derive(Debug, Default)]
pub(crate) struct Collections(HashMap<(Hash, Hash, U256), Hash>);

impl Collections {
    /// As [`collection_id`].
    pub(crate) fn id(&mut self, parent: Hash, condition_id: Hash, index_set: U256) -> Result<Hash, Error> {
        match self.0.entry((parent, condition_id, index_set)) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(new) => Ok(*new.insert(collection_id(parent, condition_id, index_set)?)),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// ERC-1155 id of the position that `collateral` backs in a collection.
pub(crate) fn position_id(collateral: Address, collection_id: Hash) -> U256 {
    U256::from_be_bytes(*keccak256(&[collateral.as_bytes(), collection_id.as_bytes()]).as_bytes())
}

/// Position ids of every combination of single outcomes of `conditions` (id and number of
/// outcomes), in the order of a pool's outcome index: the last condition outermost, outcomes from
/// low to high.
///
/// # Errors
/// [`Error::Combinations`].
pub(crate) fn position_ids(collateral: Address, conditions: &[(Hash, u32)]) -> Result<Vec<U256>, Error> {
    let count = conditions
        .iter()
        .try_fold(1usize, |product, (_, outcomes)| product.checked_mul(usize::try_from(*outcomes).ok()?));
    match count {
        Some(2..=MAX_TOKENS) => {}
        other => return Err(Error::Combinations(other.unwrap_or(usize::MAX))),
    }
    let mut collections = vec![Hash::ZERO];
    for (condition, outcomes) in conditions.iter().rev() {
        let mut deeper = Vec::with_capacity(collections.len());
        for parent in collections {
            for outcome in 0..*outcomes {
                let index_set = U256::from(1) << usize::try_from(outcome).unwrap_or_default();
                deeper.push(collection_id(parent, *condition, index_set)?);
            }
        }
        collections = deeper;
    }
    Ok(collections.into_iter().map(|collection| position_id(collateral, collection)).collect())
}

/// The first point whose x comes after `seed`, which is reduced only after the first step.
fn first_point_after(seed: U256, odd: bool) -> Point {
    let mut x = seed;
    loop {
        x = x.add_mod(U256::from(1), P);
        if let Some(point) = Point::over(x, odd) {
            return point;
        }
    }
}

fn encoded(point: Point) -> Hash {
    let mut bits = point.x;
    bits.set_bit(ODD_BIT, point.y.bit(0));
    Hash::from(bits.to_be_bytes::<32>())
}

fn decoded(collection_id: Hash) -> Result<Point, Error> {
    let mut x = U256::from_be_bytes(*collection_id.as_bytes());
    let odd = x.bit(ODD_BIT) || x.bit(255);
    x.set_bit(ODD_BIT, false);
    x.set_bit(255, false);
    if x >= P {
        return Err(Error::Parent);
    }
    Point::over(x, odd).ok_or(Error::Parent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collection(condition: &str, index_set: u64) -> String {
        collection_id(Hash::ZERO, condition.parse().unwrap(), U256::from(index_set)).unwrap().to_string()
    }

    // Vectors of polymarket-subgraph, tests/getCollectionId.test.ts and tests/getPositionId.test.ts.

    #[test]
    fn collection_ids_equal_the_known_ones() {
        let condition = "0xdb4ab1dbbedd6aeec17aa6e3f66262cff0e3b04742dd3acdf99652575e5422f8";
        assert_eq!(
            collection(condition, 1),
            "0x12adf3dfeaddeef8f31fa86654bf367c5c7b1e854dff407d7c87ff76af4ad16d"
        );
        assert_eq!(
            collection(condition, 2),
            "0x2f5ebcc5972889a57d587b7088d543bbf464fbdd2b2c4cb7c276ca3d4d70415b"
        );
        let odd = "0xda558eddf6eb57760bd5371fb313167f871d823a16e9d66fccb292baf2a117c0";
        assert_eq!(collection(odd, 1), "0x45ca66c3edbdbf0fbd03366cf395d3663ee3b34c4db07964bb60e3c7ca7e20e2");
        assert_eq!(collection(odd, 2), "0x416929e8901456139abeec231eba635f911a240961f78919665280c69288ee0d");
    }

    #[test]
    fn position_ids_equal_the_known_ones() {
        let condition = "0xfc690d5069b296bb9278af0cba42c02666e0999e4a4009ed97ea4a885f045457";
        let collateral = "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174".parse().unwrap();
        let ids = position_ids(collateral, &[(condition.parse().unwrap(), 2)]).unwrap();
        let texts: Vec<String> = ids.iter().map(U256::to_string).collect();
        assert_eq!(
            texts,
            [
                "73716170047628147940237270507900673332129573201293655532643868111690843426372",
                "2890213445014127424511466931609154310536269586265875141655148162320150952197",
            ]
        );
    }

    #[test]
    fn a_parent_that_is_no_point_is_refused() {
        let parent = Hash::from(P.to_be_bytes::<32>());
        assert_eq!(collection_id(parent, Hash::ZERO, U256::from(1)), Err(Error::Parent));
    }

    #[test]
    fn conditions_without_a_choice_are_refused() {
        let condition = Hash::from([7; 32]);
        assert_eq!(position_ids(Address::ZERO, &[]), Err(Error::Combinations(1)));
        assert_eq!(position_ids(Address::ZERO, &[(condition, 0)]), Err(Error::Combinations(0)));
        let many = position_ids(Address::ZERO, &[(condition, 256), (condition, 256)]);
        assert_eq!(many, Err(Error::Combinations(65536)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn the_order_of_nesting_does_not_change_a_collection(a: [u8; 32], b: [u8; 32], i in 0usize..256, j in 0usize..256) {
            let (a, b) = (Hash::from(a), Hash::from(b));
            let (i, j) = (U256::from(1) << i, U256::from(1) << j);
            let one_way = collection_id(collection_id(Hash::ZERO, a, i).unwrap(), b, j);
            let other_way = collection_id(collection_id(Hash::ZERO, b, j).unwrap(), a, i);
            prop_assert_eq!(one_way, other_way);
        }

        #[test]
        fn a_pool_of_two_conditions_counts_the_first_one_fastest(a: [u8; 32], b: [u8; 32]) {
            let (a, b) = (Hash::from(a), Hash::from(b));
            let ids = position_ids(Address::ZERO, &[(a, 2), (b, 3)]).unwrap();
            prop_assert_eq!(ids.len(), 6);
            for (index, id) in ids.iter().enumerate() {
                let outer = collection_id(Hash::ZERO, b, U256::from(1) << (index / 2)).unwrap();
                let inner = collection_id(outer, a, U256::from(1) << (index % 2)).unwrap();
                prop_assert_eq!(*id, position_id(Address::ZERO, inner));
            }
        }
    }
}

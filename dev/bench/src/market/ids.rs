//! Ids of conditions and of their outcome tokens, as `ConditionalTokens` (CTHelpers.sol) computes them.

use capstan_primitives::{Address, Hash, U256, keccak256};

/// Order of the field that the curve alt_bn128 is over.
const P: U256 = U256::from_limbs([
    0x3c20_8c16_d87c_fd47,
    0x9781_6a91_6871_ca8d,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
]);
const ONE: U256 = U256::from_limbs([1, 0, 0, 0]);
const THREE: U256 = U256::from_limbs([3, 0, 0, 0]);
const ODD_BIT: usize = 254;
const SIGN_BIT: usize = 255;

/// Id of the condition of two outcomes that `oracle` answers.
pub(super) fn condition(oracle: Address, question: Hash) -> Hash {
    let outcomes = U256::from(2).to_be_bytes::<32>();
    keccak256(&[oracle.as_bytes(), question.as_bytes(), &outcomes])
}

/// Id of the token that `collateral` backs for one outcome of a condition.
pub(super) fn token(collateral: Address, condition: Hash, outcome: usize) -> U256 {
    let collection = collection(condition, ONE << outcome).to_be_bytes::<32>();
    U256::from_be_bytes(*keccak256(&[collateral.as_bytes(), &collection]).as_bytes())
}

fn collection(condition: Hash, index_set: U256) -> U256 {
    let hash = keccak256(&[condition.as_bytes(), &index_set.to_be_bytes::<32>()]);
    let mut x = U256::from_be_bytes(*hash.as_bytes());
    let is_odd = x.bit(SIGN_BIT);
    loop {
        x = x.add_mod(ONE, P);
        let square = x.mul_mod(x.mul_mod(x, P), P).add_mod(THREE, P);
        let y = square.pow_mod((P + ONE) >> 2, P);
        if y.mul_mod(y, P) == square {
            // Of the two points the one whose y is as odd as wanted is taken, and the bit says which.
            x.set_bit(ODD_BIT, is_odd);
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Vectors of polymarket-subgraph, tests/getCollectionId.test.ts.
    #[test]
    fn collection_ids_equal_the_known_ones() {
        let condition = "0xdb4ab1dbbedd6aeec17aa6e3f66262cff0e3b04742dd3acdf99652575e5422f8";
        let id = |set: u64| format!("{:#066x}", collection(condition.parse().unwrap(), U256::from(set)));
        assert_eq!(id(1), "0x12adf3dfeaddeef8f31fa86654bf367c5c7b1e854dff407d7c87ff76af4ad16d");
        assert_eq!(id(2), "0x2f5ebcc5972889a57d587b7088d543bbf464fbdd2b2c4cb7c276ca3d4d70415b");
    }
}

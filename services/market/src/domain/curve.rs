//! The curve alt_bn128 as `ConditionalTokens` uses it: y² = x³ + 3 over the field of order P.

use capstan_primitives::U256;

/// Order of the field: 21888242871839275222246405745257275088696311157297823662689037894645226208583.
pub(crate) const P: U256 = U256::from_limbs([
    0x3c20_8c16_d87c_fd47,
    0x9781_6a91_6871_ca8d,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
]);

/// (P + 1) / 4: the exponent of a square root, because P is 3 modulo 4.
const ROOT_EXPONENT: U256 = U256::from_limbs([
    0x4f08_2305_b61f_3f52,
    0x65e0_5aa4_5a1c_72a3,
    0x6e14_116d_a060_5617,
    0x0c19_139c_b84c_680a,
]);

/// -1 / P modulo 2^64, and 2^256 and its square modulo P: what multiplication in Montgomery's form takes.
const INVERSE: u64 = 0x87d2_0782_e486_6389;
const R: U256 = U256::from_limbs([
    0xd35d_438d_c58f_0d9d,
    0x0a78_eb28_f5c7_0b3d,
    0x666e_a36f_7879_462c,
    0x0e0a_77c1_9a07_df2f,
]);
const R_SQUARED: U256 = U256::from_limbs([
    0xf32c_fc5b_538a_fa89,
    0xb5e7_1911_d445_01fb,
    0x47ab_1eff_0a41_7ff6,
    0x06d8_9f71_cab8_351f,
]);

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) x: U256,
    pub(crate) y: U256,
}

impl Point {
    /// What the precompile ECADD takes and gives as the point at infinity.
    pub(crate) const INFINITY: Self = Self { x: U256::ZERO, y: U256::ZERO };

    /// The point over `x` whose `y` has the given parity; none when `x` is on no point.
    pub(crate) fn over(x: U256, odd: bool) -> Option<Self> {
        let square = right_side(x);
        let root = root(square);
        if root.mul_mod(root, P) != square {
            return None;
        }
        let y = if root.bit(0) == odd { root } else { negated(root) };
        Some(Self { x, y })
    }

    /// The sum of two points, as ECADD (EIP-196) gives it.
    pub(crate) fn plus(self, other: Self) -> Self {
        if self == Self::INFINITY {
            return other;
        }
        if other == Self::INFINITY {
            return self;
        }
        match self.slope(other) {
            None => Self::INFINITY,
            Some(slope) => {
                let x = minus(minus(slope.mul_mod(slope, P), self.x), other.x);
                let y = minus(slope.mul_mod(minus(self.x, x), P), self.y);
                Self { x, y }
            }
        }
    }

    /// Slope of the line through both points, of the tangent when they are one; none when it is
    /// vertical.
    fn slope(self, other: Self) -> Option<U256> {
        let (rise, run) = if self == other {
            let square = self.x.mul_mod(self.x, P);
            (square.mul_mod(U256::from(3), P), self.y.add_mod(self.y, P))
        } else {
            (minus(other.y, self.y), minus(other.x, self.x))
        };
        run.inv_mod(P).map(|inverse| rise.mul_mod(inverse, P))
    }
}

/// A square root, when there is one. Several go into every collection id, so it is computed in Montgomery's form.
fn root(square: U256) -> U256 {
    let times = |left: U256, right: U256| left.mul_redc(right, P, INVERSE);
    let base = times(square, R_SQUARED);
    let bits = (0..ROOT_EXPONENT.bit_len()).rev();
    let power = bits.fold(R, |power, bit| {
        let squared = times(power, power);
        if ROOT_EXPONENT.bit(bit) { times(squared, base) } else { squared }
    });
    times(power, U256::from(1))
}

fn right_side(x: U256) -> U256 {
    x.mul_mod(x, P).mul_mod(x, P).add_mod(U256::from(3), P)
}

fn negated(y: U256) -> U256 {
    minus(U256::ZERO, y)
}

/// `left - right` in the field, for operands below P.
fn minus(left: U256, right: U256) -> U256 {
    left.add_mod(P.wrapping_sub(right), P)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: Point = Point { x: U256::from_limbs([1, 0, 0, 0]), y: U256::from_limbs([2, 0, 0, 0]) };

    #[test]
    fn the_constants_are_those_of_the_curve() {
        let p = "21888242871839275222246405745257275088696311157297823662689037894645226208583";
        assert_eq!(P.to_string(), p);
        assert_eq!((P + U256::from(1)) >> 2, ROOT_EXPONENT);
        assert_eq!(P.as_limbs()[0].wrapping_mul(INVERSE), u64::MAX);
        let r = U256::MAX.add_mod(U256::from(1), P);
        assert_eq!((R, R_SQUARED), (r, r.mul_mod(r, P)));
    }

    #[test]
    fn doubling_the_generator_gives_the_known_point() {
        // From the test vectors of EIP-196 in go-ethereum (bn256Add, "cdetrio").
        let x = "1368015179489954701390400359078579693043519447331113978918064868415326638035";
        let y = "9918110051302171585080402603319702774565515993150576347155970296011118125764";
        let twice = ONE.plus(ONE);
        assert_eq!((twice.x.to_string(), twice.y.to_string()), (x.into(), y.into()));
    }

    #[test]
    fn a_point_and_its_negative_sum_to_infinity() {
        let negative = Point { x: ONE.x, y: negated(ONE.y) };
        assert_eq!(ONE.plus(negative), Point::INFINITY);
        assert_eq!(ONE.plus(Point::INFINITY), ONE);
        assert_eq!(Point::INFINITY.plus(ONE), ONE);
    }

    proptest! {
        #[test]
        fn a_root_is_the_power_that_it_should_be(limbs: [u64; 4]) {
            let square = U256::from_limbs(limbs).reduce_mod(P);
            prop_assert_eq!(root(square), square.pow_mod(ROOT_EXPONENT, P));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn addition_is_commutative_and_associative(a in 1u64..1_000_000, b in 1u64..1_000_000, c in 1u64..1_000_000) {
            let point = |from: u64| {
                (from..).find_map(|x| Point::over(U256::from(x), from % 2 == 1)).expect("half of all x are on a point")
            };
            let (a, b, c) = (point(a), point(b), point(c));
            prop_assert_eq!(a.plus(b), b.plus(a));
            prop_assert_eq!(a.plus(b).plus(c), a.plus(b.plus(c)));
            let sum = a.plus(b);
            prop_assert_eq!(Point::over(sum.x, sum.y.bit(0)), Some(sum));
        }
    }
}

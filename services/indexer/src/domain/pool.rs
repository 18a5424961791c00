//! Liquidity pools: what each event of a Uniswap pool changes.

use capstan_chain::{Decoded, Integer, Value};
use capstan_primitives::{Address, Amount, BlockRef};

/// Fee of every V2 pair, in millionths.
const V2_FEE: u32 = 3_000;

/// Which Uniswap a pool belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolVersion {
    /// A pair with two reserves.
    V2,
    /// A pool with concentrated liquidity.
    V3,
}

impl PoolVersion {
    /// The protocol of such pools.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::V2 => "uniswap.v2.pair",
            Self::V3 => "uniswap.v3.pool",
        }
    }
}

/// A pool that a factory made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Its address.
    pub address: Address,
    /// Which Uniswap.
    pub version: PoolVersion,
    /// What made it.
    pub factory: Address,
    /// Lower address of its tokens.
    pub token0: Address,
    /// Higher address of its tokens.
    pub token1: Address,
    /// Fee of a trade in millionths.
    pub fee: u32,
    /// Ticks between those that positions can begin and end at; absent for V2.
    pub tick_spacing: Option<i32>,
    /// Place of the event that announced it.
    pub created_place: u64,
}

impl Pool {
    /// The pool that an event of `factory` announces, when it is one.
    #[must_use]
    pub fn announced(factory: Address, event: &Decoded<'_>, created_place: u64) -> Option<Self> {
        let of = Arguments(event);
        let (version, address) = match event.name {
            "PairCreated" => (PoolVersion::V2, of.address("pair")?),
            "PoolCreated" => (PoolVersion::V3, of.address("pool")?),
            _ => return None,
        };
        let (fee, tick_spacing) = match version {
            PoolVersion::V2 => (V2_FEE, None),
            PoolVersion::V3 => (u32::try_from(of.small("fee")?).ok()?, Some(of.small("tickSpacing")?)),
        };
        let (token0, token1) = (of.address("token0")?, of.address("token1")?);
        Some(Self { address, version, factory, token0, token1, fee, tick_spacing, created_place })
    }
}

/// One token of a V2 pair that was traded for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Whether token0 went in.
    pub is_token0_in: bool,
    /// What the pair has more of the one token.
    pub amount_in: Amount,
    /// What the pair has less of the other.
    pub amount_out: Amount,
}

impl Exchange {
    /// What a swap comes to that took and gave so much of token0 and token1. A flash loan that comes back as
    /// the same token, and a gift, trade nothing.
    #[must_use]
    pub fn netted([in0, in1]: [Amount; 2], [out0, out1]: [Amount; 2]) -> Option<Self> {
        let traded = |taken: Amount, returned: Amount, repaid: Amount, given: Amount| {
            let amounts = (taken.minus(returned).ok()?, given.minus(repaid).ok()?);
            (amounts.0 != Amount::ZERO && amounts.1 != Amount::ZERO).then_some(amounts)
        };
        let of = |is_token0_in| move |(amount_in, amount_out)| Self { is_token0_in, amount_in, amount_out };
        let second = || traded(in1, out1, in0, out0).map(of(false));
        traded(in0, out0, in1, out1).map(of(true)).or_else(second)
    }
}

/// A pool after a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolState {
    /// What a V2 pair has of token0.
    pub reserve0: Amount,
    /// What a V2 pair has of token1.
    pub reserve1: Amount,
    /// Square root of the price of a V3 pool times 2^96; 0 before it is initialized, and while what
    /// it was is not known.
    pub sqrt_price: Amount,
    /// Tick of that price.
    pub tick: i32,
    /// Liquidity of the positions that the price is in.
    pub liquidity: Amount,
    /// What went in of token0 with all trades so far, modulo 2^256.
    pub traded0: Amount,
    /// What went in of token1 with all trades so far, modulo 2^256.
    pub traded1: Amount,
    /// Newest block with a trade.
    pub last_trade: Option<BlockRef>,
}

impl PoolState {
    /// The state after an event of the pool; nothing when the event does not change it, or is not what
    /// such a pool emits.
    #[must_use]
    pub fn after(&self, version: PoolVersion, event: &Decoded<'_>, block: BlockRef) -> Option<Self> {
        let of = Arguments(event);
        match (version, event.name) {
            (PoolVersion::V2, "Sync") => {
                let (reserve0, reserve1) = (of.amount("reserve0")?, of.amount("reserve1")?);
                Some(Self { reserve0, reserve1, ..*self })
            }
            (PoolVersion::V2, "Swap") => {
                let into = [of.amount("amount0In")?, of.amount("amount1In")?];
                let out = [of.amount("amount0Out")?, of.amount("amount1Out")?];
                let Exchange { is_token0_in, amount_in, amount_out: _ } = Exchange::netted(into, out)?;
                let none = Amount::ZERO;
                let (in0, in1) = if is_token0_in { (amount_in, none) } else { (none, amount_in) };
                Some(self.traded(in0, in1, block))
            }
            (PoolVersion::V3, "Initialize") => {
                Some(Self { sqrt_price: of.amount("sqrtPriceX96")?, tick: of.small("tick")?, ..*self })
            }
            (PoolVersion::V3, "Swap") => {
                let traded = self.traded(of.received("amount0")?, of.received("amount1")?, block);
                let (sqrt_price, liquidity) = (of.amount("sqrtPriceX96")?, of.amount("liquidity")?);
                Some(Self { sqrt_price, liquidity, tick: of.small("tick")?, ..traded })
            }
            (PoolVersion::V3, "Mint") if self.is_within(&of)? => {
                Some(Self { liquidity: self.liquidity.plus(of.amount("amount")?).ok()?, ..*self })
            }
            (PoolVersion::V3, "Burn") if self.is_within(&of)? => {
                Some(Self { liquidity: self.liquidity.minus(of.amount("amount")?).ok()?, ..*self })
            }
            _ => None,
        }
    }

    /// Whether it is known what a pool has, or that it has nothing.
    #[must_use]
    pub fn has_depth(&self, version: PoolVersion) -> bool {
        match version {
            PoolVersion::V2 => self.reserve0 != Amount::ZERO || self.reserve1 != Amount::ZERO,
            PoolVersion::V3 => self.sqrt_price != Amount::ZERO,
        }
    }

    /// What went in since an earlier state.
    #[must_use]
    pub fn volume_since(&self, earlier: &Self) -> (Amount, Amount) {
        let since = |now: Amount, then: Amount| Amount(now.0.wrapping_sub(then.0));
        (since(self.traded0, earlier.traded0), since(self.traded1, earlier.traded1))
    }

    /// A token can claim any amount: the sums go round, so that no token can stop them, and the
    /// difference of two is still what went in between.
    fn traded(&self, in0: Amount, in1: Amount, block: BlockRef) -> Self {
        let sum = |left: Amount, right: Amount| Amount(left.0.wrapping_add(right.0));
        let (traded0, traded1) = (sum(self.traded0, in0), sum(self.traded1, in1));
        Self { traded0, traded1, last_trade: Some(block), ..*self }
    }

    /// Whether a change of a position changes what the price is in. Without a price that is not known, and
    /// the next swap will say what there is.
    fn is_within(&self, position: &Arguments<'_>) -> Option<bool> {
        let is_known = self.sqrt_price != Amount::ZERO;
        Some(
            is_known
                && position.small("tickLower")? <= self.tick
                && self.tick < position.small("tickUpper")?,
        )
    }
}

/// Arguments of an event by name.
struct Arguments<'a>(&'a Decoded<'a>);

impl Arguments<'_> {
    fn value(&self, name: &str) -> Option<&Value<'_>> {
        self.0.arguments.iter().find(|argument| argument.name == name).map(|argument| &argument.value)
    }

    fn address(&self, name: &str) -> Option<Address> {
        if let Value::Address(address) = self.value(name)? { Some(*address) } else { None }
    }

    fn integer(&self, name: &str) -> Option<Integer> {
        if let Value::Integer(integer) = self.value(name)? { Some(*integer) } else { None }
    }

    fn amount(&self, name: &str) -> Option<Amount> {
        let integer = self.integer(name).filter(|integer| !integer.is_negative())?;
        Some(Amount(integer.magnitude()))
    }

    /// What of a signed amount went in; what went out counts as nothing.
    fn received(&self, name: &str) -> Option<Amount> {
        let integer = self.integer(name)?;
        Some(if integer.is_negative() { Amount::ZERO } else { Amount(integer.magnitude()) })
    }

    fn small(&self, name: &str) -> Option<i32> {
        let integer = self.integer(name)?;
        let magnitude = i32::try_from(integer.magnitude()).ok()?;
        Some(if integer.is_negative() { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash, U256};

    use super::*;

    const BLOCK: BlockRef = BlockRef { number: 7, hash: Hash::ZERO, time: BlockTime(0) };

    fn word(number: u64) -> [u8; 32] {
        U256::from(number).to_be_bytes()
    }

    fn amount(number: u64) -> Amount {
        Amount(U256::from(number))
    }

    /// A V2 pair after a swap of what went in and out of both tokens.
    fn after_swap(amounts: [u64; 4]) -> Option<PoolState> {
        let abi = &capstan_chain::protocol("uniswap.v2.pair").unwrap().abi;
        let id = abi.events().find(|event| event.name() == "Swap").and_then(|event| event.id()).unwrap();
        let topics = [*id.as_bytes(), word(1), word(2)];
        let data = amounts.map(word).concat();
        PoolState::default().after(PoolVersion::V2, &abi.decode(&topics, &data).unwrap(), BLOCK)
    }

    #[test]
    fn the_volume_of_a_pair_is_what_was_traded() {
        let traded = |amounts| {
            let after = after_swap(amounts)?;
            Some((after.traded0, after.traded1, after.last_trade))
        };
        assert_eq!(traded([5, 0, 0, 9]), Some((amount(5), amount(0), Some(BLOCK))));
        assert_eq!(traded([0, 5, 9, 0]), Some((amount(0), amount(5), Some(BLOCK))));
        assert_eq!(traded([5, 2, 1, 9]), Some((amount(4), amount(0), Some(BLOCK))));
        assert_eq!(traded([1_003, 0, 1_000, 0]), None, "a flash loan that came back as it went");
        assert_eq!(traded([5, 5, 1, 1]), None, "a gift");
    }
}

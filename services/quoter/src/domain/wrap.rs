//! Wrapping the chain's coin and unwrapping it, one for one.

use std::sync::Arc;

use capstan_primitives::{Address, U256};

use super::{
    change::{Change, Unusable},
    pool::{Pool, Protocol, Refusal, State, Swap, Way},
    rate::Rate,
};

/// The chain's coin as if it were a token (ERC-7528).
pub const COIN: [u8; 20] = [0xee; 20];
const GAS: u64 = 30_000;

/// A WETH9: the coin first, then the token.
#[derive(Debug, Clone)]
pub struct Wrap {
    tokens: [Address; 2],
}

impl Wrap {
    /// The wrapper at an address, which is its token, too.
    #[must_use]
    pub fn new(token: Address) -> Self {
        Self { tokens: [Address::from(COIN), token] }
    }
}

impl Pool for Wrap {
    fn protocol(&self) -> Protocol {
        Protocol::Weth9
    }

    fn tokens(&self) -> &[Address] {
        &self.tokens
    }

    fn fee_ppm(&self, _way: Way) -> u32 {
        0
    }

    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        match way {
            Way::DOWN | Way::UP => Ok(Swap { way, amount_in: amount, amount_out: amount, end: None }),
            _ => Err(Refusal::Way),
        }
    }

    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        self.quote_exact_in(way, amount)
    }

    fn after(&self, _swap: &Swap) -> Arc<dyn Pool> {
        Arc::new(self.clone())
    }

    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable> {
        Err(Unusable::kind(change))
    }

    fn spot_price(&self, _way: Way) -> Option<Rate> {
        Some(Rate::ONE)
    }

    fn gas(&self, _swap: &Swap) -> u64 {
        GAS
    }

    fn max_in(&self, _way: Way) -> U256 {
        U256::MAX
    }

    fn max_out(&self, _way: Way) -> U256 {
        U256::MAX
    }

    fn moving(&self, _way: Way, _bps: u32) -> Option<Swap> {
        None
    }

    fn state(&self) -> State {
        State::Reserves { amounts: Vec::new(), weights: Vec::new(), swap_fee: None }
    }
}

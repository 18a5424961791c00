//! Where a pool of Uniswap V3 keeps what it has: behind views of its own.

use alloy::{primitives::aliases::I24, sol, sol_types::SolCall};
use capstan_chain::ContractCall;
use capstan_primitives::U256;

use super::{
    ask,
    concentrated::{Layout, Parts, Told},
    contract, read,
};
use crate::{
    adapters::words::Words,
    domain::{change::Unusable, state::Entry},
};

sol! {
    // Forks return other things behind these two.
    function slot0() returns (uint160 sqrtPriceX96, int24 tick);
    function liquidity() returns (uint128);
    function tickBitmap(int16 word) returns (uint256);
    function ticks(int24 tick) returns (uint128 gross, int128 net);
}

/// The views of the pool itself.
pub(super) struct V3;

impl Layout for V3 {
    fn calls(&self, entry: &Entry, parts: &Parts) -> Result<Vec<ContractCall>, Unusable> {
        let pool = contract(entry)?;
        let mut calls = vec![ask(pool, &slot0Call {}), ask(pool, &liquidityCall {})];
        calls.extend(parts.words.iter().map(|word| ask(pool, &tickBitmapCall { word: *word })));
        for tick in &parts.ticks {
            let tick = I24::try_from(*tick).map_err(|error| Unusable(error.to_string()))?;
            calls.push(ask(pool, &ticksCall { tick }));
        }
        Ok(calls)
    }

    fn told(&self, answers: &[Vec<u8>], parts: &Parts) -> Result<Told, Unusable> {
        let [slot, liquidity, rest @ ..] = answers else {
            return Err(Unusable(format!("{} was not answered", slot0Call::SIGNATURE)));
        };
        let (words, ticks) = rest.split_at(parts.words.len().min(rest.len()));
        let slot = Words { topics: &[], data: slot };
        let words =
            words.iter().map(|word| Words { topics: &[], data: word }.word(0).map(|word| word.number()));
        let tick = |tick: &Vec<u8>| {
            let told = Words { topics: &[], data: tick };
            Ok((told.word(0)?.small()?, told.word(1)?.signed()?))
        };
        Ok(Told {
            sqrt_price: slot.word(0)?.number(),
            tick: slot.word(1)?.tick()?,
            liquidity: read::<liquidityCall>(Some(liquidity))?,
            fees: None,
            words: words.collect::<Result<Vec<U256>, _>>()?,
            ticks: ticks.iter().map(tick).collect::<Result<_, Unusable>>()?,
        })
    }
}

//! Comparing pools with what contracts answer, and reading them whole.

use std::sync::Arc;

use alloy::{
    primitives::{U160, U256 as Word, aliases::I24},
    sol_types::{SolCall, SolValue},
};
use capstan_primitives::U256;

use super::{
    pair::getReservesCall,
    v3::{liquidityCall, slot0Call, tickBitmapCall, ticksCall},
    *,
};
use crate::domain::{
    change::Change,
    pool::{Pool, State},
    v2::Pair,
};

const TOKENS: [Address; 2] = [Address::ZERO; 2];

fn entry(pool: Arc<dyn Pool>) -> Entry {
    Entry { id: PoolId::Contract(Address::from([7; 20])), factory: None, pool, problem: None }
}

fn pair(reserves: [u64; 2]) -> Entry {
    let pair = Pair::new(TOKENS, 3_000);
    entry(pair.applied(&Change::Reserves(reserves.map(U256::from))).unwrap())
}

/// A pool at tick 100 with positions of (lower, upper, liquidity).
fn pool(positions: &[(i32, i32, i128)]) -> Entry {
    let empty = crate::domain::concentrated::Concentrated::new(Protocol::UniswapV3, TOKENS, 3_000, 60);
    let price = U256::from(79_625_275_426_524_748_796_330_556_128_u128);
    let priced: Arc<dyn Pool> = Arc::new(empty.priced(price, 100));
    let add = |pool: Arc<dyn Pool>, (lower, upper, delta): &(i32, i32, i128)| {
        pool.applied(&Change::Position { lower: *lower, upper: *upper, delta: *delta }).unwrap()
    };
    entry(positions.iter().fold(priced, add))
}

/// What a contract in the state of `theirs` answers.
fn answer(theirs: &Entry, call: &ContractCall) -> Vec<u8> {
    match theirs.pool.state() {
        State::Reserves { amounts, .. } => {
            getReservesCall::abi_decode(&call.data).unwrap();
            let words = amounts.iter().map(|amount| Word::from_limbs(*amount.as_limbs()));
            words.chain([Word::ZERO]).flat_map(|word| word.to_be_bytes::<32>()).collect()
        }
        State::Concentrated { sqrt_price, tick, liquidity, ticks, .. } => {
            if slot0Call::abi_decode(&call.data).is_ok() {
                let price = U160::from_limbs_slice(&sqrt_price.as_limbs()[..3]);
                return (price, I24::try_from(tick).unwrap(), 5_u64).abi_encode();
            }
            if liquidityCall::abi_decode(&call.data).is_ok() {
                return liquidity.abi_encode();
            }
            if let Ok(tickBitmapCall { word }) = tickBitmapCall::abi_decode(&call.data) {
                let places = ticks.iter().map(|state| state.tick / 60);
                let here = places.filter(|place| place.div_euclid(256) == i32::from(word));
                let bit = |place: i32| Word::from(1) << usize::try_from(place.rem_euclid(256)).unwrap();
                return here.fold(Word::ZERO, |bits, place| bits | bit(place)).abi_encode();
            }
            let asked = ticksCall::abi_decode(&call.data).unwrap().tick.as_i32();
            let state = ticks.iter().find(|state| state.tick == asked);
            state.map_or((0_u128, 0_i128), |state| (state.gross, state.net)).abi_encode()
        }
    }
}

/// Holds a pool against a contract in the state of `theirs`.
fn compare(ours: &Entry, theirs: &Entry) -> Compared {
    let mut comparison = Comparison::new(ours, Draw::seeded(&[b"block"]));
    loop {
        let calls = comparison.next();
        if calls.is_empty() {
            return comparison.end();
        }
        comparison.take(calls.iter().map(|call| Ok(answer(theirs, call))).collect());
    }
}

fn difference(ours: &Entry, theirs: &Entry) -> String {
    match compare(ours, theirs) {
        Compared::Differs(difference) => difference.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A pool as a contract in the state of `theirs` says it is.
fn reading(ours: &Entry, theirs: &Entry) -> Reading {
    let mut answers = Vec::new();
    loop {
        match kind(ours.pool.protocol()).unwrap().read(ours, &answers).unwrap() {
            Next::Ask(calls) => answers.push(calls.iter().map(|call| answer(theirs, call)).collect()),
            Next::Done(reading) => return reading,
        }
    }
}

const POSITIONS: [(i32, i32, i128); 4] =
    [(-600, 1_200, 1_000), (60, 120, 50), (-887_220, 887_220, 7), (120_000, 180_000, 3)];

#[test]
fn a_pair_is_compared_by_its_reserves() {
    assert!(matches!(compare(&pair([5, 6]), &pair([5, 6])), Compared::Agrees));
    assert_eq!(difference(&pair([5, 6]), &pair([5, 7])), "reserve1 is 7 in the contract and 6 here");
}

#[test]
fn what_a_pool_and_its_contract_do_not_say_alike_is_named() {
    let ours = pool(&POSITIONS);
    assert!(matches!(compare(&ours, &pool(&POSITIONS)), Compared::Agrees));
    let moved = ours.pool.applied(&Change::Price { sqrt_price: U256::from(1) << 96, tick: 0 }).unwrap();
    assert!(difference(&ours, &entry(moved)).starts_with("square root of the price is 7922816251"));
    let deeper = pool(&[(-600, 1_200, 1_001), POSITIONS[1], POSITIONS[2], POSITIONS[3]]);
    assert_eq!(difference(&ours, &deeper), "liquidity is 1058 in the contract and 1057 here");
    let more = [POSITIONS.as_slice(), &[(240, 300, 9)]].concat();
    assert!(difference(&ours, &pool(&more)).starts_with("word 0 of the ticks is "));
    let above = [(-600, 1_200, 1_000), (60, 120, 50), (-887_220, 887_220, 7), (120_000, 180_000, 4)];
    let told = difference(&ours, &pool(&above));
    assert!(
        told.starts_with("gross liquidity of tick 1") && told.ends_with("is 4 in the contract and 3 here")
    );
}

#[test]
fn a_pool_is_read_whole() {
    let (ours, theirs) = (pool(&[(0, 60, 1)]), pool(&POSITIONS));
    let Reading { changes, is_paused } = reading(&ours, &theirs);
    let read = changes.iter().fold(Arc::clone(&ours.pool), |pool, change| pool.applied(change).unwrap());
    assert_eq!((read.state(), is_paused), (theirs.pool.state(), false));
    let read = reading(&pair([1, 2]), &pair([3, 4]));
    assert_eq!(read.changes, [Change::Reserves([3, 4].map(U256::from))]);
}

#[test]
fn a_contract_that_answers_otherwise_says_nothing() {
    let ours = pair([5, 6]);
    for returned in [Ok(Vec::new()), Err(capstan_chain::Reverted { message: "no".to_owned() })] {
        let mut comparison = Comparison::new(&ours, Draw::seeded(&[]));
        assert_eq!(comparison.next().len(), 1);
        comparison.take(vec![returned]);
        assert!(comparison.next().is_empty());
        assert!(matches!(comparison.end(), Compared::Unclear(_)));
    }
}

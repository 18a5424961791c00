//! How a pair of Uniswap V2 is asked.

use alloy::sol;
use capstan_primitives::U256;

use super::{Answers, Kind, Next, ask, contract, read};
use crate::domain::{
    change::{Change, Unusable},
    check::{Difference, Draw},
    pool::State,
    repair::Reading,
    state::Entry,
};

sol! {
    function getReserves() returns (uint112 reserve0, uint112 reserve1, uint32 time);
}

/// A pair.
pub(super) struct PairKind;

impl PairKind {
    fn reserves(entry: &Entry, answers: &Answers) -> Result<Next<[U256; 2]>, Unusable> {
        let Some(round) = answers.first() else {
            return Ok(Next::Ask(vec![ask(contract(entry)?, &getReservesCall {})]));
        };
        let told = read::<getReservesCall>(round.first())?;
        Ok(Next::Done([U256::from(told.reserve0.to::<u128>()), U256::from(told.reserve1.to::<u128>())]))
    }
}

impl Kind for PairKind {
    fn compare(
        &self,
        entry: &Entry,
        _draw: Draw,
        answers: &Answers,
    ) -> Result<Next<Option<Difference>>, Unusable> {
        let theirs = match Self::reserves(entry, answers)? {
            Next::Ask(calls) => return Ok(Next::Ask(calls)),
            Next::Done(theirs) => theirs,
        };
        let State::Reserves { amounts, .. } = entry.pool.state() else {
            return Err(Unusable("it has no reserves".to_owned()));
        };
        let both = amounts.iter().zip(&theirs).enumerate();
        let differ = |(place, (ours, theirs))| Difference::of(|| format!("reserve{place}"), ours, theirs);
        Ok(Next::Done(both.map(differ).find_map(|difference| difference)))
    }

    fn read(&self, entry: &Entry, answers: &Answers) -> Result<Next<Reading>, Unusable> {
        Ok(match Self::reserves(entry, answers)? {
            Next::Ask(calls) => Next::Ask(calls),
            Next::Done(reserves) => {
                Next::Done(Reading { changes: vec![Change::Reserves(reserves)], is_paused: false })
            }
        })
    }
}

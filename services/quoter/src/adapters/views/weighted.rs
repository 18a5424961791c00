//! How a weighted pool of Balancer V2 is asked, and its vault.

use alloy::{
    primitives::{B256, U256 as Word},
    sol,
};
use capstan_primitives::{Address, U256};

use super::{Answers, Kind, Next, ask, contract, read};
use crate::domain::{
    change::{Change, Unusable},
    check::{Difference, Draw},
    pool::State,
    repair::Reading,
    state::{Entry, Problem},
};

sol! {
    function getVault() returns (address);
    function getPoolId() returns (bytes32);
    function getSwapFeePercentage() returns (uint256);
    function getNormalizedWeights() returns (uint256[]);
    function getPausedState() returns (bool isPaused, uint256 pauseWindowEnds, uint256 bufferPeriodEnds);
    function getPoolTokens(bytes32 poolId) returns (address[] tokens, uint256[] balances, uint256 lastChangeBlock);
}

/// A weighted pool.
pub(super) struct WeightedKind;

/// What the contracts say.
struct Told {
    tokens: Vec<Address>,
    amounts: Vec<U256>,
    weights: Vec<U256>,
    swap_fee: U256,
    is_paused: bool,
}

impl WeightedKind {
    fn told(entry: &Entry, answers: &Answers) -> Result<Next<Told>, Unusable> {
        let pool = contract(entry)?;
        let [first, rest @ ..] = answers else {
            return Ok(Next::Ask(vec![
                ask(pool, &getVaultCall {}),
                ask(pool, &getPoolIdCall {}),
                ask(pool, &getSwapFeePercentageCall {}),
                ask(pool, &getNormalizedWeightsCall {}),
                ask(pool, &getPausedStateCall {}),
            ]));
        };
        let [second, ..] = rest else {
            let vault = Address::from(read::<getVaultCall>(first.first())?.into_array());
            let id: B256 = read::<getPoolIdCall>(first.get(1))?;
            return Ok(Next::Ask(vec![ask(vault, &getPoolTokensCall { poolId: id })]));
        };
        let held = read::<getPoolTokensCall>(second.first())?;
        let tokens = held.tokens.iter().map(|token| Address::from(token.into_array()));
        Ok(Next::Done(Told {
            tokens: tokens.collect(),
            amounts: held.balances.iter().map(number).collect(),
            weights: read::<getNormalizedWeightsCall>(first.get(3))?.iter().map(number).collect(),
            swap_fee: number(&read::<getSwapFeePercentageCall>(first.get(2))?),
            is_paused: read::<getPausedStateCall>(first.get(4))?.isPaused,
        }))
    }
}

impl Kind for WeightedKind {
    fn compare(
        &self,
        entry: &Entry,
        _draw: Draw,
        answers: &Answers,
    ) -> Result<Next<Option<Difference>>, Unusable> {
        let told = match Self::told(entry, answers)? {
            Next::Ask(calls) => return Ok(Next::Ask(calls)),
            Next::Done(told) => told,
        };
        let State::Reserves { amounts, swap_fee, .. } = entry.pool.state() else {
            return Err(Unusable("it has no balances".to_owned()));
        };
        if told.tokens != entry.pool.tokens() {
            return Err(Unusable("its vault names other tokens".to_owned()));
        }
        let mut both = amounts.iter().zip(&told.amounts).zip(&told.tokens);
        let balance = both.find_map(|((ours, theirs), token)| {
            Difference::of(|| format!("balance of {token}"), ours, theirs)
        });
        let fee = swap_fee.and_then(|ours| Difference::of(|| "swap fee".to_owned(), &ours, &told.swap_fee));
        let is_paused = matches!(entry.problem, Some((Problem::Paused, _)));
        let paused = Difference::of(|| "paused".to_owned(), &is_paused, &told.is_paused);
        Ok(Next::Done(balance.or(fee).or(paused)))
    }

    fn read(&self, entry: &Entry, answers: &Answers) -> Result<Next<Reading>, Unusable> {
        let told = match Self::told(entry, answers)? {
            Next::Ask(calls) => return Ok(Next::Ask(calls)),
            Next::Done(told) => told,
        };
        if told.tokens != entry.pool.tokens() {
            return Err(Unusable("its vault names other tokens".to_owned()));
        }
        let Told { amounts, weights, swap_fee, is_paused, .. } = told;
        let state = State::Reserves { amounts, weights, swap_fee: Some(swap_fee) };
        Ok(Next::Done(Reading { changes: vec![Change::Whole(state)], is_paused }))
    }
}

fn number(word: &Word) -> U256 {
    U256::from_limbs(*word.as_limbs())
}

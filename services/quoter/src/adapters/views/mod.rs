//! What pools' contracts say of them, at the end of a block. How a kind of pool is asked stands in a file of its own.

mod concentrated;
mod pair;
#[cfg(test)]
mod tests;
mod v3;
mod v4;
mod weighted;

use alloy::sol_types::SolCall;
use capstan_chain::{ChainError, ContractCall, Evm, Returned};
use capstan_primitives::{Address, Hash};

use self::{concentrated::Concentrated, pair::PairKind, v3::V3, v4::V4, weighted::WeightedKind};
use crate::domain::{
    change::Unusable,
    check::{Difference, Draw},
    pool::{PoolId, Protocol},
    repair::Reading,
    state::Entry,
};

/// What calls returned, one round of them after the other.
type Answers = [Vec<Vec<u8>>];

/// What comes next when a contract is asked.
#[derive(Debug)]
enum Next<T> {
    /// More calls, whose answers are the next round.
    Ask(Vec<ContractCall>),
    /// Everything is known.
    Done(T),
}

/// How the contract of a kind of pool is asked. Both are called again after every round, with the answers so far, and are to
/// choose the same each time.
trait Kind: Sync {
    /// Compares what can be compared with a few calls; `draw` chooses parts where there are many.
    fn compare(
        &self,
        entry: &Entry,
        draw: Draw,
        answers: &Answers,
    ) -> Result<Next<Option<Difference>>, Unusable>;

    /// Reads everything.
    fn read(&self, entry: &Entry, answers: &Answers) -> Result<Next<Reading>, Unusable>;
}

/// Those that can be asked.
fn kind(protocol: Protocol) -> Option<&'static dyn Kind> {
    match protocol {
        Protocol::UniswapV2 => Some(&PairKind),
        Protocol::UniswapV3 => Some(&Concentrated(V3)),
        Protocol::UniswapV4 => Some(&Concentrated(V4)),
        Protocol::BalancerWeighted => Some(&WeightedKind),
        // Vaults are read in every block, and there is nothing to ask a wrapper.
        Protocol::Erc4626 | Protocol::Weth9 => None,
    }
}

/// What came of comparing a pool with its contract.
#[derive(Debug)]
pub(crate) enum Compared {
    /// They say the same.
    Agrees,
    /// They do not.
    Differs(Difference),
    /// The contract did not answer as one of its kind.
    Unclear(Unusable),
}

impl Compared {
    pub(crate) fn failure(&self) -> Option<&Unusable> {
        match self {
            Self::Unclear(error) => Some(error),
            Self::Agrees | Self::Differs(_) => None,
        }
    }
}

/// The contracts of a chain's pools.
#[derive(Debug)]
pub(crate) struct Views {
    evm: Evm,
    multicall: Option<Address>,
}

impl Views {
    /// Those of a chain, many asked at once through the Multicall3 at an address.
    pub(crate) fn new(evm: Evm, multicall: Option<Address>) -> Self {
        Self { evm, multicall }
    }

    /// Whether it is known how a pool's contract is asked.
    pub(crate) fn know(entry: &Entry) -> bool {
        kind(entry.pool.protocol()).is_some()
    }

    /// Compares pools with their contracts at the end of a block.
    ///
    /// # Errors
    /// When no node answers, or none knows the block and its state.
    pub(crate) async fn compare(&self, at: Hash, entries: &[Entry]) -> Result<Vec<Compared>, ChainError> {
        self.compare_through(self.multicall, at, entries).await
    }

    /// Compares pools with their contracts once more, each asked by itself.
    ///
    /// # Errors
    /// As [`Self::compare`].
    pub(crate) async fn compare_alone(
        &self,
        at: Hash,
        entries: &[Entry],
    ) -> Result<Vec<Compared>, ChainError> {
        self.compare_through(None, at, entries).await
    }

    async fn compare_through(
        &self,
        multicall: Option<Address>,
        at: Hash,
        entries: &[Entry],
    ) -> Result<Vec<Compared>, ChainError> {
        let mut open: Vec<Comparison<'_>> =
            entries.iter().map(|entry| Comparison::new(entry, seed(at, entry))).collect();
        loop {
            let asked: Vec<Vec<ContractCall>> = open.iter_mut().map(Comparison::next).collect();
            let calls = asked.concat();
            if calls.is_empty() {
                return Ok(open.into_iter().map(Comparison::end).collect());
            }
            let mut returned = self.evm.call_many(at, &calls, multicall).await?.into_iter();
            for (comparison, asked) in open.iter_mut().zip(asked) {
                comparison.take(returned.by_ref().take(asked.len()).collect());
            }
        }
    }

    /// All of a pool's state at the end of a block, as its contract says. The inner error is the contract's.
    ///
    /// # Errors
    /// When no node answers, or none knows the block and its state.
    pub(crate) async fn read(
        &self,
        at: Hash,
        entry: &Entry,
    ) -> Result<Result<Reading, Unusable>, ChainError> {
        let Some(kind) = kind(entry.pool.protocol()) else {
            return Ok(Err(Unusable("it is not known how this kind of pool is asked".to_owned())));
        };
        let mut answers = Vec::new();
        loop {
            let calls = match kind.read(entry, &answers) {
                Ok(Next::Ask(calls)) => calls,
                Ok(Next::Done(reading)) => return Ok(Ok(reading)),
                Err(error) => return Ok(Err(error)),
            };
            match all(self.evm.call_many(at, &calls, self.multicall).await?) {
                Ok(round) => answers.push(round),
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

/// The same parts of a pool are chosen whoever asks.
fn seed(at: Hash, entry: &Entry) -> Draw {
    match entry.id {
        PoolId::Contract(address) => Draw::seeded(&[at.as_bytes(), address.as_bytes()]),
        PoolId::Key(key) => Draw::seeded(&[at.as_bytes(), key.as_bytes()]),
    }
}

/// One pool that is being compared.
struct Comparison<'a> {
    entry: &'a Entry,
    draw: Draw,
    answers: Vec<Vec<Vec<u8>>>,
    end: Option<Compared>,
}

impl<'a> Comparison<'a> {
    const fn new(entry: &'a Entry, draw: Draw) -> Self {
        Self { entry, draw, answers: Vec::new(), end: None }
    }

    /// What is to be asked now; nothing when it is at its end.
    fn next(&mut self) -> Vec<ContractCall> {
        if self.end.is_some() {
            return Vec::new();
        }
        let known = kind(self.entry.pool.protocol());
        let known = known.ok_or_else(|| Unusable("it is not known how it is asked".to_owned()));
        let next = known.and_then(|kind| kind.compare(self.entry, self.draw, &self.answers));
        self.end = Some(match next {
            Ok(Next::Ask(calls)) => return calls,
            Ok(Next::Done(None)) => Compared::Agrees,
            Ok(Next::Done(Some(difference))) => Compared::Differs(difference),
            Err(error) => Compared::Unclear(error),
        });
        Vec::new()
    }

    fn take(&mut self, returned: Vec<Returned>) {
        if self.end.is_some() {
            return;
        }
        match all(returned) {
            Ok(round) => self.answers.push(round),
            Err(error) => self.end = Some(Compared::Unclear(error)),
        }
    }

    fn end(self) -> Compared {
        self.end.unwrap_or(Compared::Agrees)
    }
}

/// A contract that reverts where one of its kind answers says nothing.
fn all(returned: Vec<Returned>) -> Result<Vec<Vec<u8>>, Unusable> {
    returned.into_iter().collect::<Result<_, _>>().map_err(|reverted| Unusable(reverted.to_string()))
}

fn ask(to: Address, call: &impl SolCall) -> ContractCall {
    ContractCall { to, data: call.abi_encode() }
}

/// Reads an answer.
fn read<C: SolCall>(answer: Option<&Vec<u8>>) -> Result<C::Return, Unusable> {
    let answer = answer.ok_or_else(|| Unusable(format!("{} was not answered", C::SIGNATURE)))?;
    C::abi_decode_returns(answer).map_err(|error| Unusable(format!("{}: {error}", C::SIGNATURE)))
}

/// The contract of a pool that has one of its own.
fn contract(entry: &Entry) -> Result<Address, Unusable> {
    match entry.id {
        PoolId::Contract(address) => Ok(address),
        PoolId::Key(_) => Err(Unusable("it has no contract of its own".to_owned())),
    }
}

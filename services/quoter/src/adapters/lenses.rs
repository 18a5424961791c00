//! The contracts that say what a swap would give: quoters, routers and vaults, at one block.

mod balancer;
mod uniswap;
mod vault;

use capstan_chain::{ChainError, ContractCall, Evm, Returned};
use capstan_primitives::{Address, Hash, U256};

use crate::{
    config::ChainContracts,
    domain::{
        pool::{Protocol, Way},
        route::Side,
        state::Entry,
    },
};

/// The contracts of a chain that know what swaps give.
#[derive(Debug)]
pub(crate) struct Lenses {
    evm: Evm,
    contracts: ChainContracts,
}

/// A swap with one pool that is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The pool.
    pub(crate) entry: Entry,
    /// Which way.
    pub(crate) way: Way,
    /// Which amount is known.
    pub(crate) side: Side,
    /// It.
    pub(crate) amount: U256,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Who said it.
    pub(crate) contract: Option<Address>,
    /// The other amount, or why there is none.
    pub(crate) amount: Result<U256, String>,
}

/// What follows from what was read first.
enum Next {
    /// This is to be asked, and its answer read so.
    Ask(ContractCall, fn(&[u8]) -> Result<U256, String>),
    /// The contract that was read says this.
    Told(Address, U256),
    /// Nobody can be asked.
    Nobody(String),
}

impl Lenses {
    /// Those of a chain.
    pub(crate) const fn new(evm: Evm, contracts: ChainContracts) -> Self {
        Self { evm, contracts }
    }

    /// What the contracts say, in the state after the block `at`; in the order of the questions.
    ///
    /// # Errors
    /// When the node does not answer, or no longer knows the state.
    pub(crate) async fn ask(&self, at: Hash, questions: &[Question]) -> Result<Vec<Told>, ChainError> {
        let first: Vec<Vec<ContractCall>> = questions.iter().map(|question| self.first(question)).collect();
        let multicall = Some(self.contracts.multicall3());
        let read = self.evm.call_many(at, &first.concat(), multicall).await?;
        let mut read = read.as_slice();
        let mut next = Vec::with_capacity(questions.len());
        for (question, first) in questions.iter().zip(&first) {
            let (answers, rest) = read.split_at_checked(first.len()).unwrap_or_default();
            read = rest;
            next.push(self.next(question, answers));
        }
        let calls = next.iter().filter_map(|next| match next {
            Next::Ask(call, _) => Some(call.clone()),
            _ => None,
        });
        let calls: Vec<ContractCall> = calls.collect();
        let said = self.evm.call_many(at, &calls, multicall).await?;
        Ok(told(next, said))
    }

    /// What has to be read before the question can be put.
    fn first(&self, question: &Question) -> Vec<ContractCall> {
        match question.entry.pool.protocol() {
            Protocol::UniswapV2 => uniswap::v2_first(&self.contracts, question),
            Protocol::UniswapV3 => uniswap::v3_first(&self.contracts),
            Protocol::UniswapV4 => uniswap::v4_first(&self.contracts),
            Protocol::BalancerWeighted => balancer::first(question),
            Protocol::Erc4626 | Protocol::Weth9 => Vec::new(),
        }
    }

    /// The question itself.
    fn next(&self, question: &Question, read: &[Returned]) -> Next {
        let next = match question.entry.pool.protocol() {
            Protocol::UniswapV2 => uniswap::v2(&self.contracts, question, read),
            Protocol::UniswapV3 => uniswap::v3(&self.contracts, question, read),
            Protocol::UniswapV4 => uniswap::v4(&self.contracts, question, read),
            Protocol::BalancerWeighted => balancer::next(question, read),
            Protocol::Erc4626 => vault::next(question),
            // Its own rule: one for one.
            Protocol::Weth9 => vault::contract(question).map(|weth| Next::Told(weth, question.amount)),
        };
        next.unwrap_or_else(Next::Nobody)
    }
}

fn told(next: Vec<Next>, said: Vec<Returned>) -> Vec<Told> {
    let mut said = said.into_iter();
    let told = |next: Next| match next {
        Next::Ask(call, read) => {
            let answer = said.next().ok_or_else(|| "the node did not answer".to_owned());
            let answer = answer.and_then(|answer| answer.map_err(|reverted| reverted.to_string()));
            Told { contract: Some(call.to), amount: answer.and_then(|bytes| read(&bytes)) }
        }
        Next::Told(contract, amount) => Told { contract: Some(contract), amount: Ok(amount) },
        Next::Nobody(problem) => Told { contract: None, amount: Err(problem) },
    };
    next.into_iter().map(told).collect()
}

/// The tokens that are given and wanted.
fn ends(question: &Question) -> Result<(Address, Address), String> {
    let tokens = question.entry.pool.tokens();
    let token = |place: u8| tokens.get(usize::from(place)).copied();
    token(question.way.from)
        .zip(token(question.way.to))
        .ok_or_else(|| "the pool has no such tokens".to_owned())
}

/// An address as contracts have it.
fn evm(address: Address) -> Result<alloy::primitives::Address, String> {
    let narrow = alloy::primitives::Address::try_from(address.as_bytes());
    narrow.map_err(|_| format!("{address} is not an address of an EVM chain"))
}

fn evm_number(number: U256) -> alloy::primitives::U256 {
    alloy::primitives::U256::from_limbs(*number.as_limbs())
}

/// The word at a place of an answer.
fn word(answer: &[u8], place: usize) -> Result<U256, String> {
    let word = answer.get(place.saturating_mul(32)..).and_then(|rest| rest.first_chunk::<32>());
    word.map(|word| U256::from_be_bytes(*word)).ok_or_else(|| "its answer is too short".to_owned())
}

/// The word at a place of an answer that was read first.
fn read_word(read: &[Returned], which: usize, place: usize) -> Result<U256, String> {
    let answer = read.get(which).ok_or_else(|| "it was not asked".to_owned())?;
    word(answer.as_ref().map_err(ToString::to_string)?, place)
}

fn read_address(read: &[Returned], which: usize) -> Result<Address, String> {
    let [_, _, _, _, _, _, _, _, _, _, _, _, address @ ..] = read_word(read, which, 0)?.to_be_bytes::<32>();
    Ok(Address::from(address))
}

fn first_word(answer: &[u8]) -> Result<U256, String> {
    word(answer, 0)
}

//! Every verb of the quoter.

mod check;
mod live;
mod pools;
mod quotes;
mod repair;
mod routers;
mod swap;
mod tokens;
mod verify;

use std::{collections::BTreeMap, collections::HashMap, sync::Arc};

use capstan_primitives::{Address, ChainId, Clock, U256};
use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, watch};

pub(crate) use self::{
    check::Checker,
    live::{Checks, Live, Projector, Snapshot},
    pools::{Depth, PoolFilter, PoolPage},
    quotes::Answer,
    repair::Writer,
    routers::routers,
    swap::{Built, SwapAsk},
    tokens::TokenChecker,
    verify::Verified,
};
use crate::{
    adapters::{accounts::Accounts, lenses::Lenses},
    config::Config,
    domain::{
        gas::Learnt,
        graph::Token,
        quote::{Ask, GasNow},
        rate::Rate,
        swap::Router,
    },
    error::Error,
};

/// What looks at every state, beside those who answer.
pub(crate) trait Watcher: Send + 'static {
    /// Looks at a state.
    fn look(&mut self, snapshot: &Snapshot) -> impl Future<Output = ()> + Send;
}

/// A chain with what is configured of it.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) live: Arc<Live>,
    /// Token that prices are told in.
    pub(crate) reference: Option<Address>,
    /// Decimals of configured tokens.
    pub(crate) decimals: HashMap<Address, u8>,
    /// What gas costs; none before it was learnt.
    pub(crate) fees: watch::Receiver<Option<Learnt>>,
    /// The contracts that quotes are held against.
    pub(crate) lenses: Lenses,
    /// Routers that execute quotes, in the order in which they are tried.
    pub(crate) routers: Vec<Router>,
    /// Its accounts, as its node knows them.
    pub(crate) accounts: Accounts,
}

/// Everything that answers.
#[derive(Debug, Clone)]
pub(crate) struct Quoter {
    chains: Arc<BTreeMap<ChainId, Chain>>,
    clock: Clock,
    /// One for each processor.
    processors: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    max_waiting: usize,
    /// By snapshot, price of gas and question.
    answers: Arc<Cache<(u64, GasNow, Ask), Arc<Answer>>>,
    coins: Arc<Cache<(u64, Token), Option<Rate>>>,
}

impl Quoter {
    /// One for some chains.
    pub(crate) fn new(chains: BTreeMap<ChainId, Chain>, config: &Config, clock: Clock) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            chains: Arc::new(chains),
            clock,
            processors: Arc::new(Semaphore::new(processors)),
            waiting: Arc::new(Semaphore::new(config.max_waiting)),
            max_waiting: config.max_waiting,
            answers: Arc::new(Cache::new(config.cache_size)),
            coins: Arc::new(Cache::new(config.cache_size)),
        }
    }

    /// Every chain, by id.
    pub(crate) fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.chains.values()
    }

    /// The chain of an id; 0: the only one.
    ///
    /// # Errors
    /// When it is not configured, or 0 and there are several.
    pub(crate) fn chain(&self, id: u64) -> Result<&Chain, Error> {
        match (id, self.chains.len()) {
            (0, 1) => self.chains.values().next().ok_or(Error::ChainNotConfigured(ChainId(0))),
            (0, count) => {
                Err(Error::field("chain_id", format!("must be given: {count} chains are configured")))
            }
            _ => self.chains.get(&ChainId(id)).ok_or(Error::ChainNotConfigured(ChainId(id))),
        }
    }

    /// Milliseconds since a snapshot's block was made.
    pub(crate) fn age_ms(&self, snapshot: &Snapshot) -> u64 {
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        now.saturating_sub(snapshot.block.time.0.saturating_mul(1_000))
    }

    /// Now.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }
}

impl Chain {
    /// The state of now.
    ///
    /// # Errors
    /// When the log has not been read through yet.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        self.live.snapshot().ok_or(Error::NotReady(self.live.chain))
    }

    /// What gas costs now.
    pub(crate) fn gas(&self, asked: Option<U256>) -> GasNow {
        let fees = *self.fees.borrow();
        let told = fees.map(|learnt| learnt.fees.tiers.standard.expected);
        let data_fee = fees.map_or(U256::ZERO, |learnt| learnt.fees.data_fee.fee(&usual_transaction()));
        GasNow { price: asked.or(told), data_fee }
    }
}

/// Bytes like those of a swap along one route: a selector, words that are mostly zero, and a few addresses.
fn usual_transaction() -> Vec<u8> {
    const WORDS: usize = 12;
    const OF_ADDRESS: usize = 20;
    let addresses = capstan_primitives::keccak256(&[b"addresses that do not repeat"]);
    let word = |number: usize| {
        let mut word = vec![0; 32];
        let bytes = addresses.as_bytes().iter().take(if number.is_multiple_of(3) { OF_ADDRESS } else { 8 });
        word.iter_mut()
            .rev()
            .zip(bytes)
            .for_each(|(to, from)| *to = from.wrapping_mul(2 * number_byte(number) + 1));
        word
    };
    (0..WORDS).flat_map(word).collect()
}

fn number_byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

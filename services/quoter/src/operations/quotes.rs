//! Quotes: from the cache, or from a processor of their own.

use std::{sync::Arc, time::Duration};

use capstan_primitives::{Address, Hash, keccak256};
use tokio::time::{Instant, timeout};

use super::{Chain, Quoter, Snapshot};
use crate::{
    domain::{
        quote::{Ask, GasNow, Given, Quote, Status, quote},
        rate::Rate,
        route::{self, Side},
        wrap::COIN,
    },
    error::Error,
    metrics,
};

/// How long a block is waited for that a caller says there is.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer and the state that it is from.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) quote: Quote,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) id: Hash,
}

impl Quoter {
    /// Answers a question.
    ///
    /// # Errors
    /// When there is no state yet, or too many wait.
    pub(crate) async fn quote(&self, chain: &Chain, ask: &Ask) -> Result<Arc<Answer>, Error> {
        let snapshot = snapshot_with(chain, ask.min_block).await?;
        self.quote_in(chain, snapshot, ask).await
    }

    /// Answers questions in one state.
    ///
    /// # Errors
    /// As [`Self::quote`].
    pub(crate) async fn quote_all(&self, chain: &Chain, asks: &[Ask]) -> Result<Vec<Arc<Answer>>, Error> {
        let min_block = asks.iter().filter_map(|ask| ask.min_block).max();
        let snapshot = snapshot_with(chain, min_block).await?;
        let answers = asks.iter().map(|ask| self.quote_in(chain, Arc::clone(&snapshot), ask));
        futures::future::try_join_all(answers).await
    }

    async fn quote_in(
        &self,
        chain: &Chain,
        snapshot: Arc<Snapshot>,
        ask: &Ask,
    ) -> Result<Arc<Answer>, Error> {
        if let Some(problem) = self.stale(&snapshot, ask) {
            metrics::quoted(chain.live.chain, Status::StaleState.name(), Duration::ZERO);
            let quote = Quote::none(Status::StaleState, problem);
            return Ok(Arc::new(Answer::new(ask, quote, snapshot)));
        }
        let gas = chain.gas(ask.gas_price);
        let key = (snapshot.sequence, gas, ask.clone());
        if let Some(answer) = self.answers.get(&key) {
            metrics::cached(chain.live.chain);
            return Ok(answer);
        }
        let answer = Arc::new(self.compute((snapshot, gas), ask).await?);
        // What was cut short might come out better the next time.
        if answer.quote.is_exhaustive {
            self.answers.insert(key, Arc::clone(&answer));
        }
        Ok(answer)
    }

    fn stale(&self, snapshot: &Snapshot, ask: &Ask) -> Option<String> {
        let number = snapshot.block.number;
        if let Some(wanted) = ask.min_block.filter(|wanted| *wanted > number) {
            return Some(format!("the state is of block {number}, before block {wanted}"));
        }
        let age = self.age_ms(snapshot);
        let is_old = ask.max_staleness_ms.is_some_and(|most| age > most);
        is_old.then(|| format!("block {number} was made {age} ms ago"))
    }

    /// The search runs on a thread of its own, as many at once as there are processors.
    async fn compute(&self, (snapshot, gas): (Arc<Snapshot>, GasNow), ask: &Ask) -> Result<Answer, Error> {
        let Ok(_waiting) = self.waiting.try_acquire() else {
            metrics::overloaded();
            return Err(Error::Overloaded(self.max_waiting));
        };
        let processor = Arc::clone(&self.processors).acquire_owned().await.map_err(|_| Error::Unfinished)?;
        let (quoter, ask) = (self.clone(), ask.clone());
        let work = move || {
            let _processor = processor;
            let began = Instant::now();
            let limit = Duration::from_millis(ask.timeout_ms);
            let compared = if ask.side == Side::In { ask.token_out } else { ask.token_in };
            let coin = gas.price.and_then(|_| quoter.coin_in(&snapshot, compared));
            let pools = &snapshot.pools;
            let given = Given { pools, refused_tokens: pools.refused(), gas, coin };
            let quote = quote(given, &ask, &|| began.elapsed() > limit);
            metrics::quoted(snapshot.chain, quote.status.name(), began.elapsed());
            Answer::new(&ask, quote, snapshot)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Unfinished)
    }

    /// Units of a token for one wei of the chain's coin.
    fn coin_in(&self, snapshot: &Snapshot, token: Address) -> Option<Rate> {
        let graph = snapshot.pools.graph();
        let (coin, token) = (graph.token(&Address::from(COIN))?, graph.token(&token)?);
        let key = (snapshot.sequence, token);
        if let Some(rate) = self.coins.get(&key) {
            return rate;
        }
        let rate = route::price(&snapshot.pools, coin, token).map(|found| found.price);
        self.coins.insert(key, rate);
        rate
    }
}

/// The state of now, or that with a block which is about to come.
async fn snapshot_with(chain: &Chain, min_block: Option<u64>) -> Result<Arc<Snapshot>, Error> {
    let mut changes = chain.live.changes();
    let there = |chain: &Chain| {
        let has = |snapshot: &Arc<Snapshot>| min_block.is_none_or(|block| snapshot.block.number >= block);
        chain.live.snapshot().filter(has)
    };
    let wait = async {
        loop {
            changes.borrow_and_update();
            if let Some(snapshot) = there(chain) {
                return Some(snapshot);
            }
            changes.changed().await.ok()?;
        }
    };
    match min_block {
        Some(_) => match timeout(PATIENCE, wait).await.ok().flatten() {
            Some(snapshot) => Ok(snapshot),
            None => chain.snapshot(),
        },
        None => chain.snapshot(),
    }
}

impl Answer {
    fn new(ask: &Ask, quote: Quote, snapshot: Arc<Snapshot>) -> Self {
        let Quote { status, amount_in, amount_out, limit, routes, gas, .. } = &quote;
        let text = format!("{ask:?} {status:?} {amount_in} {amount_out} {limit} {routes:?} {gas:?}");
        let id = keccak256(&[text.as_bytes(), snapshot.block.hash.as_bytes()]);
        Self { quote, snapshot, id }
    }

    /// Whether another answer says the same, but for its block and what gas costs.
    pub(crate) fn says_as(&self, other: &Self) -> bool {
        let told = |answer: &Self| {
            let Quote { status, amount_in, amount_out, routes, .. } = &answer.quote;
            (*status, *amount_in, *amount_out, routes.clone())
        };
        told(self) == told(other)
    }
}

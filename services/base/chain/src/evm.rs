//! One EVM chain, read through its configured endpoints.

use std::{fmt, sync::Arc, time::Duration};

use capstan_primitives::{Address, ChainId, Hash};
use futures::{Stream, future::try_join_all};
use serde_json::json;

use crate::{
    ChainError, EndpointStatus, EvmUrl, HeadSignal, Header, Role, Tag,
    agreement::Counts,
    answers,
    calls::{at_height, by_hash, by_number, inconsistent, of_hash, quantity},
    endpoint::Endpoint,
    evidence::{Formats, FullHeader},
    heads::{self, WakeUps},
    pool::Pool,
    rpc::{Answer, Call, Rpc},
};

/// Headers that are asked for in one request.
const HEADERS: usize = 100;

/// How to reach a chain.
#[derive(Clone)]
pub struct EvmOptions {
    /// Endpoints. All http(s) ones serve requests, or the ws(s) ones if there is no other; the
    /// first ws(s) one announces new blocks, and when it fails the next.
    pub urls: Vec<EvmUrl>,
    /// The chain that every endpoint must serve.
    pub chain_id: ChainId,
    /// Deadline of one request, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// Shortest time that an answer is waited for before another endpoint is asked for it, too; how much
    /// longer depends on how fast the endpoint usually is.
    pub hedge_after: Duration,
    /// Longest time between two wake-ups of [`Evm::heads`].
    pub poll_interval: Duration,
    /// Largest answer that is read, in bytes. All answers over HTTP that are being read take at most twice as
    /// much together, small ones not counted.
    pub max_response_bytes: usize,
    /// Whether all endpoints may be down, to be asked once one of them proves to serve the chain.
    pub may_be_away: bool,
}

/// One EVM chain. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Evm {
    pub(crate) pool: Arc<Pool>,
    pub(crate) formats: Arc<Formats>,
    pub(crate) counts: Arc<Counts>,
    chain_id: ChainId,
    wake_ups: WakeUps,
}

impl Evm {
    /// Checks the endpoints. One that is down is logged and tried again later, if another answers.
    ///
    /// # Errors
    /// [`ChainError::InvalidUrl`], [`ChainError::NoUrl`], [`ChainError::WrongChain`] and
    /// [`ChainError::OtherGenesis`] for any endpoint, [`ChainError::Unreachable`] when none that
    /// serves requests says which chain it serves, unless that may be.
    pub async fn connect(options: EvmOptions) -> Result<Self, ChainError> {
        let parsed = options.urls.iter().enumerate().map(|(place, url)| Endpoint::parse(place, &url.url));
        let endpoints = parsed.collect::<Result<Vec<_>, _>>()?;
        let pool = Arc::new(Pool::connect(&endpoints, &options).await?);
        let wake_ups = WakeUps {
            endpoints: announcing(endpoints, &options),
            poll_interval: options.poll_interval,
            connect_timeout: options.request_timeout,
            max_bytes: options.max_response_bytes,
        };
        let formats = Arc::new(Formats::new(options.chain_id));
        let counts = Arc::default();
        let evm = Self { pool, formats, counts, chain_id: options.chain_id, wake_ups };
        evm.learn_headers().await;
        Ok(evm)
    }

    /// The endpoints that serve requests, in the order of the configuration, as of now.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.pool.status()
    }

    /// The chain that is read.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    /// The newest block of the node.
    ///
    /// # Errors
    /// When the node does not answer, or answers without a block.
    pub async fn head(&self) -> Result<Header, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let head = self.header_of(rpc.call(by_number("latest".into())).await)?;
            let head = head.ok_or_else(|| inconsistent("the node has no latest block".into()))?;
            self.pool.saw_head(&rpc, head.block.number);
            Ok(head)
        };
        self.pool.ask("eth_getBlockByNumber", question).await
    }

    /// The block at height `number`; absent when the node has not seen it.
    ///
    /// # Errors
    /// When the node does not answer, or answers with another block.
    pub async fn header(&self, number: u64) -> Result<Option<Header>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let header = self.header_of(rpc.call(by_number(quantity(number))).await)?;
            at_height(header.ok_or(ChainError::BehindRequest { number })?, number)
        };
        seen(self.pool.ask("eth_getBlockByNumber", question).await)
    }

    /// The block of this hash, on the chain or orphaned; absent when the node does not know it.
    ///
    /// # Errors
    /// When the node does not answer, or answers with another block.
    pub async fn header_by_hash(&self, hash: Hash) -> Result<Option<Header>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let header = self.header_of(rpc.call(by_hash(hash)).await)?;
            of_hash(header.ok_or(ChainError::UnknownBlock { hash })?, hash)
        };
        seen(self.pool.ask("eth_getBlockByHash", question).await)
    }

    /// The blocks of these hashes, in their order, asked for in few requests.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when no endpoint that was asked knows one, and when the node does not
    /// answer, or answers with another block.
    pub async fn headers_by_hash(&self, hashes: &[Hash]) -> Result<Vec<Header>, ChainError> {
        let some = hashes.chunks(HEADERS).map(|some| self.some_headers(some));
        Ok(try_join_all(some).await?.concat())
    }

    async fn some_headers(&self, hashes: &[Hash]) -> Result<Vec<Header>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let answers = rpc.batch_of(hashes.iter().copied().map(by_hash).collect()).await?;
            let headers = answers.into_iter().zip(hashes).map(|(answer, hash)| {
                of_hash(self.header_of(answer)?.ok_or(ChainError::UnknownBlock { hash: *hash })?, *hash)
            });
            headers.collect()
        };
        self.pool.ask("eth_getBlockByHash", question).await
    }

    /// The blocks at these heights, in their order, asked for in few requests.
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when no endpoint that was asked has seen one, and when the node does not
    /// answer, or answers with another block.
    pub async fn headers_at(&self, numbers: &[u64]) -> Result<Vec<Header>, ChainError> {
        let some = numbers.chunks(HEADERS).map(|some| self.some_headers_at(some));
        Ok(try_join_all(some).await?.concat())
    }

    async fn some_headers_at(&self, numbers: &[u64]) -> Result<Vec<Header>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let calls = numbers.iter().map(|number| by_number(quantity(*number))).collect();
            let answers = rpc.batch_of(calls).await?;
            let headers = answers.into_iter().zip(numbers).map(|(answer, number)| {
                let header = self.header_of(answer)?;
                at_height(header.ok_or(ChainError::BehindRequest { number: *number })?, *number)
            });
            headers.collect()
        };
        self.pool.ask("eth_getBlockByNumber", question).await
    }

    /// The block that the node names so; absent while there is none, as on a young chain.
    ///
    /// # Errors
    /// When the node does not answer or does not know such names.
    pub async fn tagged(&self, tag: Tag) -> Result<Option<Header>, ChainError> {
        let question = async |rpc: Arc<Rpc>| self.header_of(rpc.call(by_number(tag.as_str().into())).await);
        self.pool.ask("eth_getBlockByNumber", question).await
    }

    /// Whether there is code at `address` in the newest block. A contract that was self-destructed has
    /// none; an account that delegates (EIP-7702) has some.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn has_code(&self, address: Address) -> Result<bool, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let params = json!([address.to_lower_hex(), "latest"]);
            let answer = rpc.call(Call { method: "eth_getCode", params }).await?;
            answers::read::<alloy::primitives::Bytes>(&answer).map(|code| !code.is_empty())
        };
        self.pool.ask("eth_getCode", question).await
    }

    /// Wake-ups to look for new blocks, never data: one at once, one after each announcement of a
    /// block, and one every poll interval in any case, so that a silent node delays but never stops.
    ///
    /// The stream never ends, reconnects by itself, and must be polled within a tokio runtime.
    pub fn heads(&self) -> impl Stream<Item = HeadSignal> + Send + use<> {
        heads::wake_ups(self.wake_ups.clone())
    }

    /// Reads a header, which is a lie when its hash is not that of its fields on a chain where such
    /// hashes were seen: followed up, it would lead to blocks that no honest endpoint knows.
    fn header_of(&self, answer: Result<Answer, ChainError>) -> Result<Option<Header>, ChainError> {
        let header = FullHeader::read(answer)?;
        if let Some(header) = header.as_ref().filter(|_| self.formats.knows_headers()) {
            self.formats.proves(header)?;
        }
        Ok(header.map(|header| header.header))
    }
}

impl fmt::Debug for Evm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evm").field("chain_id", &self.chain_id).finish_non_exhaustive()
    }
}

/// The WebSockets, those that are asked first before the others.
fn announcing(endpoints: Vec<Endpoint>, options: &EvmOptions) -> Vec<Endpoint> {
    let roles = options.urls.iter().map(|url| url.role);
    let (primary, other): (Vec<_>, Vec<_>) = endpoints
        .into_iter()
        .zip(roles)
        .filter(|(of, _)| of.is_ws)
        .partition(|(_, role)| *role == Role::Primary);
    primary.into_iter().chain(other).map(|(endpoint, _)| endpoint).collect()
}

/// A block that no endpoint has seen is no error to a caller that asks whether there is one.
fn seen(header: Result<Header, ChainError>) -> Result<Option<Header>, ChainError> {
    match header {
        Ok(header) => Ok(Some(header)),
        Err(ChainError::BehindRequest { .. } | ChainError::UnknownBlock { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

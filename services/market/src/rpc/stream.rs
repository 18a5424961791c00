//! `StreamMarkets`: what changed is read from the tables, so a subscriber costs no memory and any
//! place can be resumed.

use std::{collections::BTreeSet, time::Duration};

use capstan_primitives::ChainId;
use capstan_proto::market::{
    Heartbeat, PriceChange, Resync, StreamMarketsRequest, StreamMarketsResponse,
    stream_markets_response::Message,
};
use futures::{StreamExt, stream::BoxStream};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    Rpc,
    convert::{self, Collaterals},
    page,
};
use crate::{
    domain::market::MarketId,
    error::Error,
    metrics::Subscriber,
    operations::{Change, Markets, StreamItem, StreamPosition},
};

const MAX_MARKETS: usize = 100;

/// The messages of one stream.
pub(crate) type Messages = BoxStream<'static, Result<StreamMarketsResponse, Status>>;

/// One subscriber.
pub(super) struct Session {
    markets: Markets,
    collaterals: Collaterals,
    chain: ChainId,
    only: BTreeSet<MarketId>,
    binding: String,
    changed: watch::Receiver<u64>,
    heartbeat: Duration,
    stopping: CancellationToken,
    beginning: StreamItem,
}

enum Wake {
    Change,
    Silence,
    End,
}

impl Session {
    /// Checks the request.
    pub(super) async fn open(rpc: &Rpc, request: StreamMarketsRequest) -> Result<Self, Error> {
        let StreamMarketsRequest { market_ids, chain_id, cursor } = request;
        if market_ids.len() > MAX_MARKETS {
            let problem = format!("has {} entries, at most {MAX_MARKETS} are allowed", market_ids.len());
            return Err(Error::field("market_ids", problem));
        }
        let id = |text: &String| {
            text.parse().map_err(|problem| Error::field("market_ids", format!("{text:?} {problem}")))
        };
        let only = market_ids.iter().map(id).collect::<Result<BTreeSet<MarketId>, Error>>()?;
        let (chain, changed) = rpc.markets.feed(chain_id)?;
        let binding = format!("StreamMarkets {chain} {only:?}");
        let cursor = match cursor.as_str() {
            "" => None,
            text => {
                Some(page::decode(text, &binding).map_err(|problem| Error::Cursor(cursor_problem(problem)))?)
            }
        };
        let beginning = rpc.markets.begin(chain, cursor).await?;
        Ok(Self {
            markets: rpc.markets.clone(),
            collaterals: rpc.collaterals.clone(),
            chain,
            only,
            binding,
            changed,
            heartbeat: rpc.heartbeat,
            stopping: rpc.stopping.clone(),
            beginning,
        })
    }

    pub(super) fn messages(mut self) -> Messages {
        let subscriber = Subscriber::begin();
        let stream = async_stream::try_stream! {
            let mut at = self.beginning.clone();
            let mut silent_since = Instant::now();
            yield self.message(at.clone());
            loop {
                self.changed.borrow_and_update();
                loop {
                    let page = self.markets.changes(self.chain, at.position, &self.only).await?;
                    let news = !page.items.is_empty();
                    for item in page.items {
                        yield self.message(item);
                    }
                    if !news && page.end.position != at.position {
                        yield self.message(page.end.clone());
                    }
                    if news || page.end.position != at.position {
                        silent_since = Instant::now();
                    }
                    at = page.end;
                    if !page.more {
                        break;
                    }
                }
                match self.wait(silent_since).await {
                    Wake::Change => {}
                    Wake::Silence => {
                        silent_since = Instant::now();
                        yield self.message(at.clone());
                    }
                    Wake::End => break,
                }
            }
            drop(subscriber);
        };
        stream.boxed()
    }

    async fn wait(&mut self, silent_since: Instant) -> Wake {
        tokio::select! {
            () = self.stopping.cancelled() => Wake::End,
            changed = self.changed.changed() => if changed.is_ok() { Wake::Change } else { Wake::End },
            () = tokio::time::sleep_until(silent_since + self.heartbeat) => Wake::Silence,
        }
    }

    fn message(&self, item: StreamItem) -> StreamMarketsResponse {
        let StreamItem { position, chain, block, finalized, change } = item;
        let message = match change {
            Change::Market(market) => Message::Market(Box::new(self.collaterals.market(*market))),
            Change::Trade(id, trade) => Message::Trade(convert::trade(chain, id, *trade)),
            Change::Prices(id, block, state) => Message::Price(PriceChange {
                market_id: id.to_string(),
                point: Some(convert::price_point(block, &state)),
            }),
            Change::Resync(last_valid) => {
                Message::Resync(Resync { last_valid_block: last_valid.map(convert::block) })
            }
            Change::Nothing => Message::Heartbeat(Heartbeat {}),
        };
        StreamMarketsResponse {
            cursor: page::encode::<StreamPosition>(&position, &self.binding),
            as_of: Some(convert::as_of_block(chain, block, finalized)),
            epoch: position.epoch(),
            sequence: position.sequence,
            message: Some(message),
        }
    }
}

fn cursor_problem(problem: capstan_primitives::PageTokenError) -> String {
    match problem {
        capstan_primitives::PageTokenError::Malformed => {
            "not a cursor of this server; use the cursor of an earlier message unchanged".into()
        }
        capstan_primitives::PageTokenError::OtherRequest => {
            "a cursor of another request; repeat the chain and the market ids that gave it".into()
        }
    }
}

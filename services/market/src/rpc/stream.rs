//! `StreamMarkets`: what changed is read from the tables, so a subscriber costs no memory and any
//! place can be resumed.

use std::time::Duration;

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
    filters, page,
};
use crate::{
    error::Error,
    metrics::Subscriber,
    operations::{ActivityOf, Change, Markets, StreamItem, StreamPosition, Wanted},
};

/// The messages of one stream.
pub(crate) type Messages = BoxStream<'static, Result<StreamMarketsResponse, Status>>;

/// One subscriber.
pub(super) struct Session {
    markets: Markets,
    collaterals: Collaterals,
    chain: ChainId,
    wanted: Wanted,
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
        let StreamMarketsRequest { market_ids, chain_id, cursor, kinds } = request;
        let wanted = filters::wanted(&market_ids, &kinds)?;
        let (chain, changed) = rpc.markets.feed(chain_id)?;
        let binding = format!("StreamMarkets {chain} {wanted:?}");
        let cursor = match cursor.as_str() {
            "" => None,
            text => {
                Some(page::decode(text, &binding).map_err(|problem| Error::Cursor(cursor_problem(problem)))?)
            }
        };
        let wanted = rpc.markets.with_ids(chain, wanted).await?;
        let beginning = rpc.markets.begin(chain, cursor).await?;
        Ok(Self {
            markets: rpc.markets.clone(),
            collaterals: rpc.collaterals.clone(),
            chain,
            wanted,
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
                    let page = self.markets.changes(self.chain, at.position, &self.wanted).await?;
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
        let mut market_events = Vec::new();
        let message = match change {
            Change::Market(market, events) => {
                market_events.extend(events.into_iter().map(convert::market_event));
                Message::Market(Box::new(self.collaterals.market(*market)))
            }
            Change::Trade(id, trade) => Message::Trade(convert::trade(chain, id, *trade)),
            Change::Liquidity(id, activity) => {
                let of = ActivityOf { chain, market_id: Some(id), activity: *activity };
                Message::Liquidity(convert::activity(of))
            }
            Change::Prices(id, block, state) => Message::Price(PriceChange {
                market_id: id.to_string(),
                point: Some(convert::price_point(block, &state)),
            }),
            Change::Position(change, block) => {
                Message::Position(convert::position_change(chain, block, *change))
            }
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
            market_events,
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
            "a cursor of another request; repeat the chain, the market ids and the kinds that gave it".into()
        }
    }
}

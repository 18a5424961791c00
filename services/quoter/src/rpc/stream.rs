//! `StreamQuotes`: a quote that is made again in every block.

use std::sync::Arc;

use capstan_primitives::ChainId;
use capstan_proto::quoter::{StreamQuotesRequest, StreamQuotesResponse, stream_quotes_response::Message};
use futures::{StreamExt, stream::BoxStream};
use tokio::time::Instant;
use tonic::Status;

use super::{Rpc, convert, request};
use crate::{domain::quote::Ask, error::Error, operations::Answer};

/// The messages of one stream.
pub(crate) type Quotes = BoxStream<'static, Result<StreamQuotesResponse, Status>>;

/// Opens a stream.
pub(super) fn open(rpc: &Rpc, request: StreamQuotesRequest) -> Result<Quotes, Error> {
    let (chain_id, ask) = request::ask(request.quote, "quote.")?;
    let chain = rpc.quoter.chain(chain_id)?.live.chain;
    Ok(messages(rpc.clone(), chain, ask).boxed())
}

fn messages(
    rpc: Rpc,
    chain: ChainId,
    ask: Ask,
) -> impl futures::Stream<Item = Result<StreamQuotesResponse, Status>> + Send {
    async_stream::try_stream! {
        let mut changes = rpc.quoter.chain(chain.0)?.live.changes();
        let (mut last, mut silent_since): (Option<Arc<Answer>>, _) = (None, Instant::now());
        loop {
            changes.borrow_and_update();
            let answer = rpc.quoter.quote(rpc.quoter.chain(chain.0)?, &ask).await?;
            let is_same = last.as_ref().is_some_and(|last| last.says_as(&answer));
            let is_silent = silent_since.elapsed() >= rpc.heartbeat;
            if !is_same || is_silent {
                silent_since = Instant::now();
                let message = match is_same {
                    true => Message::Heartbeat(convert::as_of(&answer.snapshot)),
                    false => Message::Quote(Box::new(convert::quote(&rpc.quoter, &ask, &answer))),
                };
                yield StreamQuotesResponse { message: Some(message) };
            }
            last = Some(answer);
            tokio::select! {
                () = rpc.stopping.cancelled() => break,
                changed = changes.changed() => if changed.is_err() { break },
                () = tokio::time::sleep_until(silent_since + rpc.heartbeat) => {}
            }
        }
    }
}

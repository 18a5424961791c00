//! How long after a node announces a block a subscriber has all its events.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy::providers::{Provider, ProviderBuilder, WsConnect};
use anyhow::{Context, Result};
use capstan_proto::indexer::{StreamEventsResponse, stream_events_response::Message};
use futures::StreamExt;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::Streaming;

use crate::{indexer::Indexer, node::Node, options::LOGS_A_BLOCK, replay, report::Latencies};

const BLOCK_INTERVAL: Duration = Duration::from_millis(100);
/// Longest wait for the last event after the last block.
const GRACE: Duration = Duration::from_secs(30);

/// When each block was seen complete.
type Seen = BTreeMap<u64, Instant>;

/// Mines so many full blocks on `node`, which `indexer` follows, and compares our own subscription to the node's heads
/// with a subscription to the indexer's events.
pub(crate) async fn run(node: &mut Node, indexer: &Indexer, blocks: u64) -> Result<Latencies> {
    let last = node.height() + blocks;
    let provider = ProviderBuilder::new().connect_ws(WsConnect::new(node.ws_url())).await?;
    let heads = provider.subscribe_blocks().await?.into_stream();
    let events = replay::open(&mut indexer.client()).await?;
    let limit = BLOCK_INTERVAL * u32::try_from(blocks)? * 2 + GRACE;
    let watched =
        async { tokio::try_join!(announced(heads, last), delivered(events, last), mine(node, blocks)) };
    let (announced, delivered, ()) = timeout(limit, watched).await.context("the last event never came")??;
    let mut waits: Vec<f64> = Vec::new();
    for (block, announced) in announced {
        let delivered = delivered.get(&block).with_context(|| format!("block {block} was not delivered"))?;
        // The indexer may have heard of the block before us.
        waits.push(delivered.saturating_duration_since(announced).as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    Ok(Latencies { p50: percentile(&waits, 50)?, p99: percentile(&waits, 99)? })
}

async fn mine(node: &mut Node, blocks: u64) -> Result<()> {
    let mut ticks = interval(BLOCK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..blocks {
        ticks.tick().await;
        node.extend(1).await?;
    }
    Ok(())
}

async fn announced(
    mut heads: impl futures::Stream<Item = alloy::rpc::types::Header> + Unpin,
    last: u64,
) -> Result<Seen> {
    let mut seen = Seen::new();
    while !seen.contains_key(&last) {
        let head = heads.next().await.context("the node's subscription ended")?;
        seen.insert(head.number, Instant::now());
    }
    Ok(seen)
}

async fn delivered(mut events: Streaming<StreamEventsResponse>, last: u64) -> Result<Seen> {
    let mut seen = Seen::new();
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    while !seen.contains_key(&last) {
        let message = events.message().await?.context("the indexer's stream ended")?.message;
        let now = Instant::now();
        let Some(Message::Events(batch)) = message else { continue };
        for event in batch.events {
            let block = event.block.context("an event without a block")?.number;
            let count = counts.entry(block).or_default();
            *count += 1;
            if *count == LOGS_A_BLOCK {
                seen.insert(block, now);
            }
        }
    }
    Ok(seen)
}

/// The smallest value that so many of a hundred do not exceed, of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> Result<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let waits: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&waits, 50).unwrap(), percentile(&waits, 99).unwrap()), (100.0, 198.0));
        assert_eq!(percentile(&[7.0], 99).unwrap(), 7.0);
        assert!(percentile(&[], 50).is_err());
    }
}

//! What the indexer counts and logs, one function per event.

use capstan_primitives::{Address, BlockRef, ChainId};
use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use crate::{
    domain::{Quarantined, Undo},
    error::Error,
};

/// Blocks were indexed.
pub(crate) fn indexed(chain: ChainId, block: BlockRef, blocks: u64, events: usize) {
    let label = chain.to_string();
    counter!("indexer_blocks_processed", "chain" => label.clone()).increment(blocks);
    counter!("indexer_events_total", "chain" => label.clone())
        .increment(u64::try_from(events).unwrap_or_default());
    gauge!("indexer_indexed_block", "chain" => label).set(height(block.number));
    debug!(chain = chain.0, block = block.number, blocks, events, "indexed blocks");
}

/// The node announced a head.
pub(crate) fn head(chain: ChainId, head: u64, indexed: Option<u64>) {
    let lag = indexed.map_or(head, |indexed| head.saturating_sub(indexed));
    gauge!("indexer_head_block", "chain" => chain.to_string()).set(height(head));
    gauge!("indexer_lag_blocks", "chain" => chain.to_string()).set(height(lag));
}

/// Blocks left the chain.
pub(crate) fn reorg(chain: ChainId, undo: &Undo) {
    counter!("indexer_reorgs_total", "chain" => chain.to_string()).increment(1);
    counter!("indexer_reorged_blocks_total", "chain" => chain.to_string()).increment(undo.depth);
    info!(chain = chain.0, last_valid = undo.last_valid.number, depth = undo.depth, "reorg");
}

/// A log did not decode as its ABI says.
pub(crate) fn quarantined(chain: ChainId, entry: &Quarantined) {
    counter!("indexer_decode_failures_total", "chain" => chain.to_string()).increment(1);
    let (block, log_index) = (entry.log.block_number, entry.log.log_index);
    warn!(chain = chain.0, block, log_index, address = %entry.log.address, reason = entry.reason, "log quarantined");
}

/// Following the chain failed and is tried again.
pub(crate) fn retrying(chain: ChainId, error: &Error, wait_ms: u128) {
    counter!("indexer_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, wait_ms, "following the chain failed; trying again");
}

/// Following the chain failed for good.
pub(crate) fn halted(chain: ChainId, error: &Error) {
    gauge!("indexer_halted", "chain" => chain.to_string()).set(1.0);
    error!(chain = chain.0, %error, "chain halted until an operator acts");
}

/// What the log had of a block is not what the block's hash proves.
pub(crate) fn wrong_block(chain: ChainId, number: u64) {
    counter!("indexer_wrong_blocks_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, number, "a node told of logs that are not in the block; indexing it again");
}

/// Part of the history of a contract that came late is in the log.
pub(crate) fn history(chain: ChainId, contract: Address, through: u64, events: usize) {
    counter!("indexer_history_events_total", "chain" => chain.to_string())
        .increment(u64::try_from(events).unwrap_or_default());
    info!(chain = chain.0, %contract, through, events, "added history");
}

/// A consumer said how far it is.
pub(crate) fn consumer_lag(consumer: &str, chain: ChainId, blocks: u64) {
    let labels = [("consumer", consumer.to_owned()), ("chain", chain.to_string())];
    gauge!("indexer_consumer_lag_blocks", &labels).set(height(blocks));
}

/// A client opened or closed an event stream.
pub(crate) fn subscribers(change: f64) {
    gauge!("indexer_subscribers").increment(change);
}

#[expect(clippy::cast_precision_loss, reason = "heights are far below 2^52")]
fn height(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash};
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn the_names_are_those_that_dashboards_know() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (chain, block) = (ChainId(1), BlockRef { number: 7, hash: Hash::ZERO, time: BlockTime(0) });
        ::metrics::with_local_recorder(&recorder, || {
            indexed(chain, block, 3, 5);
            head(chain, 9, Some(7));
            reorg(chain, &Undo { fork: 1, last_valid: block, depth: 2 });
            retrying(chain, &Error::ChainNotNamed(0), 1);
            halted(chain, &Error::OtherWriter(chain));
            subscribers(1.0);
        });
        let page = recorder.handle().render();
        for line in [
            "indexer_blocks_processed{chain=\"1\"} 3",
            "indexer_events_total{chain=\"1\"} 5",
            "indexer_indexed_block{chain=\"1\"} 7",
            "indexer_head_block{chain=\"1\"} 9",
            "indexer_lag_blocks{chain=\"1\"} 2",
            "indexer_reorgs_total{chain=\"1\"} 1",
            "indexer_reorged_blocks_total{chain=\"1\"} 2",
            "indexer_failures_total{chain=\"1\"} 1",
            "indexer_halted{chain=\"1\"} 1",
            "indexer_subscribers 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}

//! What the indexer counts and logs, one function per event.

use std::{collections::BTreeMap, time::Duration};

use capstan_chain::{ChainError, Disputes, EndpointState, EndpointStatus};
use capstan_primitives::{Address, BlockRef, ChainId};
use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::{
    domain::{Quarantined, Reread, TransactionState, Undo, WatchedTransaction},
    error::Error,
};

/// What was added to a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) blocks: u64,
    pub(crate) events: usize,
    /// Rows of all tables.
    pub(crate) rows: usize,
}

/// Blocks were indexed.
pub(crate) fn indexed(chain: ChainId, block: BlockRef, appended: Appended) {
    let Appended { blocks, events, rows } = appended;
    let label = chain.to_string();
    let count = |number| u64::try_from(number).unwrap_or_default();
    counter!("indexer_blocks_processed", "chain" => label.clone()).increment(blocks);
    counter!("indexer_events_total", "chain" => label.clone()).increment(count(events));
    counter!("indexer_rows_total", "chain" => label.clone()).increment(count(rows));
    gauge!("indexer_indexed_block", "chain" => label).set(height(block.number));
    debug!(chain = chain.0, block = block.number, blocks, events, "indexed blocks");
}

/// The node answered a request for logs with this many bytes; 0 where they are not counted.
pub(crate) fn answered(chain: ChainId, bytes: u64) {
    if bytes > 0 {
        histogram!("indexer_batch_bytes", "chain" => chain.to_string()).record(height(bytes));
    }
}

/// How far reading history has come.
pub(crate) fn syncing(chain: ChainId, line: &str) {
    info!(chain = chain.0, "{line}");
}

/// What is seen of the endpoints of a chain.
pub(crate) fn endpoints(chain: ChainId, endpoints: Vec<EndpointStatus>) {
    for endpoint in endpoints {
        let EndpointStatus { url, state, latency, errors, lies, rate_limited, .. } = endpoint;
        let labels = [("chain", chain.to_string()), ("endpoint", url)];
        let is_up = matches!(state, EndpointState::Ready | EndpointState::Lagging);
        gauge!("indexer_endpoint_up", &labels).set(if is_up { 1.0 } else { 0.0 });
        gauge!("indexer_endpoint_latency_seconds", &labels).set(latency.as_secs_f64());
        counter!("indexer_endpoint_errors_total", &labels).absolute(errors);
        counter!("indexer_endpoint_lies_total", &labels).absolute(lies);
        counter!("indexer_endpoint_rate_limited_total", &labels).absolute(rate_limited);
    }
}

/// How often the endpoints of a chain did not confirm each other.
pub(crate) fn disputes(chain: ChainId, disputes: Disputes) {
    let Disputes { disagreements, unwitnessed } = disputes;
    counter!("indexer_disagreements_total", "chain" => chain.to_string()).absolute(disagreements);
    counter!("indexer_unwitnessed_total", "chain" => chain.to_string()).absolute(unwitnessed);
}

/// History comes from an endpoint that nobody confirms.
pub(crate) fn believed(chain: ChainId) {
    warn!(
        chain = chain.0,
        "final blocks are believed as the only endpoint tells them: add one of another provider to rpc_urls, or \
         set [indexer] verify_history = \"receipts\""
    );
}

/// No node of a chain that was indexed before answers at the start.
pub(crate) fn away(chain: ChainId, error: &ChainError) {
    warn!(chain = chain.0, %error, "no endpoint answers; the chain is served as it is and looked for");
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
    histogram!("indexer_reorg_depth_blocks", "chain" => chain.to_string()).record(height(undo.depth));
    info!(chain = chain.0, last_valid = undo.last_valid.number, depth = undo.depth, "reorg");
}

/// A log did not decode as its ABI says.
pub(crate) fn quarantined(chain: ChainId, entry: &Quarantined) {
    counter!("indexer_decode_failures_total", "chain" => chain.to_string()).increment(1);
    let (block, log_index) = (entry.log.block_number, entry.log.log_index);
    warn!(chain = chain.0, block, log_index, address = %entry.log.address, reason = entry.reason, "log quarantined");
}

/// Logs of a contract are read otherwise than they were.
pub(crate) fn reread(chain: ChainId, address: Address, of: &Reread) {
    let (recovered, failed) = (of.moved.events.len(), of.moved.quarantined.len());
    if failed > 0 {
        let more = u64::try_from(failed).unwrap_or_default();
        counter!("indexer_decode_failures_total", "chain" => chain.to_string()).increment(more);
        warn!(chain = chain.0, %address, failed, "logs that no longer decode go into the quarantine");
    }
    if recovered > 0 {
        info!(chain = chain.0, %address, recovered, "logs that decode now leave the quarantine");
    }
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

/// So many blocks are to be looked at again before they may be final.
pub(crate) fn unaudited(chain: ChainId, blocks: u64) {
    gauge!("indexer_unaudited_blocks", "chain" => chain.to_string()).set(height(blocks));
}

/// A node could not say whether blocks are as they are in the log.
pub(crate) fn audit_failed(chain: ChainId, error: &ChainError) {
    counter!("indexer_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, "blocks could not be proved and are not final; trying again");
}

/// What is called final is not what the log has, or endpoints disagree on it.
pub(crate) fn disputed(chain: ChainId, error: &ChainError) {
    counter!("indexer_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, "blocks are not final yet; looking again");
}

/// Part of the history of a contract that came late is in the log.
pub(crate) fn history(chain: ChainId, contract: Address, through: u64, events: usize) {
    counter!("indexer_history_events_total", "chain" => chain.to_string())
        .increment(u64::try_from(events).unwrap_or_default());
    info!(chain = chain.0, %contract, through, events, "added history");
}

/// History of a contract that came late cannot be read and is tried again; the chain is followed meanwhile.
pub(crate) fn history_failed(chain: ChainId, contract: Address, error: &Error, wait_ms: u128) {
    counter!("indexer_history_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %contract, %error, wait_ms, "history of a contract cannot be read; trying again");
}

/// An operator changed what had halted a chain.
pub(crate) fn resumed(chain: ChainId) {
    gauge!("indexer_halted", "chain" => chain.to_string()).set(0.0);
}

/// The oldest block that is kept is `earliest`, `blocks` more than before are not.
pub(crate) fn pruned(chain: ChainId, earliest: u64, blocks: u64) {
    counter!("indexer_pruned_blocks_total", "chain" => chain.to_string()).increment(blocks);
    gauge!("indexer_earliest_block", "chain" => chain.to_string()).set(height(earliest));
    debug!(chain = chain.0, earliest, blocks, "blocks are no longer kept");
}

/// Partitions of the log were dropped.
pub(crate) fn dropped(chain: ChainId, partitions: u64) {
    counter!("indexer_pruned_partitions_total", "chain" => chain.to_string()).increment(partitions);
    if partitions > 0 {
        info!(chain = chain.0, partitions, "dropped partitions of the log");
    }
}

/// What is no longer to be kept could not be let go and stays for another while.
pub(crate) fn retention_failed(chain: ChainId, error: &Error) {
    counter!("indexer_retention_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, "old blocks could not be let go; trying again later");
}

/// This process writes the log of a chain from here on, or does so no more.
pub(crate) fn writes(chain: ChainId, writer: bool) {
    gauge!("indexer_writer", "chain" => chain.to_string()).set(if writer { 1.0 } else { 0.0 });
    resumed(chain);
    info!(chain = chain.0, writer, "writer of the chain");
}

/// How far a consumer is.
pub(crate) fn consumer_lag(consumer: &str, chain: ChainId, blocks: u64) {
    let labels = [("consumer", consumer.to_owned()), ("chain", chain.to_string())];
    gauge!("indexer_consumer_lag_blocks", &labels).set(height(blocks));
}

/// A consumer is forgotten, or does not read this chain any more.
pub(crate) fn consumer_gone(consumer: &str, chain: ChainId) {
    let labels = [("consumer", consumer.to_owned()), ("chain", chain.to_string())];
    gauge!("indexer_consumer_lag_blocks", &labels).set(f64::NAN);
}

/// Records were published to a broker, all through this block.
pub(crate) fn published(chain: ChainId, records: usize, block: u64) {
    let label = chain.to_string();
    counter!("indexer_kafka_records_total", "chain" => label.clone())
        .increment(u64::try_from(records).unwrap_or_default());
    gauge!("indexer_kafka_published_block", "chain" => label).set(height(block));
}

/// Publishing to a broker failed and is tried again.
pub(crate) fn publishing_failed(chain: ChainId, error: &Error, wait_ms: u128) {
    counter!("indexer_kafka_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, wait_ms, "publishing the log failed; trying again");
}

/// The log is published anew, as what was published cannot be continued.
pub(crate) fn publishing_anew(chain: ChainId, reason: &Error) {
    warn!(chain = chain.0, %reason, "publishing the log anew");
}

/// The log is published from this block on, as its beginning is no longer kept.
pub(crate) fn publishing_rest(chain: ChainId, earliest: u64) {
    warn!(
        chain = chain.0,
        earliest, "publishing what is kept of the log; readers that need its beginning stop"
    );
}

/// A transaction was registered.
pub(crate) fn registered(chain: ChainId) {
    counter!("indexer_transactions_registered_total", "chain" => chain.to_string()).increment(1);
}

/// What became of a registered transaction is not what it was.
pub(crate) fn transaction(from: &WatchedTransaction, to: &WatchedTransaction) {
    let (chain, state) = (to.chain_id.to_string(), to.fate.state());
    let labels = [("chain", chain.clone()), ("state", name(state).to_owned())];
    counter!("indexer_transaction_changes_total", &labels).increment(1);
    if state == TransactionState::Mined && from.fate.state() != TransactionState::Mined {
        let since = u64::try_from(to.changed_at.saturating_sub(to.registered_at)).unwrap_or_default();
        let seconds = Duration::from_millis(since).as_secs_f64();
        histogram!("indexer_transaction_mined_seconds", "chain" => chain).record(seconds);
    }
    debug!(chain = to.chain_id.0, transaction = %to.id, state = name(state), "transaction changed");
}

/// How many registered transactions can still change, by state.
pub(crate) fn open_transactions(chain: ChainId, states: &BTreeMap<TransactionState, u64>) {
    for state in OPEN_STATES {
        let labels = [("chain", chain.to_string()), ("state", name(state).to_owned())];
        gauge!("indexer_open_transactions", &labels)
            .set(height(states.get(&state).copied().unwrap_or_default()));
    }
}

/// Registered transactions were deleted that nobody expected anything of any more.
pub(crate) fn forgotten(chain: ChainId, transactions: u64) {
    counter!("indexer_transactions_forgotten_total", "chain" => chain.to_string()).increment(transactions);
    if transactions > 0 {
        debug!(chain = chain.0, transactions, "transactions forgotten");
    }
}

/// Following registered transactions failed and is tried again.
pub(crate) fn transactions_retrying(chain: ChainId, error: &Error, wait_ms: u128) {
    counter!("indexer_transaction_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, wait_ms, "following registered transactions failed; trying again");
}

/// Keeping pools level with the log failed and is tried again.
pub(crate) fn pools_retrying(chain: ChainId, error: &Error, wait_ms: u128) {
    counter!("indexer_pool_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, %error, wait_ms, "keeping pools level with the log failed; trying again");
}

const OPEN_STATES: [TransactionState; 5] = [
    TransactionState::Unknown,
    TransactionState::Pending,
    TransactionState::Mined,
    TransactionState::Replaced,
    TransactionState::Dropped,
];

const fn name(state: TransactionState) -> &'static str {
    match state {
        TransactionState::Unknown => "unknown",
        TransactionState::Pending => "pending",
        TransactionState::Mined => "mined",
        TransactionState::Final => "final",
        TransactionState::Replaced => "replaced",
        TransactionState::Dropped => "dropped",
    }
}

/// What a subscriber of an event stream gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscriberMode {
    /// What is new.
    Live,
    /// What was there before.
    Replay,
}

/// A client opened or closed an event stream, or gets something else from it than before.
pub(crate) fn subscribers(mode: SubscriberMode, change: f64) {
    let mode = match mode {
        SubscriberMode::Live => "live",
        SubscriberMode::Replay => "replay",
    };
    gauge!("indexer_subscribers", "mode" => mode).increment(change);
}

#[expect(clippy::cast_precision_loss, reason = "heights are far below 2^52")]
fn height(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;

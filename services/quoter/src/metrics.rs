//! What the quoter counts and logs, one function per event.

use std::{error::Error, time::Duration};

use capstan_primitives::{Address, BlockRef, ChainId};
use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::domain::{
    change::Unusable,
    pool::{PoolId, Protocol},
    token::Verdict,
};

/// Events were applied.
pub(crate) fn applied(chain: ChainId, block: BlockRef, events: usize) {
    let label = chain.to_string();
    counter!("quoter_events_total", "chain" => label.clone())
        .increment(events.try_into().unwrap_or_default());
    let number = u32::try_from(block.number).map_or(f64::from(u32::MAX), f64::from);
    gauge!("quoter_state_block", "chain" => label).set(number);
    debug!(chain = chain.0, block = block.number, events, "applied events");
}

/// An event could not be applied; its pool is not used any more.
pub(crate) fn unusable(
    chain: ChainId,
    (block, log_index): (BlockRef, u32),
    address: Address,
    why: &Unusable,
) {
    counter!("quoter_unusable_events_total", "chain" => chain.to_string()).increment(1);
    warn!(
        chain = chain.0,
        block = block.number,
        block_hash = %block.hash,
        log_index,
        %address,
        reason = %why,
        "event not applied"
    );
}

/// Blocks were taken back.
pub(crate) fn undone(chain: ChainId, last_valid: Option<BlockRef>) {
    counter!("quoter_reorgs_total", "chain" => chain.to_string()).increment(1);
    info!(chain = chain.0, last_valid = last_valid.map(|block| block.number), "reorg");
}

/// The state is made again from the beginning of the log.
pub(crate) fn reset(chain: ChainId) {
    counter!("quoter_resets_total", "chain" => chain.to_string()).increment(1);
    error!(chain = chain.0, "the state is made again from the beginning of the log");
}

/// The state stands still until an operator acts, or does so no more.
pub(crate) fn halted(chain: ChainId, is_halted: bool) {
    gauge!("quoter_halted", "chain" => chain.to_string()).set(if is_halted { 1.0 } else { 0.0 });
}

/// A quote was computed.
pub(crate) fn quoted(chain: ChainId, status: &'static str, took: Duration) {
    let label = chain.to_string();
    counter!("quoter_quotes_total", "chain" => label.clone(), "status" => status).increment(1);
    histogram!("quoter_quote_seconds", "chain" => label).record(took.as_secs_f64());
}

/// A quote was answered from the cache.
pub(crate) fn cached(chain: ChainId) {
    counter!("quoter_cache_hits_total", "chain" => chain.to_string()).increment(1);
}

/// A quote was refused because too many wait.
pub(crate) fn overloaded() {
    counter!("quoter_overloaded_total").increment(1);
}

/// The fees after a block are known.
pub(crate) fn gas_learnt(chain: ChainId, block: BlockRef, took: Duration) {
    let number = u32::try_from(block.number).map_or(f64::from(u32::MAX), f64::from);
    gauge!("quoter_gas_block", "chain" => chain.to_string()).set(number);
    histogram!("quoter_gas_refresh_seconds", "chain" => chain.to_string()).record(took.as_secs_f64());
    debug!(chain = chain.0, block = block.number, "learnt what gas costs");
}

/// The fees after the newest block are not known yet.
pub(crate) fn gas_delayed(chain: ChainId, error: &(dyn Error + 'static)) {
    counter!("quoter_gas_refresh_failures_total", "chain" => chain.to_string()).increment(1);
    debug!(chain = chain.0, error, "do not know yet what gas costs");
}

/// The fees after the newest block again could not be learnt; the last ones stay.
pub(crate) fn gas_unknown(chain: ChainId, error: &(dyn Error + 'static)) {
    counter!("quoter_gas_refresh_failures_total", "chain" => chain.to_string()).increment(1);
    warn!(chain = chain.0, error, "cannot learn what gas costs");
}

/// A quote was held against the contracts.
pub(crate) fn verified(chain: ChainId, is_different: bool) {
    let outcome = if is_different { "different" } else { "equal" };
    counter!("quoter_verified_total", "chain" => chain.to_string(), "outcome" => outcome).increment(1);
    // Anybody can ask about a quote that was never given.
    info!(chain = chain.0, is_different, "held a quote against the contracts");
}

/// Pools were held against their contracts.
pub(crate) fn compared(chain: ChainId, pools: usize) {
    let pools = pools.try_into().unwrap_or_default();
    counter!("quoter_compared_pools_total", "chain" => chain.to_string()).increment(pools);
}

/// Pools could not be held against their contracts, or not be read again.
pub(crate) fn not_compared(chain: ChainId, pools: usize, error: &(dyn Error + 'static)) {
    let count = pools.try_into().unwrap_or_default();
    counter!("quoter_compare_failures_total", "chain" => chain.to_string()).increment(count);
    warn!(chain = chain.0, pools, error, "pools not held against their contracts");
}

/// A pool is not as its contract says; it is not used any more.
pub(crate) fn drifted(
    chain: ChainId,
    (pool, protocol): (PoolId, Protocol),
    block: BlockRef,
    difference: &str,
) {
    let labels = [("chain", chain.to_string()), ("protocol", protocol.name().to_owned())];
    counter!("quoter_drift_total", &labels).increment(1);
    error!(
        chain = chain.0,
        protocol = protocol.name(),
        %pool,
        block = block.number,
        block_hash = %block.hash,
        difference,
        "pool drifted"
    );
}

/// A pool that drifted is as its contract said.
pub(crate) fn repaired(chain: ChainId, (pool, protocol): (PoolId, Protocol), block: BlockRef) {
    let labels = [("chain", chain.to_string()), ("protocol", protocol.name().to_owned())];
    counter!("quoter_resyncs_total", &labels).increment(1);
    info!(
        chain = chain.0,
        protocol = protocol.name(),
        %pool,
        block = block.number,
        block_hash = %block.hash,
        "pool resynchronised"
    );
}

/// A token was tried out.
pub(crate) fn token_checked(chain: ChainId, token: Address, verdict: &Verdict) {
    let labels = [("chain", chain.to_string()), ("verdict", verdict.name().to_owned())];
    counter!("quoter_token_checks_total", &labels).increment(1);
    match verdict {
        Verdict::Exact => debug!(chain = chain.0, %token, "all of a token arrives"),
        Verdict::TakesFee => warn!(chain = chain.0, %token, "token takes a fee on transfer; it is refused"),
        Verdict::Unknown(reason) => {
            info!(chain = chain.0, %token, reason, "cannot tell whether a token takes a fee on transfer");
        }
    }
}

/// A token could not be tried out because no node answered.
pub(crate) fn token_unchecked(chain: ChainId, error: &(dyn Error + 'static)) {
    counter!("quoter_token_check_failures_total", "chain" => chain.to_string()).increment(1);
    debug!(chain = chain.0, error, "token not tried out");
}

/// A transaction was made of a quote, or none was.
pub(crate) fn swap_built(chain: ChainId, router: Option<&'static str>, outcome: &'static str) {
    let router = router.unwrap_or("none");
    counter!("quoter_swaps_built_total", "chain" => chain.to_string(), "router" => router, "outcome" => outcome)
        .increment(1);
}

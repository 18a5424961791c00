//! What the market counts and logs, one function per event.

use std::time::Duration;

use capstan_primitives::{BlockRef, ChainId};
use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::domain::event::{Origin, Unusable};

/// Events were applied.
pub(crate) fn applied(chain: ChainId, block: BlockRef, events: usize, took: Duration) {
    let label = chain.to_string();
    counter!("market_events_total", "chain" => label.clone())
        .increment(events.try_into().unwrap_or_default());
    histogram!("market_apply_seconds", "chain" => label).record(took.as_secs_f64());
    through(chain, block);
    debug!(chain = chain.0, block = block.number, events, "applied events");
}

/// Everything through a block is in the tables.
pub(crate) fn through(chain: ChainId, block: BlockRef) {
    let number = u32::try_from(block.number).map_or(f64::from(u32::MAX), f64::from);
    gauge!("market_projected_block", "chain" => chain.to_string()).set(number);
}

/// Blocks were taken back.
pub(crate) fn undone(chain: ChainId, last_valid: Option<BlockRef>) {
    counter!("market_reorgs_total", "chain" => chain.to_string()).increment(1);
    info!(chain = chain.0, last_valid = last_valid.map(|block| block.number), "reorg");
}

/// The projection starts from the beginning, because the event log is another one.
pub(crate) fn reset(chain: ChainId) {
    counter!("market_resets_total", "chain" => chain.to_string()).increment(1);
    error!(chain = chain.0, "the event log was replaced; everything is projected again");
}

/// The projection stands still until an operator acts, or does so no more.
pub(crate) fn halted(chain: ChainId, is_halted: bool) {
    gauge!("market_halted", "chain" => chain.to_string()).set(if is_halted { 1.0 } else { 0.0 });
}

/// An event could not be used.
pub(crate) fn quarantined(chain: ChainId, origin: &Origin, why: &Unusable) {
    counter!("market_quarantined_events_total", "chain" => chain.to_string()).increment(1);
    warn!(
        chain = chain.0,
        block = origin.block.number,
        block_hash = %origin.block.hash,
        log_index = origin.log_index,
        address = %origin.address,
        kind = origin.kind,
        reason = %why,
        "event quarantined"
    );
}

/// A stream of changes; counted as long as this value lives.
#[derive(Debug)]
pub(crate) struct Subscriber;

impl Subscriber {
    /// One more.
    pub(crate) fn begin() -> Self {
        gauge!("market_stream_subscribers").increment(1.0);
        Self
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        gauge!("market_stream_subscribers").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{Arc, Mutex},
    };

    use capstan_primitives::{Address, BlockTime, Hash};
    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::*;

    /// Remembers the names and labels of what is registered.
    #[derive(Default)]
    struct Names(Arc<Mutex<BTreeSet<String>>>);

    impl Names {
        fn add(&self, key: &Key) {
            let labels: Vec<&str> = key.labels().map(metrics::Label::key).collect();
            self.0.lock().unwrap().insert(format!("{}{labels:?}", key.name()));
        }
    }

    impl Recorder for Names {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            self.add(key);
            Counter::noop()
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            self.add(key);
            Gauge::noop()
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            self.add(key);
            Histogram::noop()
        }
    }

    #[test]
    fn dashboards_can_rely_on_the_names() {
        let names = Names::default();
        let block = BlockRef { number: 1, hash: Hash::ZERO, time: BlockTime(0) };
        let transaction = Hash::ZERO.as_bytes().as_slice().try_into().unwrap();
        let (address, kind) = (Address::ZERO, "x.y".to_owned());
        let origin = Origin { position: 1, block, transaction, log_index: 0, address, kind };
        metrics::with_local_recorder(&names, || {
            applied(ChainId(1), block, 1, Duration::ZERO);
            undone(ChainId(1), None);
            reset(ChainId(1));
            halted(ChainId(1), true);
            quarantined(ChainId(1), &origin, &Unusable::Kind);
            drop(Subscriber::begin());
        });
        let found: Vec<String> = names.0.lock().unwrap().iter().cloned().collect();
        let expected = [
            "market_apply_seconds[\"chain\"]",
            "market_events_total[\"chain\"]",
            "market_halted[\"chain\"]",
            "market_projected_block[\"chain\"]",
            "market_quarantined_events_total[\"chain\"]",
            "market_reorgs_total[\"chain\"]",
            "market_resets_total[\"chain\"]",
            "market_stream_subscribers[]",
        ];
        assert_eq!(found, expected);
    }
}

//! The names of the metrics.

use capstan_primitives::{BlockTime, Hash};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

fn endpoint() -> EndpointStatus {
    EndpointStatus {
        url: "http://node".to_owned(),
        role: capstan_chain::Role::Primary,
        state: EndpointState::Ready,
        latency: std::time::Duration::from_millis(250),
        in_flight: 1,
        limit: 8,
        errors: 4,
        lies: 5,
        rate_limited: 6,
    }
}

#[test]
fn the_names_are_those_that_dashboards_know() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let (chain, block) = (ChainId(1), BlockRef { number: 7, hash: Hash::ZERO, time: BlockTime(0) });
    ::metrics::with_local_recorder(&recorder, || {
        indexed(chain, block, Appended { blocks: 3, events: 5, rows: 8 });
        answered(chain, 1_000);
        endpoints(chain, vec![endpoint()]);
        disputes(chain, Disputes { disagreements: 2, unwitnessed: 3 });
        head(chain, 9, Some(7));
        unaudited(chain, 6);
        reorg(chain, &Undo { fork: 1, last_valid: block, depth: 2 });
        retrying(chain, &Error::ChainNotNamed(0), 1);
        history_failed(chain, Address::ZERO, &Error::ChainNotNamed(0), 1);
        halted(chain, &Error::OtherWriter(chain));
        subscribers(SubscriberMode::Live, 1.0);
        subscribers(SubscriberMode::Replay, 2.0);
        published(chain, 5, 7);
        publishing_failed(chain, &Error::OtherWriter(chain), 1);
        writes(ChainId(2), true);
        pruned(chain, 4, 3);
        dropped(chain, 1);
        retention_failed(chain, &Error::ChainNotNamed(0));
        forgotten(chain, 2);
    });
    let page = recorder.handle().render();
    for line in [
        "indexer_blocks_processed{chain=\"1\"} 3",
        "indexer_events_total{chain=\"1\"} 5",
        "indexer_rows_total{chain=\"1\"} 8",
        "indexer_history_failures_total{chain=\"1\"} 1",
        "indexer_batch_bytes_sum{chain=\"1\"} 1000",
        "indexer_reorg_depth_blocks_sum{chain=\"1\"} 2",
        "indexer_endpoint_up{chain=\"1\",endpoint=\"http://node\"} 1",
        "indexer_endpoint_latency_seconds{chain=\"1\",endpoint=\"http://node\"} 0.25",
        "indexer_endpoint_errors_total{chain=\"1\",endpoint=\"http://node\"} 4",
        "indexer_endpoint_lies_total{chain=\"1\",endpoint=\"http://node\"} 5",
        "indexer_endpoint_rate_limited_total{chain=\"1\",endpoint=\"http://node\"} 6",
        "indexer_disagreements_total{chain=\"1\"} 2",
        "indexer_unwitnessed_total{chain=\"1\"} 3",
        "indexer_indexed_block{chain=\"1\"} 7",
        "indexer_head_block{chain=\"1\"} 9",
        "indexer_lag_blocks{chain=\"1\"} 2",
        "indexer_unaudited_blocks{chain=\"1\"} 6",
        "indexer_reorgs_total{chain=\"1\"} 1",
        "indexer_reorged_blocks_total{chain=\"1\"} 2",
        "indexer_failures_total{chain=\"1\"} 1",
        "indexer_halted{chain=\"1\"} 1",
        "indexer_subscribers{mode=\"live\"} 1",
        "indexer_subscribers{mode=\"replay\"} 2",
        "indexer_earliest_block{chain=\"1\"} 4",
        "indexer_pruned_blocks_total{chain=\"1\"} 3",
        "indexer_pruned_partitions_total{chain=\"1\"} 1",
        "indexer_retention_failures_total{chain=\"1\"} 1",
        "indexer_transactions_forgotten_total{chain=\"1\"} 2",
        "indexer_kafka_records_total{chain=\"1\"} 5",
        "indexer_kafka_published_block{chain=\"1\"} 7",
        "indexer_kafka_failures_total{chain=\"1\"} 1",
        "indexer_writer{chain=\"2\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

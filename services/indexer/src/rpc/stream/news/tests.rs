//! What wakes a stream and what does not.

use capstan_primitives::{BlockTime, ChainId, Hash};
use futures::FutureExt;

use super::*;
use crate::{
    domain::{ChainProgress, Rate},
    operations::ChainState,
};

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: Hash::ZERO, time: BlockTime(number) }
}

fn view() -> ChainView {
    let progress = ChainProgress {
        chain_id: ChainId(1),
        log_id: 9,
        fork: 0,
        history: 0,
        writer: 0,
        indexed: Some(block(20)),
        finalized: Some(block(10)),
        first_block: 0,
        earliest: 0,
        earliest_fork: 0,
        forgotten_fork: 0,
        partition_blocks: 1,
        indexed_at: 0,
        events: 0,
        decode_failures: 0,
    };
    ChainView {
        state: ChainState::Live,
        head: None,
        safe: Some(block(15)),
        progress,
        rate: None,
        writer: true,
        contracts: 0,
        problem: String::new(),
        store_fails: false,
        history_problem: String::new(),
    }
}

/// Whether a change wakes streams of latest, safe and final blocks.
async fn wakes(change: impl Fn(&mut ChainView)) -> [bool; 3] {
    let mut woken = [false; 3];
    for (woken, finality) in woken.iter_mut().zip([Finality::Latest, Finality::Safe, Finality::Finalized]) {
        let (publish, view) = watch::channel(view());
        let mut news = News::of(vec![view], finality);
        news.note();
        publish.send_modify(&change);
        *woken = news.wait().now_or_never().is_some();
    }
    woken
}

#[tokio::test]
async fn a_stream_is_woken_by_what_it_can_read_alone() {
    let rate = |view: &mut ChainView| {
        view.rate = Some(Rate { blocks: 1.0, events: 2.0 });
        view.head = Some(block(30));
        view.problem = "the node is away".to_owned();
        view.progress.events += 1;
    };
    assert_eq!(wakes(rate).await, [false; 3]);
    assert_eq!(wakes(|view| view.progress.indexed = Some(block(21))).await, [true, true, false]);
    assert_eq!(wakes(|view| view.safe = Some(block(16))).await, [false, true, false]);
    assert_eq!(wakes(|view| view.progress.finalized = Some(block(11))).await, [true; 3]);
    assert_eq!(wakes(|view| view.progress.fork += 1).await, [true; 3]);
    assert_eq!(wakes(|view| view.progress.history += 1).await, [true; 3]);
}

#[tokio::test]
async fn what_changed_before_it_waits_wakes_it_all_the_same() {
    let (publish, watched) = watch::channel(view());
    let mut news = News::of(vec![watched], Finality::Latest);
    news.note();
    publish.send_modify(|view| view.progress.indexed = Some(block(21)));
    assert!(news.wait().await);
    news.note();
    assert!(news.wait().now_or_never().is_none());
    drop(publish);
    assert!(!news.wait().await);
}

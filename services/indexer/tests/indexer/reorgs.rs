//! Blocks that leave the chain.

use capstan_db::testing::TestStore;
use capstan_proto::indexer::ChainState;

use crate::harness::{Subscriber, devnet, head, ids, indexer, listed, platform, status, stop, truth};

#[tokio::test]
async fn a_reorg_while_following_is_one_undo_and_the_new_chains_events() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let mut subscriber = Subscriber::default();
        for (round, depth) in [1, 2, 7, 20].into_iter().enumerate() {
            for _ in 0..25 {
                devnet.step().await.unwrap();
            }
            subscriber.follow_to(&mut client, head(&devnet).await).await;
            devnet.reorg(depth).await.unwrap();
            subscriber.follow_to(&mut client, head(&devnet).await).await;
            assert_eq!(subscriber.undos.len(), round + 1, "one undo per fork");
            assert_eq!(subscriber.undos[round].1, depth);
            assert_eq!(subscriber.ids(), truth(&devnet).await);
        }
        assert_eq!(ids(&listed(&mut client, 100, false).await), truth(&devnet).await);
        let mut fresh = Subscriber::default();
        fresh.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(fresh.ids(), subscriber.ids());
        stop(running).await;
    }
}

#[tokio::test]
async fn a_reorg_while_disconnected_is_found_at_the_start() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut subscriber = Subscriber::default();
    for depth in [3, 10] {
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
        devnet.reorg(depth).await.unwrap();
        devnet.step().await.unwrap();
    }
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn a_transaction_that_is_mined_again_in_another_block_is_another_event() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut subscriber = Subscriber::default();
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    devnet.reorg_postponing(5).await.unwrap();
    devnet.step().await.unwrap();
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn a_reorg_below_finality_halts_the_chain_with_an_instruction_and_changes_nothing() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut platform = platform(&devnet, &store);
    platform.chains[0].finality = capstan_runtime::platform::FinalityRule::Blocks(4);
    let (running, mut client) = indexer(platform.clone()).await;
    let mut subscriber = Subscriber::default();
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    let before = listed(&mut client, 0, false).await;
    stop(running).await;
    devnet.reorg(8).await.unwrap();
    devnet.step().await.unwrap();
    let (running, mut client) = indexer(platform).await;
    let halted = loop {
        let status = status(&mut client).await;
        if status.state() == ChainState::Halted {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert!(halted.problem.contains("left a block that was final"), "{}", halted.problem);
    assert_eq!(ids(&listed(&mut client, 0, false).await), ids(&before));
    stop(running).await;
}

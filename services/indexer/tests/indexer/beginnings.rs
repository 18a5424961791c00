//! Reorgs that reach below the first block of a log.

use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_proto::indexer::{
    ChainState, ResetChainRequest, indexer_admin_service_client::IndexerAdminServiceClient,
};
use capstan_runtime::{Platform, platform::FinalityRule};

use crate::{
    harness::{Id, Subscriber, database_url, devnet, head, indexer, platform, status, stop},
    state::State,
};

/// What an indexer that begins now makes of the chain.
async fn fresh(devnet: &Devnet, mut platform: Platform) -> Vec<Id> {
    let store = TestStore::sqlite();
    platform.database.url = database_url(&store);
    let (running, mut client) = indexer(platform).await;
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(&mut client, head(devnet).await).await;
    stop(running).await;
    subscriber.ids()
}

async fn stepped(blocks: usize) -> Devnet {
    let mut devnet = devnet().await;
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
    devnet
}

#[tokio::test]
async fn a_reorg_below_the_first_block_takes_back_everything() {
    for store in TestStore::both().await {
        let mut devnet = stepped(20).await;
        let first = head(&devnet).await.0 - 1;
        let mut platform = platform(&devnet, &store);
        platform.chains[0].start_block = first;
        let (running, mut client) = indexer(platform.clone()).await;
        let mut subscriber = Subscriber::default();
        let mut undos = Vec::new();
        for depth in [4, 8] {
            subscriber.follow_to(&mut client, head(&devnet).await).await;
            assert!(!subscriber.events.is_empty());
            undos.push((first - 1, head(&devnet).await.0 - (first - 1)));
            devnet.reorg(depth).await.unwrap();
            for _ in 0..2 {
                devnet.step().await.unwrap();
            }
            let followed = subscriber.follow_to(&mut client, head(&devnet).await);
            let followed = tokio::time::timeout(std::time::Duration::from_secs(15), followed).await;
            assert!(followed.is_ok(), "{}", status(&mut client).await.problem);
            assert_eq!(subscriber.undos, undos);
            assert_eq!(subscriber.ids(), fresh(&devnet, platform.clone()).await);
        }
        stop(running).await;
        State::of(&store).await.assert_blocks_of(&devnet).await;
    }
}

#[tokio::test]
async fn a_chain_whose_first_block_was_final_is_reset_to_the_one_before() {
    for store in TestStore::both().await {
        let mut devnet = stepped(20).await;
        let newest = head(&devnet).await.0;
        let first = newest - 5;
        let mut platform = platform(&devnet, &store);
        (platform.chains[0].start_block, platform.chains[0].finality) = (first, FinalityRule::Blocks(2));
        let (running, mut client) = indexer(platform.clone()).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        devnet.reorg(10).await.unwrap();
        devnet.step().await.unwrap();
        while status(&mut client).await.state() != ChainState::Halted {
            tokio::task::yield_now().await;
        }
        let mut admin = IndexerAdminServiceClient::connect(running.url()).await.unwrap();
        let request = ResetChainRequest { chain_id: 0, block: first - 1 };
        let reset = admin.reset_chain(request).await.unwrap().into_inner();
        assert_eq!((reset.last_valid_block.unwrap().number, reset.depth), (first - 1, newest - (first - 1)));
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(subscriber.ids(), fresh(&devnet, platform).await);
        stop(running).await;
    }
}

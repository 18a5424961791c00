//! Who follows registered transactions, and how long.

use super::*;

/// An indexer that asks the node through a proxy which counts its questions.
async fn serve_counted(world: &World) -> (Running, TransactionServiceClient<Channel>, FaultProxy) {
    let proxy = FaultProxy::start(&world.devnet.http_url()).await.unwrap();
    let toml = world.devnet.config_toml().replace(&world.devnet.http_url(), &proxy.http_url());
    let running = serve_on(platform_of(&toml, &database_url(&world.store)), &world.clock).await;
    let client = TransactionServiceClient::connect(running.url()).await.unwrap();
    (running, client, proxy)
}

fn questions(proxy: &FaultProxy) -> u64 {
    ["eth_getTransactionByHash", "eth_getTransactionReceipt"].map(|method| proxy.calls(method)).iter().sum()
}

#[tokio::test]
async fn only_who_writes_the_chain_follows_transactions_and_a_standby_takes_over() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let mut writer = Client::connect(world.running.url()).await.unwrap();
        while !status(&mut writer).await.writer {
            look_again().await;
        }
        let (standby, client, proxy) = serve_counted(&world).await;
        world.client = client;
        let nonce = world.nonce().await;
        let hash = world.send(nonce, GWEI, None).await;
        let mut watch = world.register(hash).await;
        watch.state(State::Pending).await;
        world.devnet.mine_empty(1 + FINAL_AFTER).await.unwrap();
        watch.state(State::Final).await;
        watch.ends().await;
        assert_eq!(questions(&proxy), 0);

        let hash = world.send(nonce + 1, GWEI, None).await;
        let mut watch = world.register(hash).await;
        watch.state(State::Pending).await;
        stop(world.running.clone()).await;
        world.devnet.mine_empty(1 + FINAL_AFTER).await.unwrap();
        watch.state(State::Final).await;
        assert!(questions(&proxy) > 0);
        stop(standby).await;
    }
}

#[tokio::test]
async fn what_nothing_is_expected_of_is_forgotten_and_what_waits_is_not() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let (nonce, unknown) = (world.nonce().await, B256::repeat_byte(3));
        let mined = world.send(nonce, GWEI, None).await;
        world.devnet.mine_empty(1 + FINAL_AFTER).await.unwrap();
        let waiting = world.send(nonce + 1, GWEI, None).await;
        world.register(mined).await.state(State::Final).await;
        world.register(waiting).await.state(State::Pending).await;
        let mut watch = world.register(unknown).await;
        watch.state(State::Unknown).await;

        world.clock.advance(FORGOTTEN_AFTER);
        assert_eq!(listed(&mut world, ListRecentTransactionsRequest::default()).await.len(), 3);
        world.clock.advance(Duration::from_millis(1));
        let left = [text(waiting)];
        while listed(&mut world, ListRecentTransactionsRequest::default()).await != left {
            look_again().await;
        }
        let gone = watch.stream.message().await.unwrap_err();
        assert_eq!(gone.get_details_error_info().unwrap().reason, "TRANSACTION_NOT_REGISTERED");
        // Nobody remembers it: it is looked for as if for the first time.
        let again = world.register(mined).await.state(State::Final).await;
        assert_eq!(again.nonce, Some(nonce));
        stop(world.running).await;
    }
}

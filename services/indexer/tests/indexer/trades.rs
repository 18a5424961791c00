//! Trades say which tokens went in and out, as far as anybody has said.

use capstan_db::{Database, Options, testing::TestStore};
use capstan_devnet::Devnet;
use capstan_proto::indexer::{
    Event, ListEventsRequest, Payload, TradeExecuted, TradeSide, canonical_event::Event as Meaning,
};
use sea_orm::ConnectionTrait;

use crate::{
    harness::{Client, Subscriber, devnet, head, indexer, platform, settle, stop},
    state::State,
};

/// Every trade of the chain.
async fn trades(client: &mut Client) -> Vec<TradeExecuted> {
    let payloads = vec![Payload::Canonical.into()];
    let mut request = ListEventsRequest { page_size: 1_000, payloads, ..Default::default() };
    let mut trades = Vec::new();
    loop {
        let page = client.list_events(request.clone()).await.unwrap().into_inner();
        let meanings = page.events.into_iter().flat_map(|Event { canonical, .. }| canonical);
        trades.extend(meanings.filter_map(|meaning| match meaning.event? {
            Meaning::TradeExecuted(trade) => Some(trade),
            _ => None,
        }));
        if page.next_page_token.is_empty() {
            return trades;
        }
        request.page_token = page.next_page_token;
    }
}

/// Compares the tokens of every trade with what was deployed; how many are of pools and of markets.
fn compare(devnet: &Devnet, trades: &[TradeExecuted]) -> [usize; 2] {
    let deployment = devnet.deployment();
    let mut counts = [0, 0];
    for trade in trades {
        let tokens = (trade.token_in.clone(), trade.token_out.clone());
        let pool = deployment.pools.iter().find(|pool| pool.address.to_checksum(None) == trade.pool);
        if let Some(pool) = pool {
            let [token0, token1] = [pool.token0, pool.token1].map(|token| token.to_checksum(None));
            let expected = if trade.token_in_index == Some(0) { (token0, token1) } else { (token1, token0) };
            assert_eq!(tokens, expected, "{trade:?}");
            counts[0] += 1;
            continue;
        }
        let market = deployment.markets.iter().find(|market| market.amm.to_checksum(None) == trade.pool);
        let collateral = market.unwrap().collateral.to_checksum(None);
        let expected = match trade.side() {
            TradeSide::Buy => (collateral, String::new()),
            _ => (String::new(), collateral),
        };
        assert_eq!(tokens, expected, "{trade:?}");
        counts[1] += 1;
    }
    counts
}

#[tokio::test]
async fn trades_name_the_tokens_that_the_factory_named() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        settle(&mut client, &devnet, &devnet.config_toml()).await;
        let known = trades(&mut client).await;
        assert!(compare(&devnet, &known).into_iter().all(|count| count > 0));
        stop(running).await;
        let before = State::of(&store).await;

        // A store of an older version does not have them, but the log.
        let database = Database::open(&Options::new(store.url.clone()), "indexer").await.unwrap();
        let write = database.write().await.unwrap();
        write.execute_unprepared("UPDATE contract SET token0 = NULL, token1 = NULL").await.unwrap();
        write.commit().await.unwrap();
        database.close().await.unwrap();
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        // The process that writes the chain has looked by then.
        devnet.step().await.unwrap();
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let again = trades(&mut client).await;
        assert!(again.len() >= known.len());
        compare(&devnet, &again);
        stop(running).await;
        assert!(State::of(&store).await.rows("contract") >= before.rows("contract"));
    }
}

//! Chains whose nodes do not answer when the indexer starts.

use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_proto::indexer::{ChainState, ChainStatus, GetStatusRequest, ListEventsRequest};

use crate::{
    harness::{Client, database_url, devnet, head, indexer, platform_of, stop, try_start},
    road::Road,
};

const OTHER: u64 = 13_371;

async fn status_of(client: &mut Client, chain: u64) -> ChainStatus {
    let status = client.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    status.chains.into_iter().find(|status| status.chain_id == chain).unwrap()
}

async fn level(client: &mut Client, devnet: &Devnet) {
    let wanted = format!("{:#x}", head(devnet).await.1);
    loop {
        let status = status_of(client, devnet.chain_id()).await;
        if status.state() == ChainState::Live && status.indexed.unwrap().hash == wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_chain_that_is_away_at_a_restart_is_served_and_found_again_and_holds_up_no_other() {
    for store in TestStore::both().await {
        let mut one = devnet().await;
        let mut other = Devnet::start(Options { chain_id: OTHER, ..Options::default() }).await.unwrap();
        let address = other.http_url().trim_start_matches("http://").to_owned();
        let road = Road::to(&address).await;
        let away = other.config_toml().replace(&address, &road.address.to_string());
        let toml = format!("{}\n{away}", one.config_toml());
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        level(&mut client, &one).await;
        level(&mut client, &other).await;
        stop(running).await;

        road.cut();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        one.step().await.unwrap();
        other.step().await.unwrap();
        level(&mut client, &one).await;
        let request = ListEventsRequest { chain_id: OTHER, ..Default::default() };
        assert!(!client.list_events(request).await.unwrap().into_inner().events.is_empty());
        while status_of(&mut client, OTHER).await.problem.is_empty() {
            tokio::task::yield_now().await;
        }
        let status = status_of(&mut client, OTHER).await;
        assert!(
            status.state() == ChainState::Stalled && status.problem.contains("no endpoint is known"),
            "{status:?}"
        );
        road.turn_to(&address);
        level(&mut client, &other).await;
        stop(running).await;

        // One that was never indexed is refused.
        road.cut();
        let fresh = TestStore::sqlite();
        let refused = try_start(platform_of(&toml, &database_url(&fresh))).await.unwrap_err().to_string();
        assert!(refused.contains("chains.1.rpc_urls"), "{refused}");
        let (running, _) = indexer(platform_of(&one.config_toml(), &database_url(&fresh))).await;
        stop(running).await;
        let refused = try_start(platform_of(&toml, &database_url(&fresh))).await.unwrap_err().to_string();
        assert!(refused.contains("chains.1.rpc_urls"), "{refused}");
    }
}

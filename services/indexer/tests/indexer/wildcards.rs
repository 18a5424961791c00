//! Events that are followed on any contract.

use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, B256, b256},
    providers::{Provider, ProviderBuilder},
    rpc::types::{Filter, Log},
};
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{Event, EventFilter, ListEventsRequest, StreamEventsRequest};
use tonic_types::StatusExt;

use crate::{
    harness::{
        Client, Id, Subscriber, database_url, devnet, head, ids, indexer, listed, look_again, platform_of,
        settle, status, stop, truth,
    },
    state::State,
};

const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const TRANSFERS: &str = "\n[[chains.wildcards]]\nprotocol = \"erc20\"\nonly = [\"Transfer\"]\n";

async fn traffic(devnet: &mut Devnet, blocks: u64) {
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
}

/// Every log of the chain whose first topic is that of a transfer.
async fn transfers(devnet: &Devnet) -> Vec<Log> {
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    provider.get_logs(&Filter::new().from_block(0).event_signature(TRANSFER)).await.unwrap()
}

fn is_fungible(log: &Log) -> bool {
    log.topics().len() == 3
}

fn id(log: &Log) -> Id {
    (format!("{:#x}", log.block_hash.unwrap()), u32::try_from(log.log_index.unwrap()).unwrap())
}

/// Identities of the events that a chain has, in order, when transfers of `wanted` tokens are followed, too.
async fn truth_with(devnet: &Devnet, wanted: impl Fn(&Log) -> bool) -> Vec<Id> {
    let logs = transfers(devnet).await;
    assert!(logs.iter().any(|log| log.topics().len() == 4), "there are non-fungible tokens");
    let wanted = logs.iter().filter(|log| is_fungible(log) && wanted(log)).map(id);
    let known: BTreeSet<Id> = truth(devnet).await.into_iter().chain(wanted).collect();
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let all = provider.get_logs(&Filter::new().from_block(0)).await.unwrap();
    all.iter().map(id).filter(|id| known.contains(id)).collect()
}

async fn of_kind(client: &mut Client, kind: &str) -> Vec<Event> {
    let mut request = ListEventsRequest { kind: kind.to_owned(), page_size: 500, ..Default::default() };
    let mut events = Vec::new();
    loop {
        let page = client.list_events(request.clone()).await.unwrap().into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return events;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn transfers_of_every_token_are_events_until_a_reorg_takes_them_back() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let toml = devnet.config_toml() + TRANSFERS;
        traffic(&mut devnet, 15).await;
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        for depth in [0, 6, 1] {
            traffic(&mut devnet, 10).await;
            reader.follow_to(&mut client, head(&devnet).await).await;
            if depth > 0 {
                devnet.reorg(depth).await.unwrap();
                traffic(&mut devnet, 1).await;
                reader.follow_to(&mut client, head(&devnet).await).await;
            }
            assert_eq!(reader.ids(), truth_with(&devnet, |_| true).await);
        }
        assert_eq!(reader.undos.iter().map(|(_, depth)| *depth).collect::<Vec<_>>(), [6, 1]);
        assert_eq!(ids(&listed(&mut client, 300, false).await), reader.ids());
        // A followed contract's own rules come first; everybody else's transfers are of the wildcard.
        let named = reader.events.iter().filter(|event| event.name == "Transfer");
        let own: BTreeSet<_> = named.map(|event| event.protocol.clone()).collect();
        assert!(own.contains("uniswap.v2.pair") && own.contains("erc20"), "{own:?}");
        let of_wildcard = |event: &&Event| event.kind == "erc20.Transfer";
        let expected: Vec<Event> = reader.events.iter().filter(of_wildcard).cloned().collect();
        assert_eq!(ids(&of_kind(&mut client, "erc20.Transfer").await), ids(&expected));
        let tokens: BTreeSet<_> = expected.iter().map(|event| event.address.clone()).collect();
        assert!(tokens.len() >= 2, "{tokens:?}");
        assert_eq!(status(&mut client).await.decode_failures, 0);
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        assert_eq!(fresh.rows("quarantine"), 0);
        State::of(&store).await.assert_same(&fresh, "after two reorgs");
    }
}

#[tokio::test]
async fn a_wildcard_is_narrowed_by_the_values_of_indexed_arguments() {
    let mut devnet = devnet().await;
    let accounts: Vec<Address> = devnet.deployment().accounts[1..3].iter().map(|one| one.address).collect();
    let toml = format!(
        "{}{TRANSFERS}where = {{ to = [\"{}\", \"{}\"] }}\n",
        devnet.config_toml(),
        accounts[0],
        accounts[1]
    );
    traffic(&mut devnet, 20).await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
    let mut reader = Subscriber::default();
    reader.follow_to(&mut client, head(&devnet).await).await;
    traffic(&mut devnet, 10).await;
    reader.follow_to(&mut client, head(&devnet).await).await;
    let is_to = |log: &Log| accounts.iter().any(|account| log.topics()[2] == account.into_word());
    assert_eq!(reader.ids(), truth_with(&devnet, is_to).await);
    assert!(reader.ids().len() < truth_with(&devnet, |_| true).await.len());
    stop(running).await;
}

#[tokio::test]
async fn beside_an_honest_node_no_log_of_a_wildcard_goes_missing() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 10).await;
    for lie in [Fault::DropLog, Fault::EmptyLogs, Fault::AlterTopic, Fault::InventLog] {
        let liar = FaultProxy::start(&devnet.http_url()).await.unwrap();
        let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
        let urls = format!("[\"{}\", \"{}\"]", liar.http_url(), devnet.http_url());
        let whole = devnet.config_toml();
        let (chain, _) = whole.split_once("\n[[chains.contracts]]").unwrap();
        let toml = chain.replace(&own, &urls) + TRANSFERS;
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        liar.follow(Script::always(lie));
        for _ in 0..4 {
            traffic(&mut devnet, 2).await;
            reader.follow_to(&mut client, head(&devnet).await).await;
            let expected: Vec<_> =
                transfers(&devnet).await.iter().filter(|log| is_fungible(log)).map(id).collect();
            assert!(reader.ids() == expected, "{lie:?}");
        }
        assert!(reader.undos.is_empty(), "{lie:?}");
        stop(running).await;
    }
}

#[tokio::test]
async fn a_wildcard_that_comes_late_brings_its_history_and_a_contract_takes_its_own_over() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        traffic(&mut devnet, 12).await;
        let (url, plain) = (database_url(&store), devnet.config_toml());
        let (running, mut client) = indexer(platform_of(&plain, &url)).await;
        let mut early = Subscriber::default();
        early.follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;

        traffic(&mut devnet, 3).await;
        let late = format!("{plain}{TRANSFERS}");
        let (running, mut client) = indexer(platform_of(&late, &url)).await;
        let wanted = truth_with(&devnet, |_| true).await;
        until_listed(&mut client, &wanted).await;
        assert_eq!(
            refused(&mut client, &early.cursor, Vec::new()).await.as_deref(),
            Some("CURSOR_HISTORY_ADDED")
        );
        stop(running).await;

        traffic(&mut devnet, 3).await;
        let weth = devnet.deployment().tokens[3].address;
        let contract = format!("\n[[chains.contracts]]\nprotocol = \"weth9\"\naddress = \"{weth}\"\n");
        let (running, mut client) = indexer(platform_of(&(late + &contract), &url)).await;
        let of_weth =
            transfers(&devnet).await.iter().filter(|log| log.address() == weth).map(id).collect::<Vec<_>>();
        while ids(&of_kind(&mut client, "weth9.Transfer").await) != of_weth {
            look_again().await;
        }
        assert!(
            of_kind(&mut client, "erc20.Transfer")
                .await
                .iter()
                .all(|event| event.address != weth.to_string())
        );
        stop(running).await;
    }
}

async fn until_listed(client: &mut Client, wanted: &[Id]) {
    while ids(&listed(client, 500, false).await) != wanted {
        look_again().await;
    }
}

/// Why a stream does not go on from a cursor.
async fn refused(client: &mut Client, cursor: &str, addresses: Vec<String>) -> Option<String> {
    let filter = Some(EventFilter { addresses, ..Default::default() });
    let request = StreamEventsRequest { cursor: cursor.to_owned(), filter, ..Default::default() };
    let status = client.stream_events(request).await.err()?;
    Some(status.get_details_error_info()?.reason)
}

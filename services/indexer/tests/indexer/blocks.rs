//! Blocks that are followed as events.

use alloy::{
    eips::BlockNumberOrTag,
    providers::{Provider, ProviderBuilder},
};
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{Event, ListEventsRequest};
use prost_types::value::Kind;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, ids, indexer, indexer_of, platform_of, settle, stop,
        truth,
    },
    state::State,
};

/// The last index that a log can have.
const INDEX: u32 = (1 << 24) - 1;

/// Block hash, index and arguments of an event.
type Told = (String, u32, Vec<String>);

fn blocks(every: u64, start_block: u64) -> String {
    format!("\n[[chains.blocks]]\nevery = {every}\nstart_block = {start_block}\n")
}

/// What the headers of the node say of some blocks.
async fn expected(devnet: &Devnet, every: usize, start_block: u64) -> Vec<Told> {
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let mut told = Vec::new();
    for number in (0..=head(devnet).await.0).step_by(every).filter(|number| *number >= start_block) {
        let block = provider.get_block_by_number(BlockNumberOrTag::Number(number)).await.unwrap().unwrap();
        let header = &block.header;
        let values = vec![
            header.beneficiary.to_string(),
            format!("{:#x}", header.parent_hash),
            header.gas_limit.to_string(),
            header.gas_used.to_string(),
            header.base_fee_per_gas.unwrap().to_string(),
        ];
        told.push((format!("{:#x}", header.hash), INDEX, values));
    }
    told
}

fn is_block(event: &&Event) -> bool {
    event.kind == "native.Block"
}

fn told(events: &[Event]) -> Vec<Told> {
    let tell = |event: &Event| {
        let names: Vec<_> = event.arguments.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["miner", "parentHash", "gasLimit", "gasUsed", "baseFeePerGas"]);
        let values = event.arguments.iter().map(|one| match one.value.clone().unwrap().kind.unwrap() {
            Kind::StringValue(text) => text,
            other => panic!("{other:?}"),
        });
        (event.block.as_ref().unwrap().hash.clone(), event.log_index, values.collect())
    };
    events.iter().filter(is_block).map(tell).collect()
}

/// The events that are logs.
fn logs(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| !is_block(event)).cloned().collect()
}

async fn traffic(devnet: &mut Devnet, blocks: u64) {
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
}

/// Every block that is listed.
async fn listed_blocks(client: &mut Client) -> Vec<Event> {
    let kind = "native.Block".to_owned();
    let request = ListEventsRequest { kind, page_size: 1_000, ..Default::default() };
    client.list_events(request).await.unwrap().into_inner().events
}

/// Waits until the history of blocks is whole.
async fn until_listed(client: &mut Client, wanted: &[Told]) {
    while told(&listed_blocks(client).await) != wanted {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_block_is_the_last_event_of_its_block_until_a_reorg_takes_it_back() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let toml = devnet.config_toml() + &blocks(1, 0);
        traffic(&mut devnet, 40).await;
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        for depth in [0, 5, 1] {
            traffic(&mut devnet, 6).await;
            devnet.mine_empty(1).await.unwrap();
            reader.follow_to(&mut client, head(&devnet).await).await;
            if depth > 0 {
                devnet.reorg(depth).await.unwrap();
                traffic(&mut devnet, 1).await;
                reader.follow_to(&mut client, head(&devnet).await).await;
            }
            assert_eq!(told(&reader.events), expected(&devnet, 1, 0).await, "depth {depth}");
            assert_eq!(ids(&logs(&reader.events)), truth(&devnet).await, "depth {depth}");
        }
        assert!(reader.events.is_sorted_by_key(|event| event.position));
        assert_eq!(reader.undos.iter().map(|(_, depth)| *depth).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(told(&listed_blocks(&mut client).await), told(&reader.events));
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, "blocks one by one, and as a range");
    }
}

#[tokio::test]
async fn every_tenth_block_that_comes_late_brings_its_history_and_goes_again() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let (url, plain) = (database_url(&store), devnet.config_toml());
        traffic(&mut devnet, 45).await;
        let (running, mut client) = indexer(platform_of(&plain, &url)).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;

        let late = plain.clone() + &blocks(10, 5);
        let (running, mut client) = indexer(platform_of(&late, &url)).await;
        until_listed(&mut client, &expected(&devnet, 10, 5).await).await;
        traffic(&mut devnet, 12).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(told(&reader.events), expected(&devnet, 10, 5).await);
        assert_eq!(ids(&logs(&reader.events)), truth(&devnet).await);
        settle(&mut client, &devnet, &late).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &late).await;
        State::of(&store).await.assert_same(&fresh, "blocks that came late");

        // Other multiples are other events: they bring what was not there, and leave out the rest.
        let other = plain.clone() + &blocks(7, 0);
        let (running, mut client) = indexer(platform_of(&other, &url)).await;
        until_listed(&mut client, &expected(&devnet, 7, 0).await).await;
        let both = other + &blocks(1, head(&devnet).await.0);
        running.reload(platform_of(&both, &url));
        let mut wanted = expected(&devnet, 7, 0).await;
        wanted.extend(expected(&devnet, 1, head(&devnet).await.0).await);
        wanted.dedup();
        until_listed(&mut client, &wanted).await;
        stop(running).await;
        let (running, mut client) = indexer(platform_of(&plain, &url)).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        assert!(listed_blocks(&mut client).await.is_empty());
        stop(running).await;
    }
}

#[tokio::test]
async fn history_is_the_same_whether_it_is_proved_or_not() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    devnet.mine_empty(200).await.unwrap();
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
    let toml = devnet.config_toml().replace(&own, &format!("[\"{}\"]", proxy.http_url()));
    let toml = toml.replace("finality = { blocks = 32 }", "finality = { blocks = 0 }") + &blocks(50, 1);
    let expected = expected(&devnet, 50, 1).await;
    assert!(expected.len() >= 4);
    let mut headers = Vec::new();
    for verify in ["off", "bloom"] {
        let before = proxy.calls("eth_getBlockByNumber");
        let toml = format!("{toml}\n[indexer]\nverify_history = \"{verify}\"\n");
        let store = TestStore::sqlite();
        let (running, mut client) = indexer_of(&toml, &store).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(told(&reader.events), expected, "{verify}");
        stop(running).await;
        headers.push(proxy.calls("eth_getBlockByNumber") - before);
    }
    assert!(headers[0] + 200 < headers[1], "{headers:?}: those in between are asked for as proof only");
}

#[tokio::test]
async fn beside_an_honest_node_no_block_is_told_wrongly() {
    let mut devnet = devnet().await;
    for lie in [Fault::AlterHeader, Fault::WrongHash, Fault::Lag(2)] {
        let liar = FaultProxy::start(&devnet.http_url()).await.unwrap();
        let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
        let urls = format!("[\"{}\", \"{}\"]", liar.http_url(), devnet.http_url());
        let toml = devnet.config_toml().replace(&own, &urls) + &blocks(1, 0);
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        liar.follow(Script::always(lie));
        for _ in 0..2 {
            traffic(&mut devnet, 3).await;
            reader.follow_to(&mut client, head(&devnet).await).await;
            assert!(told(&reader.events) == expected(&devnet, 1, 0).await, "{lie:?}");
        }
        assert!(reader.undos.is_empty(), "{lie:?}");
        stop(running).await;
    }
}

//! What transactions do to the accounts that are followed.

use std::collections::BTreeSet;

use alloy::{
    consensus::Transaction as _,
    eips::BlockNumberOrTag,
    network::{TransactionBuilder, TransactionResponse},
    primitives::{Address, Bytes, TxKind, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
};
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{Event, ListEventsRequest, Payload, canonical_event};

use prost_types::value::Kind;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, ids, indexer, listed, look_again, platform_of,
        settle, stop, truth,
    },
    state::State,
};

const COIN: &str = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE";
const STRANGER: Address = Address::repeat_byte(0x57);

/// Block hash, index, kind and arguments of an event.
type Told = (String, u32, String, Vec<String>);

fn provider(devnet: &Devnet) -> impl Provider + use<> {
    ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap())
}

fn accounts(follow: &str, of: &[Address]) -> String {
    let addresses: Vec<String> = of.iter().map(Address::to_string).collect();
    format!("\n[[chains.accounts]]\naddresses = {addresses:?}\nfollow = {follow}\n")
}

/// Sends some of the coin, or `input`, from an account of the chain; whatever it does, it is mined.
async fn send(devnet: &Devnet, to: Option<Address>, value: u64, input: Bytes) {
    let request = TransactionRequest::default()
        .with_from(devnet.deployment().accounts[0].address)
        .with_value(U256::from(value))
        .with_input(input)
        .with_gas_limit(200_000);
    let request = match to {
        Some(to) => request.with_to(to),
        None => request.with_kind(TxKind::Create),
    };
    drop(provider(devnet).send_transaction(request).await.unwrap());
}

/// A transfer, one that fails, one that carries nothing, and one that makes a contract.
async fn some_of_each(devnet: &mut Devnet) {
    send(devnet, Some(STRANGER), 5, Bytes::new()).await;
    let reverts = devnet.deployment().conditional_tokens;
    send(devnet, Some(reverts), 6, Bytes::new()).await;
    send(devnet, Some(STRANGER), 0, Bytes::new()).await;
    send(devnet, None, 7, Bytes::from_static(&[0])).await;
    devnet.mine_empty(1).await.unwrap();
}

/// What blocks and receipts of the node say of the transactions of some accounts.
async fn expected(devnet: &Devnet, of: &[Address], transactions: bool) -> Vec<Told> {
    let (provider, mut told) = (provider(devnet), Vec::new());
    for number in 0..=head(devnet).await.0 {
        let number = BlockNumberOrTag::Number(number);
        let block = provider.get_block_by_number(number).full().await.unwrap().unwrap();
        let receipts = provider.get_block_receipts(number.into()).await.unwrap().unwrap();
        let hash = format!("{:#x}", block.header.hash);
        for (index, (one, receipt)) in block.transactions.txns().zip(&receipts).enumerate() {
            let to = one.to().or(receipt.contract_address).unwrap();
            if !of.contains(&one.from()) && !of.contains(&to) {
                continue;
            }
            let index = (1 << 23) + 2 * u32::try_from(index).unwrap();
            let (ends, value) = (vec![one.from().to_string(), to.to_string()], vec![one.value().to_string()]);
            let rest = [
                receipt.status().to_string(),
                receipt.gas_used.to_string(),
                receipt.effective_gas_price.to_string(),
            ];
            if transactions {
                let all =
                    [ends.clone(), vec![one.nonce().to_string()], value.clone(), rest.to_vec()].concat();
                told.push((hash.clone(), index, "native.Transaction".to_owned(), all));
            }
            if receipt.status() && !one.value().is_zero() {
                told.push((hash.clone(), index + 1, "native.Transfer".to_owned(), [ends, value].concat()));
            }
        }
    }
    told
}

fn told(events: &[Event]) -> Vec<Told> {
    let of_coin = events.iter().filter(|event| event.protocol == "native");
    let tell = |event: &Event| {
        assert_eq!(event.address, COIN);
        let values = event.arguments.iter().map(|one| match one.value.clone().unwrap().kind.unwrap() {
            Kind::BoolValue(flag) => flag.to_string(),
            Kind::StringValue(text) => text,
            other => panic!("{other:?}"),
        });
        (event.block.as_ref().unwrap().hash.clone(), event.log_index, event.kind.clone(), values.collect())
    };
    of_coin.map(tell).collect()
}

/// Identities of the events that are logs.
fn logs(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| event.protocol != "native").cloned().collect()
}

#[tokio::test]
async fn what_accounts_send_and_receive_are_events_until_a_reorg_takes_them_back() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let watched = [devnet.deployment().accounts[0].address, devnet.deployment().accounts[2].address];
        let toml = devnet.config_toml() + &accounts("[\"transfers\", \"transactions\"]", &watched);
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        some_of_each(&mut devnet).await;
        devnet.step().await.unwrap();
        reader.follow_to(&mut client, head(&devnet).await).await;
        let all = expected(&devnet, &watched, true).await;
        assert_eq!(told(&reader.events), all);
        assert_eq!(ids(&logs(&reader.events)), truth(&devnet).await);
        let failed = |(_, _, _, values): &&Told| values.get(4).is_some_and(|success| success == "false");
        assert!(all.iter().any(|one| failed(&one)), "a transaction failed");

        devnet.reorg(2).await.unwrap();
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(reader.undos.len(), 1);
        let left = expected(&devnet, &watched, true).await;
        assert!(left.len() < all.len());
        assert_eq!(told(&reader.events), left);
        some_of_each(&mut devnet).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(told(&listed(&mut client, 7, false).await), expected(&devnet, &watched, true).await);
        assert_eq!(told(&reader.events), expected(&devnet, &watched, true).await);
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, "blocks one by one, and as a range");
    }
}

async fn transfers(client: &mut Client) -> Vec<Event> {
    let payloads = vec![Payload::Arguments.into(), Payload::Canonical.into()];
    let request = ListEventsRequest { address: COIN.into(), page_size: 500, payloads, ..Default::default() };
    client.list_events(request).await.unwrap().into_inner().events
}

#[tokio::test]
async fn accounts_that_come_late_bring_their_history_as_canonical_transfers() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let (url, plain) = (database_url(&store), devnet.config_toml());
    some_of_each(&mut devnet).await;
    devnet.mine_empty(3).await.unwrap();
    let (running, mut client) = indexer(platform_of(&plain, &url)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    stop(running).await;

    some_of_each(&mut devnet).await;
    let late = plain + &accounts("[\"transfers\"]", &[STRANGER]);
    let (running, mut client) = indexer(platform_of(&late, &url)).await;
    let wanted = expected(&devnet, &[STRANGER], false).await;
    assert_eq!(wanted.len(), 2);
    let events = loop {
        let events = transfers(&mut client).await;
        if told(&events) == wanted {
            break events;
        }
        look_again().await;
    };
    for event in events {
        let canonical = event.canonical.into_iter().map(|one| one.event.unwrap()).collect::<Vec<_>>();
        let [canonical_event::Event::Transfer(transfer)] = canonical.as_slice() else {
            panic!("{canonical:?}")
        };
        assert_eq!((transfer.token.as_str(), transfer.amount.as_str()), (COIN, "5"));
        assert_eq!(transfer.to, STRANGER.to_string());
    }
    stop(running).await;
}

#[tokio::test]
async fn beside_an_honest_node_no_transaction_is_told_wrongly() {
    let mut devnet = devnet().await;
    for lie in [Fault::AlterTransactions, Fault::WrongHash] {
        let liar = FaultProxy::start(&devnet.http_url()).await.unwrap();
        let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
        let urls = format!("[\"{}\", \"{}\"]", liar.http_url(), devnet.http_url());
        let watched: BTreeSet<Address> = devnet.deployment().accounts.iter().map(|one| one.address).collect();
        let watched: Vec<Address> = watched.into_iter().collect();
        let toml = devnet.config_toml().replace(&own, &urls)
            + &accounts("[\"transactions\", \"transfers\"]", &watched);
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        liar.follow(Script::always(lie));
        for _ in 0..2 {
            some_of_each(&mut devnet).await;
            reader.follow_to(&mut client, head(&devnet).await).await;
            assert!(told(&reader.events) == expected(&devnet, &watched, true).await, "{lie:?}");
        }
        assert!(reader.undos.is_empty(), "{lie:?}");
        stop(running).await;
    }
}

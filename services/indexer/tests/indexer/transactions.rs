//! Registered transactions: what is said of them is what becomes of them on the chain.

mod followed;

use std::{net::SocketAddr, time::Duration};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
};
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::FaultProxy;
use capstan_indexer::{Config, Indexer};
use capstan_primitives::Clock;
use capstan_proto::{
    indexer::{
        GetTransactionRequest, ListRecentTransactionsRequest, RegisterTransactionRequest, Transaction,
        TransactionState as State, WatchTransactionRequest, WatchTransactionResponse,
        transaction_service_client::TransactionServiceClient,
    },
    primitives::Finality,
};
use capstan_runtime::{Instance, Platform, Running, bind, platform::FinalityRule, start};
use tonic::{Code, Streaming, transport::Channel};
use tonic_types::StatusExt;

use crate::harness::{Client, database_url, devnet, look_again, platform, platform_of, status, stop};

const FINAL_AFTER: u64 = 4;
const DROPPED_AFTER: Duration = Duration::from_secs(600);
const FORGOTTEN_AFTER: Duration = Duration::from_hours(30 * 24);
const GWEI: u128 = 1_000_000_000;

/// A chain, an indexer of it that has read some of it and whose clock stands still, and a client.
struct World {
    devnet: Devnet,
    store: TestStore,
    clock: Clock,
    running: Running,
    client: TransactionServiceClient<Channel>,
}

async fn serve(devnet: &Devnet, store: &TestStore, clock: &Clock) -> Running {
    serve_on(platform(devnet, store), clock).await
}

async fn serve_on(mut platform: Platform, clock: &Clock) -> Running {
    platform.chains[0].finality = FinalityRule::Blocks(FINAL_AFTER);
    let config = Config { poll_interval_ms: 20, retention_interval_ms: 20, ..Config::default() };
    let listener = bind::<Indexer>(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    start::<Indexer>(listener, Instance { platform, config, clock: clock.clone() }).await.unwrap()
}

impl World {
    async fn on(store: TestStore) -> Self {
        let clock = Clock::manual(Default::default());
        let devnet = devnet().await;
        let running = serve(&devnet, &store, &clock).await;
        let mut followed = Client::connect(running.url()).await.unwrap();
        while status(&mut followed).await.indexed.is_none() {
            look_again().await;
        }
        let client = TransactionServiceClient::connect(running.url()).await.unwrap();
        Self { devnet, store, clock, running, client }
    }

    async fn restart(&mut self) {
        stop(self.running.clone()).await;
        self.running = serve(&self.devnet, &self.store, &self.clock).await;
        self.client = TransactionServiceClient::connect(self.running.url()).await.unwrap();
    }

    fn provider(&self) -> impl Provider + use<> {
        ProviderBuilder::new().connect_http(self.devnet.http_url().parse().unwrap())
    }

    fn sender(&self) -> Address {
        self.devnet.deployment().accounts[0].address
    }

    async fn nonce(&self) -> u64 {
        self.provider().get_transaction_count(self.sender()).await.unwrap()
    }

    /// Sends one wei to nobody, or `input` to a contract.
    async fn send(&self, nonce: u64, tip: u128, call: Option<(Address, Bytes)>) -> B256 {
        let request = TransactionRequest::default().with_from(self.sender()).with_nonce(nonce);
        let request = request.with_max_fee_per_gas(200 * GWEI + 2 * tip).with_max_priority_fee_per_gas(tip);
        let request = match call {
            Some((to, input)) => request.with_to(to).with_input(input),
            None => request.with_to(Address::repeat_byte(9)).with_value(U256::from(1)),
        };
        *self.provider().send_transaction(request.with_gas_limit(200_000)).await.unwrap().tx_hash()
    }

    async fn raw(&self, hash: B256) -> Bytes {
        self.provider().raw_request("eth_getRawTransactionByHash".into(), (hash,)).await.unwrap()
    }

    async fn register(&mut self, hash: B256) -> Watch {
        let request =
            RegisterTransactionRequest { hash: text(hash), label: "mine".into(), ..Default::default() };
        let registered = self.client.register_transaction(request).await.unwrap().into_inner();
        assert_eq!(registered.transaction.unwrap().hash, text(hash));
        self.watch(hash).await
    }

    async fn watch(&mut self, hash: B256) -> Watch {
        let request = WatchTransactionRequest { chain_id: 0, hash: text(hash) };
        Watch { stream: self.client.watch_transaction(request).await.unwrap().into_inner() }
    }

    async fn get(&mut self, hash: B256) -> Transaction {
        let request = GetTransactionRequest { chain_id: self.devnet.chain_id(), hash: text(hash) };
        self.client.get_transaction(request).await.unwrap().into_inner().transaction.unwrap()
    }
}

struct Watch {
    stream: Streaming<WatchTransactionResponse>,
}

impl Watch {
    /// Waits for a state; what comes before it may pass.
    async fn until(&mut self, wanted: impl Fn(&Transaction) -> bool) -> Transaction {
        loop {
            let message = self.stream.message().await.unwrap().expect("not the end of the stream");
            let transaction = message.transaction.unwrap();
            if wanted(&transaction) {
                return transaction;
            }
        }
    }

    async fn state(&mut self, state: State) -> Transaction {
        self.until(|transaction| transaction.state() == state).await
    }

    async fn ends(mut self) {
        assert_eq!(self.stream.message().await.unwrap(), None);
    }
}

fn text(hash: B256) -> String {
    format!("{hash:#x}")
}

fn block_of(transaction: &Transaction) -> (u64, String) {
    let block = transaction.inclusion.as_ref().unwrap().block.as_ref().unwrap();
    (block.number, block.hash.clone())
}

#[tokio::test]
async fn a_transaction_is_pending_then_mined_then_final_as_its_receipt_says() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let nonce = world.nonce().await;
        let hash = world.send(nonce, GWEI, None).await;
        let mut watch = world.register(hash).await;
        let pending = watch.state(State::Pending).await;
        assert_eq!((pending.sender, pending.nonce), (world.sender().to_checksum(None), Some(nonce)));
        assert_eq!((pending.label.as_str(), pending.inclusion), ("mine", None));

        world.devnet.mine_empty(1).await.unwrap();
        let mined = watch.state(State::Mined).await;
        let receipt = world.provider().get_transaction_receipt(hash).await.unwrap().unwrap();
        let inclusion = mined.inclusion.clone().unwrap();
        assert_eq!(
            block_of(&mined),
            (receipt.block_number.unwrap(), format!("{:#x}", receipt.block_hash.unwrap()))
        );
        assert_eq!(u64::from(inclusion.transaction_index), receipt.transaction_index.unwrap());
        assert_eq!((inclusion.success, inclusion.gas_used), (Some(true), receipt.gas_used));
        assert_eq!(inclusion.effective_gas_price, receipt.effective_gas_price.to_string());
        assert_eq!(inclusion.fee, (u128::from(receipt.gas_used) * receipt.effective_gas_price).to_string());
        assert_eq!((inclusion.confirmations, mined.finality()), (1, Finality::Latest));

        world.devnet.mine_empty(FINAL_AFTER - 1).await.unwrap();
        world.restart().await;
        assert_eq!(world.get(hash).await.label, "mine");
        world.devnet.mine_empty(1).await.unwrap();
        let mut watch = world.watch(hash).await;
        let settled = watch.state(State::Final).await;
        assert_eq!((block_of(&settled), settled.finality()), (block_of(&mined), Finality::Finalized));
        assert_eq!(settled.inclusion.unwrap().confirmations, FINAL_AFTER + 1);
        watch.ends().await;
        stop(world.running).await;
    }
}

#[tokio::test]
async fn what_was_registered_before_it_is_sent_or_after_it_was_mined_is_found() {
    let mut world = World::on(TestStore::sqlite()).await;
    let nonce = world.nonce().await;
    // Sent and dropped again: so the hash is known before anybody has the transaction.
    let hash = world.send(nonce, GWEI, None).await;
    let raw = world.raw(hash).await;
    let _: Option<B256> =
        world.provider().raw_request("anvil_dropTransaction".into(), (hash,)).await.unwrap();
    let mut watch = world.register(hash).await;
    watch.state(State::Unknown).await;
    let _ = world.provider().send_raw_transaction(&raw).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    world.devnet.mine_empty(1).await.unwrap();
    watch.state(State::Mined).await;

    let late = world.send(nonce + 1, GWEI, None).await;
    world.devnet.mine_empty(FINAL_AFTER + 1).await.unwrap();
    let mut watch = world.register(late).await;
    let settled = watch.state(State::Final).await;
    assert_eq!(settled.nonce, Some(nonce + 1));
    watch.ends().await;
    stop(world.running).await;
}

#[tokio::test]
async fn a_reverted_transaction_is_mined_without_success() {
    let mut world = World::on(TestStore::sqlite()).await;
    let contract = world.devnet.deployment().conditional_tokens;
    let hash = world.send(world.nonce().await, GWEI, Some((contract, vec![1, 2, 3, 4].into()))).await;
    let mut watch = world.register(hash).await;
    world.devnet.mine_empty(1).await.unwrap();
    assert_eq!(watch.state(State::Mined).await.inclusion.unwrap().success, Some(false));
    stop(world.running).await;
}

#[tokio::test]
async fn a_transaction_whose_nonce_another_one_used_is_replaced_by_it() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let nonce = world.nonce().await;
        let hash = world.send(nonce, GWEI, None).await;
        let mut watch = world.register(hash).await;
        watch.state(State::Pending).await;
        let rival = world.send(nonce, 50 * GWEI, Some((Address::repeat_byte(8), Bytes::new()))).await;
        world.devnet.mine_empty(1).await.unwrap();
        let replaced = watch.state(State::Replaced).await;
        assert_eq!((replaced.replaced_by.clone(), replaced.finality()), (text(rival), Finality::Latest));
        assert_eq!(replaced.inclusion, None);
        world.restart().await;
        world.devnet.mine_empty(FINAL_AFTER).await.unwrap();
        let mut watch = world.watch(hash).await;
        let settled = watch.until(|found| found.finality() == Finality::Finalized).await;
        assert_eq!((settled.state(), settled.replaced_by), (State::Replaced, text(rival)));
        watch.ends().await;
        stop(world.running).await;
    }
}

#[tokio::test]
async fn a_transaction_that_no_node_has_is_dropped_in_time_and_may_come_back() {
    let mut world = World::on(TestStore::sqlite()).await;
    let hash = world.send(world.nonce().await, GWEI, None).await;
    let raw = world.raw(hash).await;
    let mut watch = world.register(hash).await;
    watch.state(State::Pending).await;
    let _: Option<B256> =
        world.provider().raw_request("anvil_dropTransaction".into(), (hash,)).await.unwrap();
    world.clock.advance(DROPPED_AFTER);
    world.devnet.mine_empty(1).await.unwrap();
    watch.state(State::Dropped).await;
    let _ = world.provider().send_raw_transaction(&raw).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    world.devnet.mine_empty(1).await.unwrap();
    watch.state(State::Mined).await;
    stop(world.running).await;
}

#[tokio::test]
async fn a_reorg_moves_a_mined_transaction_to_its_other_block() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let hash = world.send(world.nonce().await, GWEI, None).await;
        let mut watch = world.register(hash).await;
        world.devnet.mine_empty(3).await.unwrap();
        let before = block_of(&watch.state(State::Mined).await);
        world.devnet.reorg_postponing(3).await.unwrap();
        world.devnet.mine_empty(1).await.unwrap();
        let after = watch.until(|found| found.inclusion.is_some() && block_of(found) != before).await;
        let receipt = world.provider().get_transaction_receipt(hash).await.unwrap().unwrap();
        assert_eq!(block_of(&after).1, format!("{:#x}", receipt.block_hash.unwrap()));
        assert_eq!(block_of(&after).0, before.0 + 1);
        world.devnet.mine_empty(FINAL_AFTER).await.unwrap();
        assert_eq!(block_of(&watch.state(State::Final).await), block_of(&after));
        watch.ends().await;
        stop(world.running).await;
    }
}

#[tokio::test]
async fn a_reorg_while_the_indexer_is_away_leads_back_to_pending_or_to_a_rival_and_again() {
    let mut world = World::on(TestStore::sqlite()).await;
    let nonce = world.nonce().await;
    let hash = world.send(nonce, GWEI, None).await;
    let raw = world.raw(hash).await;
    let mut watch = world.register(hash).await;
    world.devnet.mine_empty(2).await.unwrap();
    let first = block_of(&watch.state(State::Mined).await);

    // The blocks are gone with what was in them, and nobody sends it again.
    stop(world.running.clone()).await;
    world.devnet.reorg(2).await.unwrap();
    world.devnet.mine_empty(1).await.unwrap();
    world.restart().await;
    let mut watch = world.watch(hash).await;
    watch.state(State::Pending).await;

    let rival = world.send(nonce, GWEI, Some((Address::repeat_byte(8), Bytes::new()))).await;
    world.devnet.mine_empty(1).await.unwrap();
    assert_eq!(watch.state(State::Replaced).await.replaced_by, text(rival));

    world.devnet.reorg(1).await.unwrap();
    let _ = world.provider().send_raw_transaction(&raw).await.unwrap();
    world.devnet.mine_empty(1).await.unwrap();
    let again = watch.state(State::Mined).await;
    assert_ne!(block_of(&again), first);
    world.devnet.mine_empty(FINAL_AFTER).await.unwrap();
    assert_eq!(block_of(&watch.state(State::Final).await), block_of(&again));
    stop(world.running).await;
}

#[tokio::test]
async fn recent_transactions_are_listed_newest_first_by_state_and_sender() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let mut expected = Vec::new();
        for index in 0..5 {
            let hash = B256::repeat_byte(index);
            world.register(hash).await;
            expected.insert(0, text(hash));
            // Two of them at the same moment.
            world.clock.advance(Duration::from_millis(u64::from(index % 2)));
        }
        expected.sort_by_key(|hash| std::cmp::Reverse(hash.clone()));
        let sent = world.send(world.nonce().await, GWEI, None).await;
        world.clock.advance(Duration::from_millis(1));
        world.register(sent).await.state(State::Pending).await;
        let unknown = ListRecentTransactionsRequest { state: State::Unknown.into(), ..Default::default() };
        assert_eq!(listed(&mut world, unknown).await, expected);
        let sender = world.sender().to_checksum(None);
        let of_sender = ListRecentTransactionsRequest { sender, ..Default::default() };
        assert_eq!(listed(&mut world, of_sender).await, [text(sent)]);
        expected.insert(0, text(sent));
        assert_eq!(listed(&mut world, ListRecentTransactionsRequest::default()).await, expected);
        stop(world.running).await;
    }
}

/// Every page of two.
async fn listed(world: &mut World, mut request: ListRecentTransactionsRequest) -> Vec<String> {
    request.page_size = 2;
    let mut hashes = Vec::new();
    loop {
        let page = world.client.list_recent_transactions(request.clone()).await.unwrap().into_inner();
        assert!(page.as_of.is_some() && page.transactions.len() <= 2);
        hashes.extend(page.transactions.into_iter().map(|found| found.hash));
        if page.next_page_token.is_empty() {
            return hashes;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn what_cannot_be_registered_or_found_is_refused_with_the_reason() {
    let mut world = World::on(TestStore::sqlite()).await;
    let good = text(B256::repeat_byte(1));
    let refused = [
        (99, good.clone(), String::new(), Code::NotFound, "CHAIN_NOT_CONFIGURED"),
        (0, "0x12".into(), String::new(), Code::InvalidArgument, "hash"),
        (0, format!("{good}{}", &good[2..]), String::new(), Code::InvalidArgument, "hash"),
        (0, good.clone(), "x".repeat(201), Code::InvalidArgument, "label"),
    ];
    for (chain_id, hash, label, code, what) in refused {
        let request = RegisterTransactionRequest { chain_id, hash, label };
        let status = world.client.register_transaction(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        let field = status.get_details_bad_request().map(|bad| bad.field_violations[0].field.clone());
        let reason = status.get_details_error_info().unwrap().reason;
        assert!(field.as_deref() == Some(what) || reason == what, "{status:?}");
    }
    let request = GetTransactionRequest { chain_id: 0, hash: good.clone() };
    let status = world.client.get_transaction(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_details_error_info().unwrap().reason, "TRANSACTION_NOT_REGISTERED");

    let mut request = RegisterTransactionRequest { chain_id: 0, hash: good, label: "a".into() };
    let first = world.client.register_transaction(request.clone()).await.unwrap().into_inner();
    world.clock.advance(Duration::from_secs(1));
    let again = world.client.register_transaction(request.clone()).await.unwrap().into_inner();
    let at = |of: Option<Transaction>| of.unwrap().registered_at;
    assert_eq!(at(again.transaction), at(first.transaction));
    request.label = "b".into();
    let status = world.client.register_transaction(request).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    stop(world.running).await;
}

//! The devnet against a real anvil.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol,
    sol_types::{SolCall, SolEvent, SolValue},
};
use capstan_devnet::{Block, Devnet, Options};
use tokio_util::sync::CancellationToken;

sol! {
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function getBlockNumber() external view returns (uint256);
    event FPMMBuy(address indexed buyer, uint256 investment, uint256 fee, uint256 indexed outcome, uint256 tokens);
    event FPMMSell(address indexed seller, uint256 returned, uint256 fee, uint256 indexed outcome, uint256 tokens);
    event MarketCreated(bytes32 indexed marketId, bytes32 indexed conditionId, address indexed creator,
        bytes32 questionId, address collateralToken, string question, string[] outcomes, uint256 resolutionTime);
    event AMMDeployed(bytes32 indexed marketId, address indexed amm, uint256 fee);
    event MarketResolved(bytes32 indexed marketId, bytes32 indexed conditionId, uint256[] payouts);
    event PayoutRedemption(address indexed redeemer, address indexed collateral, bytes32 indexed parent,
        bytes32 conditionId, uint256[] indexSets, uint256 payout);
    event PositionsMerge(address indexed stakeholder, address collateral, bytes32 indexed parent,
        bytes32 indexed conditionId, uint256[] partition, uint256 amount);
}

async fn started() -> Devnet {
    Devnet::start(Options::default()).await.unwrap()
}

fn kept_in(folder: &Path) -> Options {
    Options { state_dir: Some(folder.to_owned()), ..Options::default() }
}

async fn steps(devnet: &mut Devnet, count: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    for _ in 0..count {
        blocks.push(devnet.step().await.unwrap());
    }
    blocks
}

fn provider(devnet: &Devnet) -> DynProvider {
    ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap()).erased()
}

/// Every block hash from genesis to the tip.
async fn hashes(devnet: &Devnet) -> Vec<B256> {
    let provider = provider(devnet);
    let mut hashes = Vec::new();
    for number in 0..=provider.get_block_number().await.unwrap() {
        hashes.push(provider.get_block_by_number(number.into()).await.unwrap().unwrap().header.hash);
    }
    hashes
}

fn assert_hardly_any_failed(blocks: &[Block]) {
    let transactions: usize = blocks.iter().map(|block| block.transactions).sum();
    let failed: usize = blocks.iter().map(|block| block.failed).sum();
    assert!(transactions >= blocks.len() * 2, "only {transactions} transactions in {} blocks", blocks.len());
    assert!(failed * 50 < transactions, "{failed} of {transactions} failed");
}

#[tokio::test]
async fn fifty_blocks_of_traffic_hardly_fail() {
    let mut devnet = started().await;
    let blocks = steps(&mut devnet, 50).await;
    assert_hardly_any_failed(&blocks);
    assert_eq!(hashes(&devnet).await.last(), blocks.last().map(|block| &block.hash));
}

#[tokio::test]
async fn the_set_up_holds_markets_of_every_kind() {
    let devnet = started().await;
    let deployment = devnet.deployment();
    let open = deployment.markets.iter().filter(|market| market.payouts.is_none());
    let shapes: HashSet<(usize, u8)> = open
        .map(|market| (market.outcomes.len(), deployment.token(market.collateral).unwrap().decimals))
        .collect();
    assert!(
        [(2, 6), (4, 6), (2, 18), (3, 18), (2, 8)].iter().all(|shape| shapes.contains(shape)),
        "{shapes:?}"
    );
    assert_eq!(deployment.markets.iter().filter(|market| market.market_id.is_none()).count(), 1);
    assert_eq!(deployment.accounts.len(), 20);
    assert_eq!(deployment.pools.len(), 7);
}

#[tokio::test]
async fn markets_are_traded_together_created_resolved_and_redeemed() {
    let mut devnet = started().await;
    let lasting = devnet.deployment().markets.len();
    assert_hardly_any_failed(&steps(&mut devnet, 260).await);
    let provider = provider(&devnet);
    let logs = provider.get_logs(&Filter::new().from_block(0)).await.unwrap();
    let count = |topic: B256| logs.iter().filter(|log| log.topic0() == Some(&topic)).count();
    assert_eq!(count(MarketCreated::SIGNATURE_HASH), devnet.deployment().markets.len() - 1);
    assert_eq!(count(AMMDeployed::SIGNATURE_HASH), count(MarketCreated::SIGNATURE_HASH));
    assert!(devnet.deployment().markets.len() >= lasting + 4);
    assert!(count(MarketResolved::SIGNATURE_HASH) >= 2);
    assert!(count(PayoutRedemption::SIGNATURE_HASH) >= 1);
    assert!(count(PositionsMerge::SIGNATURE_HASH) >= 1);

    let mut trades: HashMap<(Option<u64>, Address), usize> = HashMap::new();
    let traded = [FPMMBuy::SIGNATURE_HASH, FPMMSell::SIGNATURE_HASH];
    for log in logs.iter().filter(|log| log.topic0().is_some_and(|topic| traded.contains(topic))) {
        *trades.entry((log.block_number, log.address())).or_default() += 1;
    }
    assert!(
        trades.values().filter(|&&count| count >= 2).count() >= 10,
        "no blocks with several trades of a market"
    );
    let open = devnet.deployment().markets.iter().filter(|market| market.payouts.is_none()).count();
    assert!(open >= 9, "{open} open markets");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_block_hashes_and_another_seed_does_not() {
    let (mut first, mut second) = (started().await, started().await);
    let mut other = Devnet::start(Options { seed: 8, ..Options::default() }).await.unwrap();
    let last = steps(&mut first, 20).await.pop();
    assert_eq!(last, steps(&mut second, 20).await.pop());
    assert_ne!(last, steps(&mut other, 20).await.pop());
    assert_eq!(hashes(&first).await, hashes(&second).await);
}

/// With a journal everything is set up transaction by transaction, without one it is copied.
#[tokio::test]
async fn a_copied_set_up_is_the_chain_that_was_set_up_and_goes_on_as_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for options in [kept_in(folder.path()), Options::default(), Options::default()] {
        let mut devnet = Devnet::start(options).await.unwrap();
        steps(&mut devnet, 4).await;
        devnet.reorg(4).await.unwrap();
        steps(&mut devnet, 2).await;
        // Into the blocks of the set-up.
        devnet.reorg_postponing(4).await.unwrap();
        let logs = provider(&devnet).get_logs(&Filter::new().from_block(0)).await.unwrap();
        all.push((hashes(&devnet).await, logs, format!("{:?}", devnet.deployment())));
    }
    assert_eq!(all[0].0, all[1].0);
    assert!(all.iter().all(|one| *one == all[0]));
}

#[tokio::test]
async fn a_killed_chain_comes_back_with_the_same_hashes_and_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let mut devnet = Devnet::start(kept_in(folder.path())).await.unwrap();
    steps(&mut devnet, 15).await;
    devnet.reorg(4).await.unwrap();
    devnet.mine_empty(2).await.unwrap();
    steps(&mut devnet, 10).await;
    devnet.reorg_postponing(3).await.unwrap();
    let before = hashes(&devnet).await;
    let markets = format!("{:?}", devnet.deployment().markets);
    drop(devnet);

    let mut again = Devnet::start(kept_in(folder.path())).await.unwrap();
    assert_eq!(hashes(&again).await, before);
    assert_eq!(format!("{:?}", again.deployment().markets), markets);
    let resumed = steps(&mut again, 10).await;
    assert_hardly_any_failed(&resumed);

    let mut undisturbed = started().await;
    steps(&mut undisturbed, 15).await;
    undisturbed.reorg(4).await.unwrap();
    undisturbed.mine_empty(2).await.unwrap();
    steps(&mut undisturbed, 10).await;
    undisturbed.reorg_postponing(3).await.unwrap();
    assert_eq!(steps(&mut undisturbed, 10).await, resumed);
}

#[tokio::test]
async fn a_block_that_was_announced_but_not_mined_is_mined_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut devnet = Devnet::start(kept_in(folder.path())).await.unwrap();
    let last = steps(&mut devnet, 5).await.pop().unwrap();
    drop(devnet);
    let journal = folder.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let mined = text.trim_end().rfind('\n').unwrap() + 1;
    assert!(text[mined..].starts_with("{\"mined\""));
    // The kill came in the middle of the line that follows the block.
    std::fs::write(&journal, &text[..mined + 10]).unwrap();
    let again = Devnet::start(kept_in(folder.path())).await.unwrap();
    assert_eq!(hashes(&again).await.last(), Some(&last.hash));
}

#[tokio::test]
async fn a_journal_that_gives_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut devnet = Devnet::start(kept_in(folder.path())).await.unwrap();
    let last = steps(&mut devnet, 3).await.pop().unwrap();
    drop(devnet);
    let journal = folder.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replace(&last.hash.to_string(), &B256::repeat_byte(1).to_string()))
        .unwrap();
    let error = format!("{:#}", Devnet::start(kept_in(folder.path())).await.unwrap_err());
    assert!(error.contains("does not give the same chain again"), "{error}");
    let other = Options { seed: 8, ..kept_in(folder.path()) };
    let error = Devnet::start(other).await.unwrap_err().to_string();
    assert!(error.contains("holds another chain"), "{error}");
}

#[tokio::test]
async fn transactions_of_others_are_mined_and_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut devnet = Devnet::start(kept_in(folder.path())).await.unwrap();
    let key = PrivateKeySigner::from_bytes(&devnet.deployment().accounts[3].private_key).unwrap();
    let sender = ProviderBuilder::new().wallet(key).connect_http(devnet.http_url().parse().unwrap());
    let to = Address::repeat_byte(0x77);
    let pay = TransactionRequest::default().with_to(to).with_value(U256::from(5));
    let sent = *sender.send_transaction(pay).await.unwrap().tx_hash();
    steps(&mut devnet, 3).await;
    let mined = provider(&devnet).get_transaction_receipt(sent).await.unwrap().unwrap();
    drop(devnet);
    let again = Devnet::start(kept_in(folder.path())).await.unwrap();
    let receipt = provider(&again).get_transaction_receipt(sent).await.unwrap().unwrap();
    assert_eq!(receipt.block_hash, mined.block_hash);
    assert_eq!(provider(&again).get_balance(to).await.unwrap(), U256::from(5));
}

#[tokio::test]
async fn traffic_goes_on_after_a_reorg() {
    let mut devnet = started().await;
    let lost = steps(&mut devnet, 60).await;
    let before = hashes(&devnet).await;
    devnet.reorg(5).await.unwrap();
    let after = hashes(&devnet).await;
    assert_eq!(after.len(), before.len());
    let common = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    assert_eq!(common, before.len() - 5);
    assert!(!after.contains(&lost.last().unwrap().hash));
    assert_hardly_any_failed(&steps(&mut devnet, 30).await);
}

#[tokio::test]
async fn a_postponing_reorg_mines_the_same_transactions_in_other_blocks() {
    let mut devnet = started().await;
    let lost = steps(&mut devnet, 10).await.pop().unwrap();
    let provider = provider(&devnet);
    let transactions = async |number: u64| -> Vec<B256> {
        provider.get_block_by_number(number.into()).await.unwrap().unwrap().transactions.hashes().collect()
    };
    let first = lost.number - 3;
    let (before, last) = (transactions(first).await, transactions(lost.number).await);
    assert!(before.len() >= 2);
    devnet.reorg_postponing(4).await.unwrap();
    assert!(transactions(first).await.is_empty());
    assert_eq!(transactions(first + 1).await, before);
    assert!(transactions(lost.number).await.ends_with(&last));
    assert_hardly_any_failed(&steps(&mut devnet, 20).await);
}

#[tokio::test]
async fn permit2_and_multicall3_are_the_real_ones() {
    let devnet = started().await;
    let provider = provider(&devnet);
    let read = async |to: Address, input: Vec<u8>| -> Bytes {
        provider.call(TransactionRequest::default().with_to(to).with_input(input)).latest().await.unwrap()
    };
    let permit2 = devnet.deployment().permit2;
    let domain = (
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
        keccak256("Permit2"),
        U256::from(devnet.chain_id()),
        permit2,
    );
    let separator = read(permit2, DOMAIN_SEPARATORCall {}.abi_encode()).await;
    assert_eq!(B256::from_slice(&separator), keccak256(domain.abi_encode()));

    let number = read(devnet.deployment().multicall3, getBlockNumberCall {}.abi_encode()).await;
    assert_eq!(U256::from_be_slice(&number), U256::from(devnet.block_number()));
}

#[tokio::test]
async fn the_configuration_names_every_contract_to_follow() {
    let devnet = started().await;
    let toml: toml::Table = devnet.config_toml().parse().unwrap();
    let chain = toml["chains"][0].as_table().unwrap();
    assert_eq!(chain["id"].as_integer(), Some(13370));
    assert_eq!(chain["rpc_urls"][1].as_str(), Some(devnet.ws_url().as_str()));
    assert_eq!(chain["tokens"].as_array().unwrap().len(), 4);
    let contracts = chain["contracts"].as_array().unwrap();
    assert_eq!(contracts.len(), 5);
    assert!(Path::new(contracts[4]["abi"].as_str().unwrap()).is_file());
    assert_eq!(contracts[4]["events"]["AMMDeployed"].as_str(), Some("market.amm_deployed"));
}

#[tokio::test]
async fn running_ends_when_cancelled_and_a_missing_installation_is_named() {
    let mut devnet = started().await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    devnet.run(shutdown).await.unwrap();
    devnet.stop().await.unwrap();

    let nowhere = tempfile::tempdir().unwrap();
    let options = Options { dev_dir: nowhere.path().to_owned(), ..Options::default() };
    let error = Devnet::start(options).await.unwrap_err().to_string();
    assert!(error.starts_with("anvil not found at") && error.ends_with("run dev/install"), "{error}");
}

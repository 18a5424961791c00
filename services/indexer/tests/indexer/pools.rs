//! Liquidity pools: what is served of each is what its contract says at the same block.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, I256, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::Filter,
    sol_types::SolEvent,
};
use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options, PoolVersion};
use capstan_indexer::{Config, Indexer};
use capstan_primitives::Clock;
use capstan_proto::indexer::{
    AddContractRequest, GetPoolRequest, ListPoolsRequest, Pool, ResetChainRequest,
    indexer_admin_service_client::IndexerAdminServiceClient, pool::Depth,
    pool_service_client::PoolServiceClient,
};
use capstan_runtime::{Instance, Platform, Running, bind, platform::FinalityRule, start};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt;

use self::contracts::{Concentrated, Pair, PairCreated, PoolCreated};
use crate::harness::{head, look_again, platform, stop};

/// Further than any reorg of these tests.
const FINAL_AFTER: u64 = 30;
const DAY: u64 = 86_400;

mod contracts {
    #![allow(clippy::too_many_arguments, reason = "as the contracts declare them")]

    use alloy::sol;

    sol! {
        #[sol(rpc)]
        contract Pair {
            event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to);
            function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 time);
        }

        #[sol(rpc)]
        contract Concentrated {
            event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick);
            function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 index, uint16 cardinality, uint16 next, uint8 fee, bool unlocked);
            function liquidity() external view returns (uint128);
            function tickSpacing() external view returns (int24);
        }

        event PairCreated(address indexed token0, address indexed token1, address pair, uint256);
        event PoolCreated(address indexed token0, address indexed token1, uint24 indexed fee, int24 tickSpacing, address pool);
    }
}

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) store: TestStore,
    pub(crate) running: Running,
    pub(crate) client: PoolServiceClient<Channel>,
}

async fn serve(devnet: &Devnet, store: &TestStore) -> (Running, PoolServiceClient<Channel>) {
    serve_without(devnet, store, "").await
}

/// All but the contracts of protocols that begin so are configured.
async fn serve_without(
    devnet: &Devnet,
    store: &TestStore,
    protocol: &str,
) -> (Running, PoolServiceClient<Channel>) {
    let change = |platform: &mut Platform, _: &mut Config| {
        let contracts = &mut platform.chains[0].contracts;
        contracts.retain(|contract| protocol.is_empty() || !contract.protocol.starts_with(protocol));
    };
    serve_with(devnet, store, change).await
}

pub(crate) async fn serve_with(
    devnet: &Devnet,
    store: &TestStore,
    change: impl FnOnce(&mut Platform, &mut Config),
) -> (Running, PoolServiceClient<Channel>) {
    let mut platform = platform(devnet, store);
    platform.chains[0].finality = FinalityRule::Blocks(FINAL_AFTER);
    let mut config = Config { poll_interval_ms: 20, batch_blocks: 7, ..Config::default() };
    change(&mut platform, &mut config);
    let listener = bind::<Indexer>(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let instance = Instance { platform, config, clock: Clock::System };
    let running = start::<Indexer>(listener, instance).await.unwrap();
    let client = PoolServiceClient::connect(running.url()).await.unwrap();
    (running, client)
}

impl World {
    /// A chain on which a day is twelve blocks.
    async fn on(store: TestStore) -> Self {
        Self::serving(store, |_, _| ()).await
    }

    pub(crate) async fn serving(store: TestStore, change: impl FnOnce(&mut Platform, &mut Config)) -> Self {
        let block_interval = Duration::from_secs(DAY / 12);
        let options = Options { block_interval, transactions_per_block: 6, ..Options::default() };
        let devnet = Devnet::start(options).await.unwrap();
        let (running, client) = serve_with(&devnet, &store, change).await;
        Self { devnet, store, running, client }
    }

    pub(crate) fn provider(&self) -> impl Provider + use<> {
        ProviderBuilder::new().connect_http(self.devnet.http_url().parse().unwrap())
    }

    pub(crate) async fn steps(&mut self, blocks: usize) {
        for _ in 0..blocks {
            self.devnet.step().await.unwrap();
        }
    }

    /// The pools as of the chain's newest block.
    pub(crate) async fn level(&mut self) -> Vec<Pool> {
        let (_, head) = head(&self.devnet).await;
        loop {
            let page = self.client.list_pools(ListPoolsRequest::default()).await.unwrap().into_inner();
            let block = page.as_of.and_then(|as_of| as_of.block);
            if block.is_some_and(|block| block.hash == format!("{head:#x}")) {
                return page.pools;
            }
            look_again().await;
        }
    }

    /// Compares every pool with its contract, and volumes with the logs of its trades.
    async fn compare(&mut self) {
        let pools = self.level().await;
        let (number, hash) = head(&self.devnet).await;
        let trades = self.trades(number).await;
        let expected = self.devnet.deployment().pools.clone();
        assert_eq!(pools.len(), expected.len());
        for known in expected {
            let pool = pools.iter().find(|pool| pool.address == known.address.to_checksum(None)).unwrap();
            assert_eq!(pool.token0, known.token0.to_checksum(None));
            assert_eq!((&pool.token1, pool.fee), (&known.token1.to_checksum(None), known.fee));
            self.compare_depth(pool, &known, hash).await;
            let traded = trades.get(&known.address).copied().unwrap_or_default();
            assert_eq!((&pool.volume0, &pool.volume1), (&traded.in0.to_string(), &traded.in1.to_string()));
            assert_eq!(pool.last_trade.as_ref().map(|block| block.number), traded.last);
        }
    }

    pub(crate) async fn compare_depth(&self, pool: &Pool, known: &capstan_devnet::Pool, at: B256) {
        match known.version {
            PoolVersion::V2 => self.compare_pair(pool, known.address, at).await,
            PoolVersion::V3 => self.compare_concentrated(pool, known.address, at).await,
        }
    }

    async fn compare_pair(&self, pool: &Pool, address: Address, at: B256) {
        let contract = Pair::new(address, self.provider());
        let reserves = contract.getReserves().block(BlockId::hash(at)).call().await.unwrap();
        let Some(Depth::Reserves(served)) = &pool.depth else { panic!("{pool:?}") };
        assert_eq!(served.reserve0, reserves.reserve0.to_string());
        assert_eq!(served.reserve1, reserves.reserve1.to_string());
        assert_eq!((pool.protocol.as_str(), pool.tick_spacing), ("uniswap.v2.pair", None));
    }

    async fn compare_concentrated(&self, pool: &Pool, address: Address, at: B256) {
        let (contract, at) = (Concentrated::new(address, self.provider()), BlockId::hash(at));
        let slot = contract.slot0().block(at).call().await.unwrap();
        let liquidity = contract.liquidity().block(at).call().await.unwrap();
        let spacing = contract.tickSpacing().block(at).call().await.unwrap();
        let Some(Depth::Concentrated(served)) = &pool.depth else { panic!("{pool:?}") };
        assert_eq!(served.sqrt_price_x96, slot.sqrtPriceX96.to_string());
        assert_eq!((served.tick, &served.liquidity), (slot.tick.as_i32(), &liquidity.to_string()));
        assert_eq!((pool.protocol.as_str(), pool.tick_spacing), ("uniswap.v3.pool", Some(spacing.as_i32())));
    }

    /// What went into each pool within the day before block `number`, and its last trade.
    pub(crate) async fn trades(&self, number: u64) -> BTreeMap<Address, Traded> {
        let provider = self.provider();
        let mut times = BTreeMap::new();
        for number in 0..=number {
            let block = provider.get_block_by_number(number.into()).await.unwrap().unwrap();
            times.insert(number, block.header.timestamp);
        }
        let topics = vec![Pair::Swap::SIGNATURE_HASH, Concentrated::Swap::SIGNATURE_HASH];
        let logs = provider.get_logs(&Filter::new().from_block(0).event_signature(topics)).await.unwrap();
        let mut trades: BTreeMap<Address, Traded> = BTreeMap::new();
        for log in logs {
            let (in0, in1) = match log.log_decode::<Pair::Swap>() {
                Ok(swap) => (swap.inner.amount0In, swap.inner.amount1In),
                Err(_) => {
                    let swap = log.log_decode::<Concentrated::Swap>().unwrap().inner.data;
                    let received = |amount: I256| amount.max(I256::ZERO).into_raw();
                    (received(swap.amount0), received(swap.amount1))
                }
            };
            let (block, traded) = (log.block_number.unwrap(), trades.entry(log.address()).or_default());
            traded.last = Some(block);
            if times[&block] + DAY > times[&number] {
                traded.in0 += in0;
                traded.in1 += in1;
            }
        }
        trades
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traded {
    pub(crate) in0: U256,
    pub(crate) in1: U256,
    last: Option<u64>,
}

#[tokio::test]
async fn every_pool_is_as_its_contract_says_after_traffic_reorgs_and_restarts() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        world.steps(40).await;
        world.compare().await;
        for depth in [1, 5, 20] {
            world.steps(10).await;
            world.compare().await;
            world.devnet.reorg(depth).await.unwrap();
            world.compare().await;
        }
        world.steps(10).await;
        world.devnet.reorg_postponing(5).await.unwrap();
        world.compare().await;
        stop(world.running.clone()).await;
        world.devnet.reorg(8).await.unwrap();
        world.steps(12).await;
        (world.running, world.client) = serve(&world.devnet, &world.store).await;
        world.compare().await;
        // A day without a trade.
        world.devnet.mine_empty(12).await.unwrap();
        world.compare().await;
        let pools = world.level().await;
        assert!(pools.iter().all(|pool| pool.volume0 == "0" && pool.last_trade.is_some()));
        stop(world.running).await;
    }
}

#[tokio::test]
async fn a_pool_whose_block_leaves_the_chain_is_gone() {
    let mut world = World::on(TestStore::sqlite()).await;
    let pools = world.level().await;
    let request =
        ListPoolsRequest { page_size: i32::try_from(pools.len()).unwrap() - 1, ..Default::default() };
    let page_token = world.client.list_pools(request.clone()).await.unwrap().into_inner().next_page_token;
    let last_of_page = pools[pools.len() - 2].created_block;
    let depth = head(&world.devnet).await.0 - last_of_page + 1;
    let empty: [(); 0] = [];
    let _: Option<()> = world.provider().raw_request("anvil_reorg".into(), (depth, empty)).await.unwrap();
    let topics = vec![PairCreated::SIGNATURE_HASH, PoolCreated::SIGNATURE_HASH];
    let filter = Filter::new().from_block(0).event_signature(topics);
    let left = world.provider().get_logs(&filter).await.unwrap().len();
    assert!(left < pools.len());
    assert_eq!(world.level().await.len(), left);
    let next = ListPoolsRequest { page_token, ..request };
    let status = world.client.list_pools(next).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(status.get_details_error_info().unwrap().reason, "PAGE_REORGED");
    stop(world.running).await;
}

/// Older states of a pool are let go a day before what is final: only a reset goes back farther.
#[tokio::test]
async fn pools_are_right_after_a_reset_to_where_their_states_were_let_go() {
    for store in TestStore::both().await {
        let mut world = World::on(store).await;
        let kept = head(&world.devnet).await.0 + 15;
        world.steps(75).await;
        world.compare().await;
        let depth = head(&world.devnet).await.0 - kept;
        let empty: [(); 0] = [];
        let _: Option<()> = world.provider().raw_request("anvil_reorg".into(), (depth, empty)).await.unwrap();
        let mut admin = IndexerAdminServiceClient::connect(world.running.url()).await.unwrap();
        let reset = ResetChainRequest { chain_id: 0, block: kept };
        admin.reset_chain(reset).await.unwrap();
        world.compare().await;
        stop(world.running).await;
    }
}

#[tokio::test]
async fn the_pools_of_a_factory_that_is_configured_later_are_whole() {
    let mut world = World::on(TestStore::sqlite()).await;
    stop(world.running.clone()).await;
    world.store = TestStore::sqlite();
    (world.running, world.client) = serve_without(&world.devnet, &world.store, "uniswap.v3.factory").await;
    world.steps(10).await;
    let first = world.level().await;
    assert!(!first.is_empty() && first.iter().all(|pool| pool.protocol == "uniswap.v2.pair"));
    stop(world.running.clone()).await;
    (world.running, world.client) = serve(&world.devnet, &world.store).await;
    let all = world.devnet.deployment().pools.len();
    while world.level().await.len() < all {
        look_again().await;
    }
    world.compare().await;
    stop(world.running).await;
}

#[tokio::test]
async fn a_factory_that_is_added_while_the_chain_is_followed_makes_pools() {
    let mut world = World::on(TestStore::sqlite()).await;
    stop(world.running.clone()).await;
    world.store = TestStore::sqlite();
    (world.running, world.client) = serve_without(&world.devnet, &world.store, "uniswap").await;
    world.steps(10).await;
    let mut admin = IndexerAdminServiceClient::connect(world.running.url()).await.unwrap();
    let uniswap = &world.devnet.deployment().uniswap;
    for (protocol, address) in
        [("uniswap.v2.factory", uniswap.v2_factory), ("uniswap.v3.factory", uniswap.v3_factory)]
    {
        let (address, protocol) = (address.to_string(), protocol.to_owned());
        let request = AddContractRequest { address, protocol, ..Default::default() };
        admin.add_contract(request).await.unwrap();
    }
    let all = world.devnet.deployment().pools.len();
    let whole = async {
        while world.level().await.len() < all {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), whole).await.unwrap();
    world.compare().await;
    stop(world.running).await;
}

#[tokio::test]
async fn pools_are_listed_page_by_page_by_protocol_and_token() {
    let mut world = World::on(TestStore::sqlite()).await;
    let pools = world.level().await;
    let addresses = |pools: &[Pool]| pools.iter().map(|pool| pool.address.clone()).collect::<Vec<_>>();
    let created: Vec<_> = pools.iter().map(|pool| pool.created_block).collect();
    assert!(created.is_sorted());
    let token = &pools[0].token0;
    let filters = [
        ListPoolsRequest::default(),
        ListPoolsRequest { protocol: "uniswap.v2.pair".into(), ..Default::default() },
        ListPoolsRequest { protocol: "uniswap.v3.pool".into(), ..Default::default() },
        ListPoolsRequest { token: token.to_lowercase(), ..Default::default() },
    ];
    for mut request in filters {
        request.page_size = 2;
        let is_wanted = |pool: &&Pool| {
            let of_protocol = request.protocol.is_empty() || pool.protocol == request.protocol;
            let of_token = request.token.is_empty() || pool.token0 == *token || pool.token1 == *token;
            of_protocol && of_token
        };
        let expected: Vec<Pool> = pools.iter().filter(is_wanted).cloned().collect();
        let mut found = Vec::new();
        loop {
            let page = world.client.list_pools(request.clone()).await.unwrap().into_inner();
            found.extend(page.pools);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert!(!expected.is_empty());
        assert_eq!(addresses(&found), addresses(&expected));
    }
    for pool in &pools {
        let request = GetPoolRequest { chain_id: 0, address: pool.address.to_lowercase() };
        let found = world.client.get_pool(request).await.unwrap().into_inner();
        assert_eq!((found.pool.as_ref(), found.as_of.is_some()), (Some(pool), true));
    }
    stop(world.running).await;
}

#[tokio::test]
async fn a_wrong_question_about_pools_is_refused_with_the_reason() {
    let mut world = World::on(TestStore::sqlite()).await;
    world.level().await;
    let bad = [
        (ListPoolsRequest { protocol: "uniswap".into(), ..Default::default() }, "protocol"),
        (ListPoolsRequest { token: "0x12".into(), ..Default::default() }, "token"),
        (ListPoolsRequest { page_size: -1, ..Default::default() }, "page_size"),
        (ListPoolsRequest { page_token: "nonsense".into(), ..Default::default() }, "page_token"),
    ];
    for (request, field) in bad {
        let status = world.client.list_pools(request).await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
    let nobody = GetPoolRequest { chain_id: 0, address: Address::ZERO.to_checksum(None) };
    let status = world.client.get_pool(nobody).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_details_error_info().unwrap().reason, "POOL_UNKNOWN");
    let elsewhere = GetPoolRequest { chain_id: 99, address: Address::ZERO.to_checksum(None) };
    assert_eq!(world.client.get_pool(elsewhere).await.unwrap_err().code(), Code::NotFound);
    stop(world.running).await;
}

//! Every question and its answer, on both stores.

use capstan_db::testing::TestStore;
use capstan_market::simulated::{COLLATERAL, MARKET_FACTORY, SimulatedPool, World, user};
use capstan_primitives::{Address, Hash, U256};
use capstan_proto::{
    indexer::Heartbeat,
    indexer::stream_events_response::Message,
    market::{self as wire, ActivityKind, MarketSource, TradeSide},
    primitives::{AsOf, Finality},
};

use crate::platform::{CHAIN, TestPlatform};

fn whole(number: u64) -> U256 {
    U256::from(number) * U256::from(1_000_000u64)
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

/// A factory market that was traded and resolved, a bare pool of three outcomes, an empty pool.
fn scene() -> World {
    let mut world = World::new(CHAIN);
    let rain = world.create_market(user(1), "Will it rain?", &["Yes", "No"], whole(1_000));
    world.log.mine();
    let three = world.prepare(user(7), Hash::from([3; 32]), 3);
    let bare = world.create_pool(user(2), &[three], U256::ZERO, whole(300));
    world.create_pool(user(2), &[three], U256::from(1), U256::ZERO);
    world.log.mine();
    world.log.transaction();
    world.buy(user(3), rain, whole(100), 0);
    world.log.transaction();
    world.buy(user(4), rain, whole(50), 1);
    world.buy(user(3), bare, whole(10), 2);
    world.log.mine();
    world.log.mine();
    let condition = world.pools[rain].conditions[0];
    let sets = world.single_sets(condition);
    world.sell(user(3), rain, whole(20), 0).unwrap();
    world.split(user(5), (Hash::ZERO, condition), &sets, whole(9));
    world.merge(user(5), (Hash::ZERO, condition), &sets, whole(4));
    world.add_funding(user(6), rain, whole(40));
    world.remove_funding(user(6), rain, whole(10));
    world.log.mine();
    world.resolve_market(0, &[U256::from(1), U256::ZERO]);
    world.redeem(user(5), (Hash::ZERO, condition), &sets[..1]);
    world.log.mine();
    world
}

pub(crate) async fn on_both(check: impl AsyncFnMut(&mut TestPlatform, &World)) {
    on_both_with(scene(), check).await;
}

/// Platforms on both stores that know all of a chain, which is final.
pub(crate) async fn on_both_with(world: World, mut check: impl AsyncFnMut(&mut TestPlatform, &World)) {
    let head = world.log.head().unwrap().number;
    for store in TestStore::both().await {
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        session.apply(&world, 1, head);
        session.say(Message::Heartbeat(world.log.heartbeat(Some(head))));
        platform.until(&world).await;
        check(&mut platform, &world).await;
        platform.stop().await;
    }
}

fn at_head(as_of: &AsOf, world: &World) {
    let head = world.log.head().unwrap();
    assert_eq!(as_of.chain_id, CHAIN);
    assert_eq!(as_of.block.as_ref().map(|block| block.hash.clone()), Some(head.hash.to_string()));
}

pub(crate) fn name_of(world: &World, market: usize) -> String {
    world.markets[market].0.to_string()
}

pub(crate) async fn get(platform: &mut TestPlatform, market_id: &str) -> wire::Market {
    let request = wire::GetMarketRequest { market_id: market_id.into(), chain_id: 0 };
    platform.client.get_market(request).await.unwrap().into_inner().market.unwrap()
}

#[tokio::test]
async fn a_market_is_found_by_its_id_and_by_its_pool() {
    on_both(async |platform, world| {
        let SimulatedPool { address, conditions, tokens, volume, trades, .. } = world.pools[0].clone();
        let market = get(platform, &name_of(world, 0)).await;
        assert_eq!(get(platform, &address.to_string()).await, market);
        assert_eq!(get(platform, &address.to_lower_hex()).await, market);
        assert_eq!(market.source(), MarketSource::Factory);
        assert_eq!(market.creator, user(1).to_string());
        assert_eq!(market.condition_id, conditions[0].to_string());
        assert_eq!(market.question_id, Some(world.conditions[&conditions[0]].1.to_string()));
        assert_eq!(
            (market.question.as_deref(), &market.outcomes[..]),
            (Some("Will it rain?"), &["Yes".into(), "No".into()][..])
        );
        assert_eq!(market.amm_address, Some(address.to_string()));
        assert_eq!(market.position_ids, texts(&tokens));
        assert_eq!(market.pool_balances, texts(&world.pool_balances(0)));
        assert_eq!((market.volume, market.trade_count), (volume.to_string(), trades));
        assert_eq!(market.fee.as_deref(), Some("20000000000000000"));
        assert_eq!((market.resolved, &market.payouts[..]), (true, &["1".to_owned(), "0".into()][..]));
        assert_eq!(
            (market.collateral_symbol.as_deref(), market.collateral_decimals),
            (Some("USDC"), Some(6))
        );
        assert_eq!(market.collateral_token, Address::from(COLLATERAL).to_string());
        let seconds = |block: usize| i64::try_from(world.log.blocks[block - 1].at.time.0).unwrap();
        assert_eq!(market.created_at.unwrap().seconds, seconds(1));
        assert_eq!(market.updated_at.unwrap().seconds, seconds(6));
        assert_eq!(market.resolution_time.unwrap().seconds, 1_800_000_000);
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_no_factory_announced_invents_nothing() {
    on_both(async |platform, world| {
        let pool = world.pools[1].clone();
        let market = get(platform, &pool.address.to_string()).await;
        assert_eq!(market.market_id, pool.address.to_lower_hex());
        assert_eq!(market.source(), MarketSource::Pool);
        assert_eq!((market.question, market.outcomes, market.resolution_time), (None, vec![], None));
        assert_eq!(market.outcome_count, 3);
        assert_eq!(market.question_id, Some(Hash::from([3; 32]).to_string()));
        let empty = get(platform, &world.pools[2].address.to_string()).await;
        assert_eq!((empty.prices, empty.pool_balances), (vec![], vec!["0".to_owned(); 3]));
        assert_eq!((empty.volume.as_str(), empty.trade_count, empty.resolved), ("0", 0, false));
    })
    .await;
}

#[tokio::test]
async fn markets_are_listed_newest_first_page_by_page() {
    on_both(async |platform, world| {
        let mut ids = Vec::new();
        let mut request = wire::ListMarketsRequest { page_size: 1, ..Default::default() };
        loop {
            let page = platform.client.list_markets(request.clone()).await.unwrap().into_inner();
            at_head(&page.as_of[0], world);
            ids.extend(page.markets.into_iter().map(|market| market.market_id));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let pool = |number: usize| world.pools[number].address.to_lower_hex();
        assert_eq!(ids, [pool(2), pool(1), name_of(world, 0)]);
        for (resolved, expected) in [(true, vec![name_of(world, 0)]), (false, vec![pool(2), pool(1)])] {
            let request = wire::ListMarketsRequest { resolved: Some(resolved), ..Default::default() };
            let page = platform.client.list_markets(request).await.unwrap().into_inner();
            let ids: Vec<String> = page.markets.into_iter().map(|market| market.market_id).collect();
            assert_eq!(ids, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn prices_come_with_names_and_balances() {
    on_both(async |platform, world| {
        let request = wire::GetPricesRequest { market_id: name_of(world, 0), chain_id: CHAIN };
        let answer = platform.client.get_prices(request).await.unwrap().into_inner();
        let balances: Vec<String> = answer.prices.iter().map(|price| price.pool_balance.clone()).collect();
        assert_eq!(balances, texts(&world.pool_balances(0)));
        assert_eq!(answer.prices[1].outcome.as_deref(), Some("No"));
        let [yes, no] = &world.pool_balances(0)[..] else { panic!("two outcomes") };
        let one = U256::from(10u64).pow(U256::from(18));
        let floor = *no * one / (*yes + *no);
        let price = answer.prices[0].price.clone().unwrap();
        assert!(price.starts_with("0.") && format!("0.{floor:0>18}")[..15] == price[..15], "{price} {floor}");
        at_head(&answer.as_of.unwrap(), world);
        assert_eq!(answer.prices.len(), 2);
    })
    .await;
}

async fn price_points(
    platform: &mut TestPlatform,
    market_id: &str,
    newest_first: bool,
) -> Vec<wire::PricePoint> {
    let mut points = Vec::new();
    let market_id = market_id.to_owned();
    let mut request =
        wire::ListPriceHistoryRequest { market_id, newest_first, page_size: 2, ..Default::default() };
    loop {
        let page = platform.client.list_price_history(request.clone()).await.unwrap().into_inner();
        points.extend(page.points);
        if page.next_page_token.is_empty() {
            return points;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn the_price_history_has_a_point_for_every_block_that_moved_the_pool() {
    on_both(async |platform, world| {
        for (newest_first, expected) in [(false, [1, 3, 5]), (true, [5, 3, 1])] {
            let points = price_points(platform, &name_of(world, 0), newest_first).await;
            let numbers: Vec<u64> = points.iter().map(|point| point.block.as_ref().unwrap().number).collect();
            assert_eq!(numbers, expected);
            assert!(points.iter().all(|point| point.prices.len() == 2));
        }
    })
    .await;
}

#[tokio::test]
async fn trades_say_who_what_and_for_how_much() {
    on_both(async |platform, world| {
        let mut request =
            wire::ListTradesRequest { market_id: name_of(world, 0), page_size: 2, ..Default::default() };
        let first = platform.client.list_trades(request.clone()).await.unwrap().into_inner();
        request.page_token = first.next_page_token;
        let second = platform.client.list_trades(request).await.unwrap().into_inner();
        assert_eq!((first.trades.len(), second.trades.len(), second.next_page_token.as_str()), (2, 1, ""));
        let sale = &first.trades[0];
        assert_eq!((sale.side(), sale.outcome_index), (TradeSide::Sell, 0));
        assert_eq!(sale.trader, user(3).to_string());
        assert_eq!(sale.collateral_amount, whole(20).to_string());
        let purchase = &second.trades[0];
        assert_eq!((purchase.side(), purchase.block.as_ref().unwrap().number), (TradeSide::Buy, 3));
        assert_eq!(purchase.fee, whole(2).to_string());
        assert_eq!(purchase.amm_address, world.pools[0].address.to_string());
        assert!(purchase.price.as_ref().is_some_and(|price| price.starts_with("0.5")), "{purchase:?}");
        assert_ne!(purchase.transaction_hash, first.trades[1].transaction_hash);
    })
    .await;
}

#[tokio::test]
async fn positions_of_a_market_and_of_a_user_are_the_balances_of_the_contract() {
    on_both(async |platform, world| {
        let mut found = Vec::new();
        let mut request = wire::ListMarketPositionsRequest {
            market_id: name_of(world, 0),
            page_size: 2,
            ..Default::default()
        };
        loop {
            let page = platform.client.list_market_positions(request.clone()).await.unwrap().into_inner();
            found.extend(page.positions);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let pool = &world.pools[0];
        let mut expected = Vec::new();
        for (outcome, token) in pool.tokens.iter().enumerate() {
            let held =
                world.balances.iter().filter(|((id, holder), _)| id == token && *holder != pool.address);
            expected
                .extend(held.map(|((_, holder), amount)| (outcome, holder.to_string(), amount.to_string())));
        }
        let shown = |p: &wire::Position| {
            (usize::try_from(p.outcome_index).unwrap(), p.user_address.clone(), p.amount.clone())
        };
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected);
        assert_eq!(found[0].outcome.as_deref(), Some("Yes"));
        assert!(found.iter().all(|position| position.price.is_some()));
        let request = wire::ListUserPositionsRequest { address: user(3).to_string(), ..Default::default() };
        let own = platform.client.list_user_positions(request).await.unwrap().into_inner().positions;
        let mut amounts: Vec<String> = own.iter().map(|position| position.amount.clone()).collect();
        let mut expected = Vec::new();
        for ((_, holder), amount) in &world.balances {
            if *holder == user(3) {
                expected.push(amount.to_string());
            }
        }
        amounts.sort();
        expected.sort();
        assert_eq!(amounts, expected);
        for nobody in [user(99), pool.address] {
            let request =
                wire::ListUserPositionsRequest { address: nobody.to_string(), ..Default::default() };
            let none = platform.client.list_user_positions(request).await.unwrap().into_inner();
            assert_eq!((none.positions, none.as_of.len()), (vec![], 1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_history_tells_what_a_user_did_and_leaves_pools_and_factories_out() {
    on_both(async |platform, world| {
        let mut history = async |who: Address| {
            let request = wire::ListUserHistoryRequest { address: who.to_string(), ..Default::default() };
            platform.client.list_user_history(request).await.unwrap().into_inner().activities
        };
        let splitter = history(user(5)).await;
        let kinds: Vec<ActivityKind> = splitter.iter().map(|activity| activity.kind()).collect();
        assert_eq!(kinds, [ActivityKind::Redeem, ActivityKind::Merge, ActivityKind::Split]);
        let amounts: Vec<&str> =
            splitter.iter().map(|activity| activity.collateral_amount.as_str()).collect();
        assert_eq!(amounts, [whole(5).to_string(), whole(4).to_string(), whole(9).to_string()]);
        assert!(splitter.iter().all(|activity| activity.market_id == Some(name_of(world, 0))));
        let provider: Vec<ActivityKind> = history(user(6)).await.iter().map(|it| it.kind()).collect();
        assert_eq!(provider, [ActivityKind::RemoveLiquidity, ActivityKind::AddLiquidity]);
        let creator: Vec<ActivityKind> = history(user(2)).await.iter().map(|it| it.kind()).collect();
        assert_eq!(creator, [ActivityKind::AddLiquidity], "funded through the pool factory");
        for contract in [world.pools[0].address, MARKET_FACTORY.into()] {
            assert_eq!(history(contract).await, vec![]);
        }
    })
    .await;
}

#[tokio::test]
async fn lists_over_two_chains_are_in_one_order_and_say_the_state_of_both() {
    let mut platform = TestPlatform::start_on(TestStore::sqlite(), &[CHAIN, CHAIN + 1]).await;
    let worlds = [CHAIN, CHAIN + 1].map(|chain| {
        let mut world = World::new(chain);
        world.create_market(user(1), "Same question?", &["Yes", "No"], whole(1));
        world.log.mine();
        world
    });
    let sessions = worlds.each_ref().map(|world| {
        let session = platform.session_of(world.log.chain_id);
        session.apply(world, 1, 1);
        session
    });
    for world in &worlds {
        platform.until(world).await;
    }
    let listed =
        platform.client.list_markets(wire::ListMarketsRequest::default()).await.unwrap().into_inner();
    let chains: Vec<u64> = listed.markets.iter().map(|market| market.chain_id).collect();
    assert_eq!((chains, listed.as_of.len()), (vec![CHAIN + 1, CHAIN], 2));
    let market_id = listed.markets[0].market_id.clone();
    let ambiguous = wire::GetMarketRequest { market_id: market_id.clone(), chain_id: 0 };
    let status = platform.client.get_market(ambiguous).await.unwrap_err();
    assert!(status.message().starts_with("chain_id: "), "{status}");
    let named = wire::GetMarketRequest { market_id, chain_id: CHAIN };
    assert!(platform.client.get_market(named).await.is_ok());
    drop(sessions);
    platform.stop().await;
}

#[tokio::test]
async fn finality_follows_the_finalized_block() {
    let world = scene();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 6);
    platform.until(&world).await;
    let mut changes = platform.stream(wire::StreamMarketsRequest::default()).await;
    let request = wire::GetMarketRequest { market_id: name_of(&world, 0), chain_id: 0 };
    let before = platform.client.get_market(request.clone()).await.unwrap().into_inner().as_of.unwrap();
    assert_eq!(before.finality(), Finality::Latest);
    let Heartbeat { chain_id, block, cursor, .. } = world.log.heartbeat(None);
    let finalized = block.clone();
    session.say(Message::Heartbeat(Heartbeat { chain_id, block, finalized, cursor }));
    while changes.next().await.as_of.unwrap().finality() != Finality::Finalized {}
    let after = platform.client.get_market(request).await.unwrap().into_inner().as_of.unwrap();
    assert_eq!(after.finality(), Finality::Finalized);
    platform.stop().await;
}

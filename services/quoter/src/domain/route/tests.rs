//! Routes against brute force, on random graphs.

use capstan_primitives::{Address, U256};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    change::Change,
    pool::{Pool, PoolId},
    rate::Rate,
    state::Entry,
    v2::Pair,
};

fn token(number: u8) -> Address {
    Address::from([number + 1; 20])
}

/// Pairs of six tokens with reserves.
fn pools() -> impl Strategy<Value = Pools> {
    let pair = (0_u8..6, 0_u8..6, 1_u64 << 30..1 << 50, 1_u64 << 30..1 << 50);
    prop::collection::vec(pair, 1..14).prop_map(|pairs| {
        let mut pools = Pools::default();
        let pairs = pairs.into_iter().filter(|(first, second, ..)| first != second);
        for (number, (first, second, reserve0, reserve1)) in (0_u8..).zip(pairs) {
            let pair = Pair::new([token(first), token(second)], 3_000);
            let reserves = Change::Reserves([U256::from(reserve0), U256::from(reserve1)]);
            let id = PoolId::Contract(Address::from([100 + number; 20]));
            pools.add(Entry { id, factory: None, pool: pair.applied(&reserves).unwrap(), problem: None });
        }
        pools
    })
}

/// Every simple path, by recursion.
fn every_path(pools: &Pools, path: &mut Vec<Edge>, (at, goal): (Token, Token), found: &mut Vec<Vec<Edge>>) {
    if path.len() == 3 {
        return;
    }
    for edge in pools.graph().from(at) {
        let start = path.first().and_then(|first| {
            let address = pools.at(first.pool)?.pool.tokens()[usize::from(first.way.from)];
            pools.graph().token(&address)
        });
        let passed = path.iter().any(|passed| passed.to == edge.to) || start.unwrap_or(at) == edge.to;
        if passed {
            continue;
        }
        path.push(*edge);
        if edge.to == goal {
            found.push(path.clone())
        } else {
            every_path(pools, path, (edge.to, goal), found)
        }
        path.pop();
    }
}

fn query<'a>(pools: &'a Pools, ends: (Token, Token), side: Side, amount: u64) -> Query<'a> {
    Query {
        pools,
        from: ends.0,
        to: ends.1,
        side,
        amount: U256::from(amount),
        max_hops: 3,
        objective: Objective { gas_cost: None },
        excluded: &Everything,
        is_late: &|| false,
    }
}

fn ends(pools: &Pools) -> Option<(Token, Token)> {
    Some((pools.graph().token(&token(0))?, pools.graph().token(&token(1))?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_best_route_is_that_of_brute_force(pools in pools(), amount in 1_u64 << 10..1 << 45, exact_in in any::<bool>()) {
        let Some(ends) = ends(&pools) else { return Ok(()) };
        let side = if exact_in { Side::In } else { Side::Out };
        let found = search(&query(&pools, ends, side, amount));
        let mut paths = Vec::new();
        every_path(&pools, &mut Vec::new(), ends, &mut paths);
        let at = |place: u32| pools.at(place).map(|entry| &entry.pool);
        let all = paths.iter().filter_map(|path| along(path, (side, U256::from(amount)), at).ok());
        let best = if exact_in {
            all.map(|route| route.amount_out()).max()
        } else {
            all.map(|route| route.amount_in()).min()
        };
        let ours = found.routes.first().map(|route| if exact_in { route.amount_out() } else { route.amount_in() });
        prop_assert_eq!(ours, best);
        prop_assert!(found.is_exhaustive);
        for route in &found.routes {
            prop_assert_eq!(&along(&route.path(), (side, U256::from(amount)), at).unwrap(), route);
            prop_assert_eq!(route.hops.last().unwrap().edge.to, ends.1);
        }
    }

    #[test]
    fn splitting_is_never_worse_and_sums_exactly(pools in pools(), amount in 1_u64 << 10..1 << 45, exact_in in any::<bool>()) {
        let Some(ends) = ends(&pools) else { return Ok(()) };
        let side = if exact_in { Side::In } else { Side::Out };
        let query = query(&pools, ends, side, amount);
        let found = search(&query);
        let Some(single) = found.routes.first() else { return Ok(()) };
        let paths: Vec<_> = found.routes.iter().map(Route::path).collect();
        let Some(routes) = split(&query, &paths, 4) else { return Ok(()) };
        let sum = |of: fn(&Route) -> U256| routes.iter().map(of).fold(U256::ZERO, |sum, amount| sum + amount);
        let (given, out) = (sum(Route::amount_in), sum(Route::amount_out));
        let rounding = U256::from(routes.len() * 4);
        if exact_in {
            prop_assert_eq!(given, U256::from(amount));
            prop_assert!(out + rounding >= single.amount_out(), "{} {}", out, single.amount_out());
        } else {
            prop_assert_eq!(out, U256::from(amount));
            prop_assert!(given <= single.amount_in() + rounding);
        }
        prop_assert!(routes.len() <= 4);
        for hop in routes.iter().flat_map(|route| &route.hops) {
            prop_assert!(!hop.swap.amount_in.is_zero() && !hop.swap.amount_out.is_zero(), "{hop:?}");
        }
    }

    #[test]
    fn what_drains_every_pair_goes_through_legs_that_give_something(pools in pools(), amount in 1_u64 << 50..u64::MAX) {
        let Some(ends) = ends(&pools) else { return Ok(()) };
        let query = query(&pools, ends, Side::In, amount);
        let found = search(&query);
        let paths: Vec<_> = found.routes.iter().map(Route::path).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let routes = split(&query, &paths, 4).expect("pairs take any amount");
        let given = routes.iter().fold(U256::ZERO, |sum, route| sum + route.amount_in());
        prop_assert_eq!(given, U256::from(amount));
        for hop in routes.iter().flat_map(|route| &route.hops) {
            prop_assert!(!hop.swap.amount_in.is_zero() && !hop.swap.amount_out.is_zero(), "{hop:?}");
        }
    }

    #[test]
    fn gas_takes_legs_away(pools in pools(), amount in 1_u64 << 10..1 << 45) {
        let Some(ends) = ends(&pools) else { return Ok(()) };
        // More than all that could come out.
        let dear = Objective { gas_cost: Some(Rate::scaled(U256::ONE, 100)) };
        let query = Query { objective: dear, ..query(&pools, ends, Side::In, amount) };
        let found = search(&query);
        let paths: Vec<_> = found.routes.iter().map(Route::path).collect();
        if let Some(routes) = split(&query, &paths, 4) {
            prop_assert_eq!(routes.len(), 1);
        }
    }
}

//! What the routers are told, held against what is known of their encodings.

use std::sync::Arc;

use capstan_primitives::ChainId;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    change::Change,
    pool::{Pool, PoolId, Protocol},
    route::Excluded,
    state::Entry,
    v2::Pair,
    wrap::Wrap,
};

fn address(last: u8) -> Address {
    abi::small(last.into())
}

fn router(kind: RouterKind) -> Router {
    Router {
        kind,
        version: Version::V2_1,
        address: address(0x70),
        v2_factory: Some(address(0x71)),
        v3_factory: None,
        pool_manager: None,
        weth9: Some(address(0x72)),
        permit2: address(0x73),
    }
}

fn leg(amount_in: u128, amount_out: u128) -> Leg {
    let segment = Segment {
        protocol: Protocol::UniswapV2,
        tokens: vec![address(0x11), address(0x12)],
        tiers: vec![Tier { fee: 0, spacing: 0 }],
    };
    let (amount_in, amount_out) = (U256::from(amount_in), U256::from(amount_out));
    Leg { segments: vec![segment], amount_in, amount_out, most_in: amount_in }
}

fn order(router: &Router, side: Side, legs: Vec<Leg>) -> Order<'_> {
    Order {
        router,
        side,
        token_in: address(0x11),
        token_out: address(0x12),
        limit: U256::ZERO,
        sender: address(0x21),
        recipient: address(0x22),
        deadline: 1_000,
        permit: None,
        legs,
    }
}

fn pair(factory: u8, fee: u32) -> Entry {
    let pair = Pair::new([address(0x11), address(0x12)], fee);
    let reserves = Change::Reserves([U256::from(1_000), U256::from(1_000)]);
    let pool = pair.applied(&reserves).unwrap();
    let id = PoolId::Contract(address(0x31));
    Entry { id, factory: Some(address(factory)), pool, problem: None }
}

#[test]
fn a_router_executes_what_its_contract_can_find() {
    let router = router(RouterKind::SwapRouter02);
    assert!(router.executes(&pair(0x71, 3_000)));
    assert!(!router.executes(&pair(0x71, 2_500)) && !router.executes(&pair(0x74, 3_000)));
    let wrap = |token: Address| Entry {
        id: PoolId::Contract(token),
        factory: None,
        pool: Arc::new(Wrap::new(token)),
        problem: None,
    };
    assert!(router.executes(&wrap(address(0x72))) && !router.executes(&wrap(address(0x75))));
}

#[test]
fn nobody_is_paid_whom_the_router_takes_for_another() {
    let router = router(RouterKind::Universal);
    for last in [0, 1, 2, 0x70, 0x72, 0x73] {
        assert!(router.is_no_recipient(address(last)), "{last}");
    }
    assert!(router.is_no_recipient(coin()) && !router.is_no_recipient(address(3)));
    assert!(router.is_no_sender(address(0x70)) && router.is_no_sender(address(0)));
}

#[test]
fn what_is_signed_is_what_permit2_hashes() {
    // From Permit2's own type strings, hashed by hand: domain without a version, details before spender.
    let permit = Permit {
        token: address(0x11),
        amount: U256::from(5),
        expiration: 6,
        nonce: 7,
        spender: address(0x70),
        sig_deadline: 8,
    };
    let hash = |parts: &[&[u8]]| capstan_primitives::keccak256(parts).as_bytes().to_vec();
    let word = |number: u64| U256::from(number).to_be_bytes::<32>().to_vec();
    let account = |address: Address| [vec![0; 12], address.as_bytes().to_vec()].concat();
    let domain = hash(&[&[
        hash(&[b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"]),
        hash(&[b"Permit2"]),
        word(13_370),
        account(address(0x73)),
    ]
    .concat()]);
    let details_type = b"PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)";
    let details = [hash(&[details_type]), account(address(0x11)), word(5), word(6), word(7)].concat();
    let single_type = b"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)";
    let single =
        [hash(&[single_type, details_type]), hash(&[&details]), account(address(0x70)), word(8)].concat();
    let expected = hash(&[b"\x19\x01", &domain, &hash(&[&single])]);
    assert_eq!(permit.digest(ChainId(13_370), address(0x73)).as_slice(), expected);
}

#[test]
fn a_permit_bounds_what_goes_in_and_when() {
    let router = router(RouterKind::Universal);
    let order = order(&router, Side::Out, vec![leg(100, 10), leg(300, 30)]).limited(U256::from(500));
    assert_eq!(order.permit_with(3).amount, U256::from(500));
    let permit = Permit { amount: U256::from(440), sig_deadline: 900, ..order.permit_with(3) };
    let order = order.permitted(SignedPermit { permit, signature: vec![1; 65] });
    assert_eq!((order.most_in(), order.deadline), (U256::from(440), 900));
    let shares: Vec<U256> = order.legs.iter().map(|leg| leg.most_in).collect();
    assert_eq!(shares, [U256::from(110), U256::from(330)]);
}

proptest! {
    #[test]
    fn legs_never_take_more_than_the_limit_together(
        amounts in proptest::collection::vec(1..u128::MAX >> 8, 1..16),
        slack in 0..u128::MAX >> 8,
    ) {
        let router = router(RouterKind::SwapRouter02);
        let legs = amounts.iter().map(|amount| leg(*amount, 1)).collect();
        let order = order(&router, Side::Out, legs);
        let limit = order.amount_in() + U256::from(slack);
        let order = order.limited(limit);
        let sum = order.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.most_in);
        prop_assert_eq!(sum, limit);
        prop_assert!(order.legs.iter().all(|leg| leg.most_in >= leg.amount_in));
    }
}

/// Every route of a search that leaves mixtures out.
struct Pure;

impl Excluded for Pure {
    fn pool(&self, _entry: &Entry) -> bool {
        false
    }

    fn token(&self, _token: crate::domain::graph::Token) -> bool {
        false
    }

    fn mixtures(&self) -> bool {
        true
    }
}

#[test]
fn a_search_without_mixtures_wraps_at_the_ends_only() {
    use crate::domain::route::{Objective, Query, search};
    let mut pools = Pools::default();
    let (weth, token) = (address(0x72), address(0x11));
    let entry = |last: u8, pool: Arc<dyn Pool>| {
        let id = PoolId::Contract(address(last));
        Entry { id, factory: None, pool, problem: None }
    };
    let pair = |tokens: [Address; 2]| {
        let reserves = Change::Reserves([U256::from(1_000_000), U256::from(1_000_000)]);
        Pair::new(tokens, 3_000).applied(&reserves).unwrap()
    };
    // Token, wrapped coin, coin, wanted: the coin can be had only by unwrapping in the middle.
    pools.add(entry(1, pair([token, weth])));
    pools.add(entry(2, Arc::new(Wrap::new(weth))));
    pools.add(entry(3, pair([coin(), address(0x12)])));
    let place = |address: Address| pools.graph().token(&address).unwrap();
    let found = |to: Address, side| {
        let query = Query {
            pools: &pools,
            from: place(token),
            to: place(to),
            side,
            amount: U256::from(1_000),
            max_hops: 4,
            objective: Objective { gas_cost: None },
            excluded: &Pure,
            is_late: &|| false,
        };
        search(&query).routes.len()
    };
    for side in [Side::In, Side::Out] {
        assert_eq!(found(coin(), side), 1, "{side:?}");
        assert_eq!(found(address(0x12), side), 0, "{side:?}");
    }
}

//! Gifts are what the books say was given, transfer by transfer.

use std::collections::BTreeMap;

use super::*;
use crate::{
    adapters::simulated::Dice,
    domain::{
        costs::{Asset, Deal},
        gift::Side,
    },
};

type Sums = BTreeMap<(Address, Address, U256, bool), U256>;

fn add(sums: &mut Sums, user: Address, asset: Asset, (received, amount): (bool, Amount)) {
    *sums.entry((user, asset.contract, asset.token, received)).or_default() += amount.0;
}

#[test]
fn the_sums_of_gifts_are_those_of_the_books() {
    let mut count = 0;
    for seed in 1..=8 {
        let mut world = World::new(CHAIN);
        world.go_on(&mut Dice::new(seed), 60);
        let changes = projected(&mut world);
        let (mut gifts, mut books) = (Sums::new(), Sums::new());
        for gift in &changes.gifts {
            add(&mut gifts, gift.user, gift.asset, (gift.side == Side::Received, gift.amount));
        }
        for posting in &changes.postings {
            match posting.deal {
                Deal::Received { asset, amount } => add(&mut books, posting.user, asset, (true, amount)),
                Deal::GivenAway { asset, amount } => add(&mut books, posting.user, asset, (false, amount)),
                _ => {}
            }
        }
        assert_eq!(gifts, books, "seed {seed}");
        for gift in &changes.gifts {
            let of_gift = |transfer: &&crate::domain::state::Transfer| {
                (transfer.place.log_index, transfer.item) == (gift.log_index, gift.item)
                    && transfer.place.block == gift.block.number
            };
            let transfer = changes.transfers.iter().find(of_gift).unwrap();
            assert!(gift.amount.0 <= transfer.value.0 && gift.asset.token == transfer.token);
        }
        count += changes.gifts.len();
    }
    assert!(count > 10, "{count} gifts");
}

#[test]
fn of_several_transfers_to_a_pool_the_one_before_the_sale_is_the_sold_one() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let pool = world.create_pool(user(2), &[condition], U256::ZERO, number(10_000));
    world.log.transaction();
    world.buy(user(3), pool, number(5_000), 0);
    world.log.transaction();
    let (token, at) = (world.pools[pool].tokens[0], world.pools[pool].address);
    world.transfer(token, user(3), at, number(40));
    world.sell(user(3), pool, number(50), 0).unwrap();
    world.transfer(token, user(3), at, number(60));
    let changes = projected(&mut world);
    let to_pool = changes.transfers.iter().filter(|transfer| transfer.from == user(3) && transfer.to == at);
    let [first, sold, last] = to_pool.collect::<Vec<_>>()[..] else { panic!("three transfers") };
    let given: Vec<_> = changes.gifts.iter().map(|gift| (gift.log_index, gift.amount)).collect();
    let whole = |transfer: &crate::domain::state::Transfer| (transfer.place.log_index, transfer.value);
    assert_eq!(given, [whole(first), whole(last)]);
    assert!(sold.value.0 > number(50));
}

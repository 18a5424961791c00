//! The books against what they must add up to.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const PLACE: Place = Place { block: 1, log_index: 0 };

fn asset(token: u64) -> Asset {
    Asset { contract: Address::ZERO, token: U256::from(token) }
}

fn user(number: u8) -> Address {
    Address::from([number; 20])
}

fn amount(number: u64) -> Amount {
    Amount::from(number)
}

fn posting(user: Address, deal: Deal) -> Posting {
    Posting { place: PLACE, user, deal }
}

fn bought(token: u64, tokens: u64, paid: u64) -> Deal {
    Deal::Bought { asset: asset(token), amount: amount(tokens), paid: amount(paid), fee: Amount::ZERO }
}

fn sold(token: u64, tokens: u64, received: u64) -> Deal {
    Deal::Sold { asset: asset(token), amount: amount(tokens), received: amount(received), fee: Amount::ZERO }
}

/// The books of one user's first token after deals.
fn after(deals: &[Deal]) -> Costs {
    let mut books = BTreeMap::new();
    let postings: Vec<Posting> = deals.iter().map(|deal| posting(user(1), deal.clone())).collect();
    post(&mut books, &postings);
    books.remove(&asset(1).of(user(1))).unwrap_or_default()
}

fn numbers(costs: &Costs) -> [i64; 5] {
    let [quantity, unknown, cost, realised, unmatched, ..] = costs.numbers();
    [quantity, unknown, cost, realised, unmatched].map(|number| number.try_into().unwrap())
}

#[test]
fn the_last_sale_takes_all_of_the_cost() {
    let deals = [bought(1, 3, 10), sold(1, 1, 4), sold(1, 2, 9)];
    assert_eq!(numbers(&after(&deals[..2])), [2, 0, 7, 1, 0]);
    assert_eq!(numbers(&after(&deals)), [0, 0, 0, 3, 0]);
    assert_eq!(after(&deals).invested, BigInt::from(10));
}

#[test]
fn what_was_given_has_no_cost_and_sells_apart() {
    let given = Deal::Received { asset: asset(1), amount: amount(5) };
    let costs = after(&[bought(1, 3, 9), given.clone(), sold(1, 4, 40)]);
    assert_eq!(numbers(&costs), [0, 4, 0, 21, 10]);
    let away = Deal::GivenAway { asset: asset(1), amount: amount(2) };
    assert_eq!(numbers(&after(&[bought(1, 3, 9), given, away])), [1, 5, 3, 0, -6]);
}

#[test]
fn a_purchase_of_nothing_is_a_loss() {
    assert_eq!(numbers(&after(&[bought(1, 0, 1)])), [0, 0, 0, -1, 0]);
}

#[test]
fn converted_tokens_take_their_cost_along() {
    let got = vec![(asset(2), amount(4)), (asset(3), amount(4))];
    let given = vec![(asset(1), amount(4))];
    let mut books = BTreeMap::new();
    let deals = [bought(1, 3, 10), Deal::Received { asset: asset(1), amount: amount(1) }];
    let there = Deal::Converted { given: given.clone(), got: got.clone() };
    let back = Deal::Converted { given: got, got: given };
    let postings = deals.into_iter().chain([there]).map(|deal| posting(user(1), deal)).collect::<Vec<_>>();
    post(&mut books, &postings);
    let of = |books: &BTreeMap<_, _>, token| numbers(&books[&asset(token).of(user(1))]);
    assert_eq!([1, 2, 3].map(|token| of(&books, token)), [[0; 5], [3, 1, 5, 0, 0], [3, 1, 5, 0, 0]]);
    post(&mut books, &[posting(user(1), back)]);
    assert_eq!([1, 2, 3].map(|token| of(&books, token)), [[3, 1, 10, 0, 0], [0; 5], [0; 5]]);
}

#[test]
fn a_sale_realises_against_the_average_of_all_purchases() {
    let deals = [bought(1, 10, 100), bought(1, 10, 300), sold(1, 5, 150), sold(1, 15, 300)];
    let realised: Vec<i64> = (1..=4).map(|count| numbers(&after(&deals[..count]))[3]).collect();
    assert_eq!(realised, [0, 0, 50, 50]);
    assert_eq!(after(&deals[..2]).average().unwrap().to_string(), "20");
    assert_eq!(after(&deals).average(), None);
}

#[derive(Debug, Clone)]
enum Step {
    Buy(u64, u64, u64),
    Sell(u64, u64, u64),
    Give(u64, u64),
    Split(u64, u64),
    Merge(u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<(u8, Step)>> {
    let (token, tokens, cash) = (0u64..3, 0u64..1_000, 0u64..100_000);
    let step = prop_oneof![
        (token.clone(), tokens.clone(), cash.clone()).prop_map(|(t, n, c)| Step::Buy(t, n, c)),
        (token.clone(), tokens.clone(), cash).prop_map(|(t, n, c)| Step::Sell(t, n, c)),
        (token.clone(), tokens.clone()).prop_map(|(t, n)| Step::Give(t, n)),
        (token.clone(), tokens.clone()).prop_map(|(t, n)| Step::Split(t, n)),
        (token, tokens).prop_map(|(t, n)| Step::Merge(t, n)),
    ];
    prop::collection::vec((1u8..4, step), 0..60)
}

/// Postings of steps, each in a block of its own, and what each user received less what it paid.
fn deals_of(steps: &[(u8, Step)]) -> (Vec<Posting>, BTreeMap<Address, BigInt>) {
    let mut cash: BTreeMap<Address, BigInt> = BTreeMap::new();
    let mut postings = Vec::new();
    for (block, (who, step)) in (1u64..).zip(steps) {
        let place = Place { block, log_index: 0 };
        let mut add = |who, deal| postings.push(Posting { place, user: user(who), deal });
        let all = |count: u64| [7, 8].map(|token| (asset(token), amount(count))).to_vec();
        let mut cash = |change: i64| *cash.entry(user(*who)).or_default() += change;
        match *step {
            Step::Buy(token, tokens, paid) => {
                cash(-i64::try_from(paid).unwrap());
                add(*who, bought(token, tokens, paid));
            }
            Step::Sell(token, tokens, received) => {
                cash(i64::try_from(received).unwrap());
                add(*who, sold(token, tokens, received));
            }
            Step::Give(token, tokens) => {
                add(*who, Deal::GivenAway { asset: asset(token), amount: amount(tokens) });
                add(who % 3 + 1, Deal::Received { asset: asset(token), amount: amount(tokens) });
            }
            Step::Split(token, tokens) => {
                add(*who, Deal::Converted { given: vec![(asset(token), amount(tokens))], got: all(tokens) });
            }
            Step::Merge(token, tokens) => {
                add(*who, Deal::Converted { given: all(tokens), got: vec![(asset(token), amount(tokens))] });
            }
        }
    }
    (postings, cash)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_was_realised_unmatched_and_left_is_what_was_received_less_what_was_paid(steps in steps()) {
        let (postings, cash) = deals_of(&steps);
        let mut books = BTreeMap::new();
        post(&mut books, &postings);
        let mut said: BTreeMap<Address, BigInt> = BTreeMap::new();
        for (holding, costs) in &books {
            *said.entry(holding.holder).or_default() += &costs.realised + &costs.unmatched - &costs.cost;
            let [quantity, unknown, cost, ..] = costs.numbers();
            prop_assert!(*quantity >= BigInt::ZERO && *unknown >= BigInt::ZERO && *cost >= BigInt::ZERO);
            prop_assert!(*quantity > BigInt::ZERO || *cost == BigInt::ZERO, "no tokens, no cost");
        }
        said.retain(|_, sum| *sum != BigInt::ZERO);
        let cash: BTreeMap<_, _> = cash.into_iter().filter(|(_, sum)| *sum != BigInt::ZERO).collect();
        prop_assert_eq!(said, cash);
    }

    #[test]
    fn entries_add_up_to_the_books_and_taking_the_last_ones_back_is_exact(steps in steps(), cut in 0usize..60) {
        let (postings, _) = deals_of(&steps);
        let (mut books, mut before) = (BTreeMap::new(), BTreeMap::new());
        let cut = u64::try_from(cut).unwrap();
        let entries = post(&mut books, &postings);
        let first: Vec<Posting> = postings.into_iter().filter(|posting| posting.place.block <= cut).collect();
        post(&mut before, &first);
        for entry in entries.iter().filter(|entry| entry.place.block > cut) {
            books.get_mut(&entry.holding).unwrap().subtract(&entry.change);
        }
        let something = |books: BTreeMap<Holding, Costs>| -> BTreeMap<Holding, Costs> {
            books.into_iter().filter(|(_, costs)| !costs.is_nothing()).collect()
        };
        prop_assert_eq!(something(books), something(before));
    }
}

#[test]
fn amounts_of_any_size_are_kept() {
    let most = Amount(U256::MAX);
    let buy = Deal::Bought { asset: asset(1), amount: most, paid: most, fee: most };
    let sell = Deal::Sold { asset: asset(1), amount: amount(1), received: most, fee: most };
    let costs = after(&[buy.clone(), buy, sell]);
    let all = integer(U256::MAX);
    assert_eq!(costs.quantity, &all * 2 - 1);
    assert_eq!(&costs.realised + &costs.unmatched - &costs.cost, &all - &all * 2);
}

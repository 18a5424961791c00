//! What users paid, against the collateral that simulated contracts moved.

use bigdecimal::num_bigint::BigInt;

use super::*;
use crate::domain::costs::integer;

/// The books of every user against the collateral that really moved, and against what the user has.
async fn assert_books_are_right(subject: &Subject, world: &World) {
    let read = subject.database.read().await.unwrap();
    let rows = entities::cost_basis::Entity::find().all(&read).await.unwrap();
    let mut said: BTreeMap<Address, BigInt> = BTreeMap::new();
    let mut held: BTreeMap<(U256, Address), BigInt> = BTreeMap::new();
    for row in rows {
        let holder = row.holder.0;
        *said.entry(holder).or_default() += row.realised.0 + row.unmatched.0 - row.cost.0;
        if row.contract.0 == Address::from(CONDITIONAL_TOKENS) {
            let token = U256::from_be_bytes(*row.position_id.0.as_bytes());
            held.insert((token, holder), row.quantity.0 + row.unknown.0);
        }
    }
    let users: Vec<Address> = (1..=6).map(user).collect();
    for who in &users {
        let cash = world.cash.get(who).copied().unwrap_or_default();
        assert_eq!(said.get(who).cloned().unwrap_or_default(), BigInt::from(cash), "{who}");
    }
    held.retain(|(_, holder), amount| users.contains(holder) && *amount != BigInt::ZERO);
    let really = world.balances.iter().filter(|((_, holder), _)| users.contains(holder));
    let really: BTreeMap<_, _> = really.map(|(key, amount)| (*key, integer(*amount))).collect();
    assert_eq!(held, really);
}

#[tokio::test]
async fn books_are_reconciled_and_balance_to_the_collateral_that_moved() {
    for seed in 21..=40 {
        println!("seed {seed}");
        let world = World::random(CHAIN, seed, 60);
        let [mut sqlite, mut postgres] = Subject::both().await;
        let subject = if seed % 5 == 0 { &mut postgres } else { &mut sqlite };
        subject.apply(world.log.batch(1, 60)).await;
        assert_eq!(subject.quarantined().await, Vec::<String>::new());
        assert_books_are_right(subject, &world).await;
    }
}

//! Everything that is served after programs, and what only the tables say, against the contracts.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, I256, U256},
    providers::Provider,
};
use capstan_db::market::entities::{balance, cost_basis, quarantine};
use capstan_devnet::Market;
use futures::{FutureExt, StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sea_orm_migration::sea_orm::EntityTrait;
use serde_json::Value;

use super::Program;
use crate::{
    books::{Books, Cash},
    contracts::{ConditionalTokens, Truth},
    exactness::{self, Held},
    gifts,
    house::House,
    interest::OpenInterest,
    quotes,
};

/// Markets that are compared at the same time.
const AT_ONCE: usize = 6;
const PAGE: usize = 200;
/// Markets that are compared again.
const OLDER: usize = 4;

/// What was compared so far.
#[derive(Default)]
pub(super) struct Comparison {
    held: Held,
    /// The program and the collateral of every position.
    positions: BTreeMap<U256, (u64, Address)>,
    /// Markets of programs that are over.
    older: Vec<(u64, Market)>,
    /// Quotes that the contracts gave, and such that they refused.
    pub(super) quotes: [usize; 2],
    pub(super) markets: usize,
    /// Entries of histories about what was given and taken.
    pub(super) gifts: usize,
}

impl Comparison {
    /// Begins with the markets that were there before.
    pub(super) fn of(house: &House) -> Self {
        let markets = &house.devnet.deployment().markets;
        let positions = markets.iter().flat_map(|market| {
            market.position_ids.iter().map(|token| (*token, (0, market.collateral))).collect::<Vec<_>>()
        });
        let older = markets.iter().map(|market| (0, market.clone())).collect();
        Self { positions: positions.collect(), older, ..Self::default() }
    }

    /// Holds everything against the contracts at the newest block.
    pub(super) async fn compare(&mut self, house: &House, programs: &[Program], bare_fees: &BTreeSet<B256>) {
        let head = house.level().await;
        let served = house.list("/api/markets", "markets", PAGE, head).await;
        let fresh = existing(house, programs).await;
        for program in programs {
            let tokens = program.sets.positions.iter();
            self.positions
                .extend(tokens.map(|position| (position.token, (program.seed, program.collateral()))));
        }
        let seeds: Vec<u64> = programs.iter().map(|program| program.seed).collect();
        let interest = AssertUnwindSafe(OpenInterest::compared(house, head)).catch_unwind().await;
        let interest = interest.unwrap_or_else(|_| differ(&seeds));
        self.compare_markets(house, (&served, &interest), &fresh, head).await;
        let whole = async {
            self.held.compare(house, &served, PAGE, head).await;
            self.gifts = gifts::compare(house, &served, PAGE, head).await;
            let unlisted = self.compare_tables(house, &served, programs, head).await;
            let books = Books { page: PAGE, unlisted, bare_fees: bare_fees.clone(), ..Books::of(&served) };
            books.compare(house, head).await;
        };
        if AssertUnwindSafe(whole).catch_unwind().await.is_err() {
            differ(&seeds);
        }
        if programs.iter().all(Program::is_over) {
            self.older.extend(fresh);
        }
    }

    async fn compare_markets(
        &mut self,
        house: &House,
        (served, interest): (&[Value], &OpenInterest),
        fresh: &[(u64, Market)],
        head: B256,
    ) {
        let by_pool: BTreeMap<Address, &Value> =
            served.iter().map(|market| (text(&market["ammAddress"]).parse().unwrap(), market)).collect();
        let known: BTreeSet<Address> = self.older.iter().chain(fresh).map(|(_, market)| market.amm).collect();
        assert!(by_pool.keys().eq(&known), "every pool is a market and every market has its pool");
        let mut rng = StdRng::seed_from_u64(house.devnet.block_number());
        // All of those that were there before are compared once.
        let first = self.markets == 0;
        let chance = |_: &&(u64, Market)| first || rng.random_ratio(OLDER as u32, known.len() as u32);
        let chosen: Vec<&(u64, Market)> = self.older.iter().filter(chance).chain(fresh).collect();
        self.markets += chosen.len();
        let compared = stream::iter(chosen).map(|(seed, market)| {
            let one = compare_market(house, (by_pool[&market.amm], market), interest, head);
            AssertUnwindSafe(one).catch_unwind().map(move |outcome| {
                outcome.unwrap_or_else(|_| {
                    panic!("the program of CAPSTAN_SEED={seed} differs; run it alone with that")
                })
            })
        });
        let compared: Vec<(Truth, [usize; 2])> = compared.buffer_unordered(AT_ONCE).collect().await;
        for (truth, [told, refused]) in compared {
            self.quotes = [self.quotes[0] + told, self.quotes[1] + refused];
            self.held.add(truth);
        }
    }

    /// Tokens of no market's outcome are in no list: their balances and costs by the tables, of which
    /// this gives what the costs say was brought home. No event was unusable.
    async fn compare_tables(
        &self,
        house: &House,
        served: &[Value],
        programs: &[Program],
        head: B256,
    ) -> Cash {
        let tables = house.tables().await;
        let read = tables.read().await.unwrap();
        assert_eq!(quarantine::Entity::find().all(&read).await.unwrap(), Vec::new());
        let balances = balance::Entity::find().all(&read).await.unwrap();
        let costs = cost_basis::Entity::find().all(&read).await.unwrap();
        drop(read);
        tables.close().await.unwrap();
        let accounts: BTreeSet<Address> =
            house.devnet.deployment().accounts.iter().map(|account| account.address).collect();
        let mut said: BTreeMap<(U256, Address), U256> = balances
            .iter()
            .map(|row| ((word(&row.position_id), holder(&row.holder)), number(&row.amount.0.to_string())))
            .collect();
        said.retain(|(_, holder), _| accounts.contains(holder));
        self.compare_balances(house, &said, programs, head).await;
        let listed: BTreeSet<U256> = served
            .iter()
            .flat_map(|market| market["positionIds"].as_array().unwrap())
            .map(|token| number(token.as_str().unwrap()))
            .collect();
        let mut unlisted = Cash::new();
        for row in costs.iter().filter(|row| !word(&row.position_id).is_zero()) {
            let (token, user) = (word(&row.position_id), holder(&row.holder));
            let Some((seed, collateral)) = self.positions.get(&token) else {
                panic!("no program has {token}")
            };
            let of_account = accounts.contains(&user);
            let amount = said.get(&(token, user)).copied().unwrap_or_default();
            let known = signed(&row.quantity.0) + signed(&row.unknown.0);
            assert!(
                !of_account || known == I256::try_from(amount).unwrap(),
                "CAPSTAN_SEED={seed}: {row:?} explains {amount}"
            );
            if of_account && !listed.contains(&token) {
                let brought = signed(&row.realised.0) + signed(&row.unmatched.0) - signed(&row.cost.0);
                *unlisted.entry((user, *collateral)).or_default() += brought;
            }
        }
        unlisted
    }

    async fn compare_balances(
        &self,
        house: &House,
        said: &BTreeMap<(U256, Address), U256>,
        programs: &[Program],
        head: B256,
    ) {
        let provider = house.provider();
        let contract = ConditionalTokens::new(house.devnet.deployment().conditional_tokens, &provider);
        for program in programs {
            for user in &program.users {
                let ids: Vec<U256> = program.sets.positions.iter().map(|position| position.token).collect();
                let balances = contract
                    .balanceOfBatch(vec![*user; ids.len()], ids.clone())
                    .block(BlockId::hash(head))
                    .call()
                    .await
                    .unwrap();
                let said: Vec<U256> =
                    ids.iter().map(|id| said.get(&(*id, *user)).copied().unwrap_or_default()).collect();
                assert_eq!(said, balances, "{user}, CAPSTAN_SEED={}", program.seed);
            }
        }
    }
}

async fn compare_market(
    house: &House,
    (served, market): (&Value, &Market),
    interest: &OpenInterest,
    head: B256,
) -> (Truth, [usize; 2]) {
    let deployment = house.devnet.deployment();
    let makers = [deployment.market_factory, deployment.fpmm_factory];
    let everyone: BTreeSet<Address> =
        deployment.accounts.iter().map(|account| account.address).chain(makers).collect();
    let truth = exactness::compare_one(house, (served, market), &everyone, head).await;
    interest.compare_market(served, (&truth.conditions, truth.collateral));
    let mut rng = StdRng::seed_from_u64(truth.trades.len() as u64);
    let mut counts = [0, 0];
    for _ in 0..2 {
        let outcome = rng.random_range(0..truth.pool.len());
        let amounts = quotes::amounts(&truth.pool, &mut rng);
        for _ in 0..2 {
            let amount = amounts[rng.random_range(0..amounts.len())];
            let [told, refused] = quotes::compare_one(house, served, (outcome, amount), head).await;
            counts = [counts[0] + told, counts[1] + refused];
        }
    }
    (truth, counts)
}

/// The pools of programs that came to something.
async fn existing(house: &House, programs: &[Program]) -> Vec<(u64, Market)> {
    let mut found = Vec::new();
    for program in programs {
        for market in program.markets() {
            if !house.provider().get_code_at(market.amm).await.unwrap().is_empty() {
                found.push((program.seed, market));
            }
        }
    }
    found
}

fn differ(seeds: &[u64]) -> ! {
    panic!("programs {seeds:?} differ: run one of them alone with CAPSTAN_SEED")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(text: &str) -> U256 {
    U256::from_str_radix(text, 10).unwrap()
}

fn signed(number: &impl ToString) -> I256 {
    I256::from_dec_str(&number.to_string()).unwrap()
}

fn word(column: &capstan_db::columns::HashColumn) -> U256 {
    U256::from_be_slice(column.0.as_bytes())
}

fn holder(column: &capstan_db::columns::AddressColumn) -> Address {
    Address::from_slice(column.0.as_bytes())
}

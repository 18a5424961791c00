//! A random program: everything that it does follows from its seed.

use alloy::{
    primitives::{Address, U256, keccak256},
    providers::Provider,
};
use capstan_devnet::Deployment;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::index::sample};

use super::{
    calls,
    node::Call,
    pools::Pool,
    sets::{Condition, MANY, Sets},
};
use crate::{contracts::ConditionalTokens, house::House};

/// What the users of a program have as a round begins.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By user and position.
    pub(super) balances: Vec<Vec<U256>>,
    /// By pool and user.
    pub(super) shares: Vec<Vec<U256>>,
}

/// A few users with conditions, positions and pools of their own.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) seed: u64,
    pub(super) rng: StdRng,
    pub(super) users: Vec<Address>,
    /// The contract.
    pub(super) tokens: Address,
    /// About a dollar of collateral, in base units.
    pub(super) dollar: U256,
    pub(super) sets: Sets,
    /// Whether the market factory makes the first condition and its pool.
    pub(super) announced: bool,
    pub(super) pools: Vec<Pool>,
    pub(super) seen: Seen,
    round: usize,
    rounds: usize,
}

impl Program {
    pub(super) async fn of(seed: u64, house: &House) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let deployment = house.devnet.deployment();
        let count = deployment.accounts.len();
        let chosen = sample(&mut rng, count, 3);
        let users: Vec<Address> = chosen.iter().map(|index| deployment.accounts[index].address).collect();
        let token = rng.random_range(0..deployment.tokens.len());
        let outcomes = match rng.random_range(0..20) {
            0 => 256,
            1 | 2 => 20,
            3..13 => rng.random_range(2..=3),
            _ => rng.random_range(2..=MANY),
        };
        let announced = outcomes <= MANY && rng.random_bool(0.5);
        let conditions = conditions(seed, (outcomes, announced), (&users, deployment), &mut rng);
        let sets = Sets::of(deployment.tokens[token].address, conditions, house, &mut rng).await;
        let (pools, seen, rounds) = (Vec::new(), Seen::default(), rng.random_range(6..15));
        let (tokens, dollar) = (deployment.conditional_tokens, dollar(deployment, token));
        let mut program =
            Self { seed, rng, users, tokens, dollar, sets, announced, pools, seen, round: 0, rounds };
        program.plan_pools(house).await;
        program
    }

    pub(super) fn collateral(&self) -> Address {
        self.sets.collateral
    }

    /// The calls of the next round, which see what the rounds before have left.
    pub(super) async fn next(&mut self, house: &House) -> Vec<Call> {
        self.round += 1;
        if self.round > self.rounds {
            return Vec::new();
        }
        self.look(house).await;
        match self.round {
            1 => self.prepare(house),
            2 => {
                let mut calls = self.create(true, house).await;
                calls.extend((0..self.users.len()).filter_map(|user| self.split(user)));
                calls
            }
            3 => self.create(false, house).await,
            _ => self.acts(),
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.round >= self.rounds
    }

    fn acts(&mut self) -> Vec<Call> {
        let late = self.round * 3 > self.rounds * 2;
        let mut calls = Vec::new();
        if late && self.rng.random_bool(0.4) {
            calls.extend(self.resolve());
        }
        for _ in 0..self.rng.random_range(1..7) {
            calls.extend(self.act());
        }
        calls
    }

    async fn look(&mut self, house: &House) {
        let provider = house.provider();
        let tokens = ConditionalTokens::new(self.tokens, &provider);
        self.seen = Seen::default();
        let ids: Vec<U256> = self.sets.positions.iter().map(|position| position.token).collect();
        for user in &self.users {
            let owners = vec![*user; ids.len()];
            let balances = tokens.balanceOfBatch(owners, ids.clone()).call().await.unwrap();
            self.seen.balances.push(balances);
        }
        for pool in &self.pools {
            let mut shares = vec![U256::ZERO; self.users.len()];
            if let Some(address) = pool.address.filter(|_| self.round > 3) {
                let exists = !provider.get_code_at(address).await.unwrap().is_empty();
                let contract = calls::Pool::new(address, &provider);
                for (user, shares) in self.users.iter().zip(&mut shares).filter(|_| exists) {
                    *shares = contract.balanceOf(*user).call().await.unwrap();
                }
            }
            self.seen.shares.push(shares);
        }
    }
}

/// One condition, or two.
fn conditions(
    seed: u64,
    (outcomes, announced): (usize, bool),
    (users, deployment): (&[Address], &Deployment),
    rng: &mut StdRng,
) -> Vec<Condition> {
    let question = |number: u64| keccak256([seed.to_be_bytes(), number.to_be_bytes()].concat());
    let oracle = if announced && rng.random_bool(0.5) { deployment.market_factory } else { users[0] };
    let mut conditions = vec![Condition::new(oracle, question(0), outcomes)];
    if rng.random_bool(0.6) {
        conditions.push(Condition::new(users[1], question(1), rng.random_range(2..=3)));
    }
    conditions
}

fn dollar(deployment: &Deployment, token: usize) -> U256 {
    let token = &deployment.tokens[token];
    let price = match token.symbol.as_str() {
        "tBTC" => 60_000,
        "WETH" => 3_000,
        _ => 1,
    };
    U256::from(10).pow(U256::from(token.decimals)) / U256::from(price)
}

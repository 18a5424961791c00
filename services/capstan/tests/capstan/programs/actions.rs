//! What the users of a program do, at random.

use alloy::primitives::{Address, Bytes, U256};
use rand::Rng;

use super::{
    Program,
    calls::{self, MarketFactory, Tokens},
    node::{Call, Kind},
};

impl Program {
    /// One call that may succeed; none when what was drawn cannot be done.
    pub(super) fn act(&mut self) -> Option<Call> {
        let user = self.rng.random_range(0..self.users.len());
        if self.sets.conditions.iter().any(|condition| condition.resolved) && self.rng.random_ratio(1, 4) {
            return self.redeem(user);
        }
        match self.rng.random_range(0..100) {
            0..16 => self.split(user),
            16..32 => self.merge(user),
            32..48 => self.buy(user),
            48..60 => self.sell(user),
            60..67 => self.fund(user),
            67..75 => self.unfund(user),
            75..78 => self.withdraw(user),
            78..82 => self.give_shares(user),
            82..91 => self.give(user),
            91..96 => self.give_many(user),
            _ => self.resolve(),
        }
    }

    pub(super) fn split(&mut self, user: usize) -> Option<Call> {
        let family = self.sets.families[self.rng.random_range(0..self.sets.families.len())].clone();
        let amount = match family.source {
            None => self.collateral_amount(),
            Some(source) => self.portion(self.seen.balances[user][source]),
        };
        let split = Tokens::splitPositionCall {
            collateral: self.collateral(),
            parent: family.parent,
            conditionId: self.sets.conditions[family.condition].id,
            partition: family.parts,
            amount,
        };
        self.some(amount, self.call(Kind::Split, self.users[user], self.tokens, &split))
    }

    fn merge(&mut self, user: usize) -> Option<Call> {
        let family = self.sets.families[self.rng.random_range(0..self.sets.families.len())].clone();
        let held = family.tokens.iter().map(|token| self.seen.balances[user][*token]).min()?;
        let amount = self.portion(held);
        let merge = Tokens::mergePositionsCall {
            collateral: self.collateral(),
            parent: family.parent,
            conditionId: self.sets.conditions[family.condition].id,
            partition: family.parts,
            amount,
        };
        self.some(amount, self.call(Kind::Merge, self.users[user], self.tokens, &merge))
    }

    fn buy(&mut self, user: usize) -> Option<Call> {
        let (pool, address) = self.pool()?;
        let investment = self.collateral_amount();
        let outcome = U256::from(self.rng.random_range(0..self.pools[pool].positions.len()));
        let buy = calls::Pool::buyCall { investment, outcome, minimumTokens: U256::ZERO };
        Some(self.call(Kind::Buy, self.users[user], address, &buy))
    }

    fn sell(&mut self, user: usize) -> Option<Call> {
        let (pool, address) = self.pool()?;
        let outcome = self.rng.random_range(0..self.pools[pool].positions.len());
        let held = self.seen.balances[user][self.pools[pool].positions[outcome]];
        let returned = self.portion(held) / U256::from(self.rng.random_range(1..20));
        let outcome = U256::from(outcome);
        let sell = calls::Pool::sellCall { returned, outcome, maximumTokens: U256::MAX };
        self.some(held, self.call(Kind::Sell, self.users[user], address, &sell))
    }

    fn fund(&mut self, user: usize) -> Option<Call> {
        let (pool, address) = self.pool()?;
        let funds = self.funds();
        // A hint is refused while somebody has shares.
        let empty = self.seen.shares[pool].iter().all(U256::is_zero);
        let distribution_hint = if empty { self.hint(self.pools[pool].positions.len()) } else { Vec::new() };
        let fund = calls::Pool::addFundingCall { funds, distributionHint: distribution_hint };
        Some(self.call(Kind::Fund, self.users[user], address, &fund))
    }

    fn unfund(&mut self, user: usize) -> Option<Call> {
        let (pool, address) = self.pool()?;
        let all = self.rng.random_bool(0.4);
        let held = self.seen.shares[pool][user];
        let shares = if all { held } else { self.portion(held) };
        let unfund = calls::Pool::removeFundingCall { shares };
        self.some(shares, self.call(Kind::Unfund, self.users[user], address, &unfund))
    }

    fn withdraw(&mut self, user: usize) -> Option<Call> {
        let (_, address) = self.pool()?;
        let account = self.user();
        let withdraw = calls::Pool::withdrawFeesCall { account };
        Some(self.call(Kind::Fees, self.users[user], address, &withdraw))
    }

    fn give_shares(&mut self, user: usize) -> Option<Call> {
        let (pool, address) = self.pool()?;
        let shares = self.portion(self.seen.shares[pool][user]);
        let give = calls::Pool::transferCall { to: self.user(), shares };
        self.some(shares, self.call(Kind::Shares, self.users[user], address, &give))
    }

    /// To another user, to oneself, or to a pool, which does not take it.
    fn give(&mut self, user: usize) -> Option<Call> {
        let position = self.held_by(user)?;
        let value = self.portion(self.seen.balances[user][position]);
        let (kind, to) = match self.pool() {
            Some((_, pool)) if self.rng.random_ratio(1, 8) => (Kind::Gift, pool),
            _ => (Kind::Transfer, self.user()),
        };
        let (from, id) = (self.users[user], self.sets.positions[position].token);
        let give = Tokens::safeTransferFromCall { from, to, id, value, data: Bytes::new() };
        Some(self.call(kind, from, self.tokens, &give))
    }

    /// Several tokens at once, of which one may be named twice or be none at all.
    fn give_many(&mut self, user: usize) -> Option<Call> {
        let mut positions = vec![self.held_by(user)?, self.rng.random_range(0..self.sets.positions.len())];
        positions.extend(self.held_by(user));
        let balance = |position: &usize| self.seen.balances[user][*position] >> 2;
        let values = positions.iter().map(balance).collect();
        let ids = positions.iter().map(|position| self.sets.positions[*position].token).collect();
        let (from, to) = (self.users[user], self.user());
        let give = Tokens::safeBatchTransferFromCall { from, to, ids, values, data: Bytes::new() };
        Some(self.call(Kind::Transfer, from, self.tokens, &give))
    }

    /// Reports payouts: one outcome takes all, or several share.
    pub(super) fn resolve(&mut self) -> Option<Call> {
        let index = self.rng.random_range(0..self.sets.conditions.len());
        let outcomes = self.sets.conditions[index].outcomes;
        let mut payouts = vec![U256::ZERO; outcomes];
        payouts[self.rng.random_range(0..outcomes)] = U256::from(1);
        if self.rng.random_bool(0.5) {
            let scale = if self.rng.random_bool(0.3) { 1_000_000_000_000_000_003 } else { 1 };
            payouts[0] += U256::from(scale);
            for payout in &mut payouts {
                *payout += U256::from(scale * self.rng.random_range(0..4_u64));
            }
        }
        let condition = &mut self.sets.conditions[index];
        if std::mem::replace(&mut condition.resolved, true) {
            return None;
        }
        let (oracle, question) = (condition.oracle, condition.question);
        if self.users.contains(&oracle) {
            let report = Tokens::reportPayoutsCall { questionId: question, payouts };
            return Some(self.call(Kind::Resolve, oracle, self.tokens, &report));
        }
        let market = self.pools.iter().find_map(|pool| Some((pool.creator, pool.market_id?)));
        let (creator, market_id) = market?;
        let resolve = MarketFactory::resolveCall { marketId: market_id, payouts };
        Some(self.call(Kind::Resolve, creator, oracle, &resolve))
    }

    /// Some sets of one family, in any order, perhaps one of them twice, perhaps only those that lost.
    fn redeem(&mut self, user: usize) -> Option<Call> {
        let resolved = |condition: usize| self.sets.conditions[condition].resolved;
        let families: Vec<usize> = (0..self.sets.families.len())
            .filter(|family| resolved(self.sets.families[*family].condition))
            .collect();
        let family = &self.sets.families[families[self.rng.random_range(0..families.len())]];
        let mut index_sets = Vec::new();
        for _ in 0..self.rng.random_range(1..=family.parts.len()) {
            index_sets.push(family.parts[self.rng.random_range(0..family.parts.len())]);
        }
        let redeem = Tokens::redeemPositionsCall {
            collateral: self.collateral(),
            parent: family.parent,
            conditionId: self.sets.conditions[family.condition].id,
            indexSets: index_sets,
        };
        Some(self.call(Kind::Redeem, self.users[user], self.tokens, &redeem))
    }

    /// A pool that may be there.
    fn pool(&mut self) -> Option<(usize, Address)> {
        let made: Vec<(usize, Address)> =
            (0..).zip(&self.pools).filter_map(|(index, pool)| Some((index, pool.address?))).collect();
        (!made.is_empty()).then(|| made[self.rng.random_range(0..made.len())])
    }

    fn held_by(&mut self, user: usize) -> Option<usize> {
        let balances = &self.seen.balances[user];
        let held: Vec<usize> =
            (0..balances.len()).filter(|position| !balances[*position].is_zero()).collect();
        (!held.is_empty()).then(|| held[self.rng.random_range(0..held.len())])
    }

    pub(super) fn user(&mut self) -> Address {
        self.users[self.rng.random_range(0..self.users.len())]
    }

    /// A call about an amount that is something; nothing is tried now and then, too.
    fn some(&mut self, amount: U256, call: Call) -> Option<Call> {
        (!amount.is_zero() || self.rng.random_ratio(1, 20)).then_some(call)
    }

    /// All of it, one unit, or some.
    pub(super) fn portion(&mut self, whole: U256) -> U256 {
        match self.rng.random_range(0..8) {
            0 | 1 => whole,
            2 => whole.min(U256::from(1)),
            _ => whole * U256::from(self.rng.random_range(0..1_000_u64)) / U256::from(1_000),
        }
    }

    /// One base unit, a few, or up to about 2,000 dollars.
    fn collateral_amount(&mut self) -> U256 {
        match self.rng.random_range(0..8) {
            0 => U256::from(1),
            1 => U256::from(self.rng.random_range(2..60_u64)),
            _ => self.dollar * U256::from(self.rng.random_range(1..2_000_000_u64)) / U256::from(1_000),
        }
    }

    /// Liquidity, mostly more than trades.
    pub(super) fn funds(&mut self) -> U256 {
        self.collateral_amount() * U256::from(self.rng.random_range(1..5))
    }

    /// Relative sizes of a new pool's balances, or nothing for equal ones.
    pub(super) fn hint(&mut self, outcomes: usize) -> Vec<U256> {
        if self.rng.random_bool(0.5) {
            return Vec::new();
        }
        (0..outcomes).map(|_| U256::from(self.rng.random_range(1..10))).collect()
    }
}

//! People who trade: binary markets whose contracts emit what the real ones do, in the same order.

use std::collections::BTreeMap;

use capstan_primitives::{Address, Hash};
use capstan_proto::indexer::{Argument, Event};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    ids,
    log::{self, Log, Token, address, address_of, bytes32, bytes32s, string, strings, uint, uints},
};

const USERS: usize = 5_000;
/// Calls of one block.
pub(super) const CALLS: usize = 4;
/// Smallest units of one collateral token.
const UNIT: u128 = 1_000_000;
const FUNDS: u128 = 20_000 * UNIT;
const FEE_PERCENT: u128 = 2;
const FEE: u128 = 20_000_000_000_000_000;
/// Index sets of both outcomes.
const SETS: [u8; 2] = [1, 2];

/// A market and its pool.
struct Pool {
    address: Address,
    condition: Hash,
    market_id: Hash,
    tokens: [Token; 2],
    reserves: [u128; 2],
    is_resolved: bool,
    /// Collateral behind its condition.
    backing: u128,
    volume: u128,
    trades: u64,
    holdings: BTreeMap<usize, [u128; 2]>,
}

/// What a market must be shown as.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) market_id: String,
    pub(super) volume: String,
    pub(super) trade_count: u64,
    pub(super) pool_balances: Vec<String>,
    pub(super) resolved: bool,
    pub(super) open_interest: Option<String>,
    pub(super) holder_counts: Vec<u64>,
}

/// All contracts and people of one chain; the same seed gives the same chain.
pub(super) struct Traffic {
    log: Log,
    dice: ChaCha8Rng,
    pools: Vec<Pool>,
    /// Number of the next market; that of the first makes the ids of one chain differ from those of another.
    next: usize,
}

impl Traffic {
    /// A chain whose next block has this number.
    pub(super) fn from(block: u64) -> Self {
        let next = usize::try_from(block << 24).unwrap_or_default();
        Self { log: Log::from(block), dice: ChaCha8Rng::seed_from_u64(4), pools: Vec::new(), next }
    }

    /// A block that creates markets.
    pub(super) fn create(&mut self, markets: usize) -> Vec<Event> {
        (0..markets).for_each(|_| self.create_market());
        self.log.mine()
    }

    /// A block of [`CALLS`] calls.
    pub(super) fn block(&mut self) -> Vec<Event> {
        (0..CALLS).for_each(|_| self.call());
        self.log.mine()
    }

    /// What the markets must be shown as by now.
    pub(super) fn expected(&self) -> Vec<Expected> {
        let holders = |pool: &Pool, outcome| {
            let amounts = pool.holdings.values().map(|amounts| in_order(*amounts, outcome));
            amounts.map(|[amount, _]| u64::from(amount > 0)).sum()
        };
        let expected = |pool: &Pool| Expected {
            market_id: pool.market_id.to_string(),
            volume: pool.volume.to_string(),
            trade_count: pool.trades,
            pool_balances: pool.reserves.iter().map(ToString::to_string).collect(),
            resolved: pool.is_resolved,
            open_interest: Some(pool.backing.to_string()),
            holder_counts: [0, 1].map(|outcome| holders(pool, outcome)).to_vec(),
        };
        self.pools.iter().map(expected).collect()
    }

    /// Of a hundred calls 70 buy, 14 sell, 4 split, 3 merge, 4 redeem, 3 add and 1 removes liquidity, 1 makes a market.
    fn call(&mut self) {
        self.log.transaction();
        // A few people and markets are in much of it.
        let user = self.skewed(USERS);
        let at = self.skewed(self.pools.len());
        let chance = self.dice.random_range(0..100);
        let Some(mut pool) = (at < self.pools.len()).then(|| self.pools.swap_remove(at)) else { return };
        match chance {
            0..14 => self.sell(&mut pool, user),
            14..18 => self.split(&mut pool, user),
            18..21 => self.merge(&mut pool, user),
            21..25 => self.redeem(&mut pool, user),
            25..28 => self.add_liquidity(&mut pool, user),
            28 => self.remove_liquidity(&mut pool, user),
            29 => self.create_market(),
            _ => self.buy(&mut pool, user),
        }
        self.pools.push(pool);
        let last = self.pools.len() - 1;
        self.pools.swap(at, last);
    }

    fn skewed(&mut self, most: usize) -> usize {
        let [a, b] = [self.dice.random_range(0..most.max(1)), self.dice.random_range(0..most.max(1))];
        a * b / most.max(1)
    }

    fn buy(&mut self, pool: &mut Pool, user: usize) {
        let paid = self.dice.random_range(1..100 * UNIT);
        let outcome = self.dice.random_range(0..2);
        let (fee, [bought_of, other]) = (paid * FEE_PERCENT / 100, in_order(pool.reserves, outcome));
        let net = paid - fee;
        let left = (bought_of * other).div_ceil(other + net);
        let bought = bought_of + net - left;
        self.minted(pool, pool.address, net);
        self.transferred(pool, outcome, (pool.address, account(user)), bought);
        pool.reserves = in_order([left, other + net], outcome);
        *held(pool, user, outcome) += bought;
        pool.trades += 1;
        pool.volume += paid;
        let arguments = vec![
            address("buyer", account(user)),
            uint("investmentAmount", paid),
            uint("feeAmount", fee),
            uint("outcomeIndex", outcome),
            uint("outcomeTokensBought", bought),
        ];
        self.log.emit(pool.address, "gnosis.fpmm.FPMMBuy", arguments);
    }

    /// Sells a part of what the user, or somebody else, has; buys where nobody has anything.
    fn sell(&mut self, pool: &mut Pool, user: usize) {
        let outcome = self.dice.random_range(0..2);
        let [sold_of, other] = in_order(pool.reserves, outcome);
        let mut holders = pool.holdings.range(user..).chain(pool.holdings.range(..user));
        let quote = holders.find_map(|(holder, amounts)| {
            let [owned, _] = in_order(*amounts, outcome);
            let returned = owned / 4;
            let merged = returned * 100 / (100 - FEE_PERCENT);
            let sold = merged
                + (sold_of * other).div_ceil(other.checked_sub(merged).filter(|left| *left > 0)?)
                - sold_of;
            (returned > 0 && sold <= owned).then_some((*holder, returned, merged, sold))
        });
        let Some((seller, returned, merged, sold)) = quote else { return self.buy(pool, user) };
        self.transferred(pool, outcome, (account(seller), pool.address), sold);
        self.burnt(pool, pool.address, merged);
        pool.reserves = in_order([sold_of + sold - merged, other - merged], outcome);
        *held(pool, seller, outcome) -= sold;
        pool.trades += 1;
        pool.volume += returned;
        let arguments = vec![
            address("seller", account(seller)),
            uint("returnAmount", returned),
            uint("feeAmount", merged - returned),
            uint("outcomeIndex", outcome),
            uint("outcomeTokensSold", sold),
        ];
        self.log.emit(pool.address, "gnosis.fpmm.FPMMSell", arguments);
    }

    fn split(&mut self, pool: &mut Pool, user: usize) {
        let amount = self.dice.random_range(1..50 * UNIT);
        self.minted(pool, account(user), amount);
        (0..2).for_each(|outcome| *held(pool, user, outcome) += amount);
    }

    fn merge(&mut self, pool: &mut Pool, user: usize) {
        let amount = pool.holdings.get(&user).map_or(0, |[a, b]| *a.min(b));
        if amount == 0 {
            return self.split(pool, user);
        }
        self.burnt(pool, account(user), amount);
        (0..2).for_each(|outcome| *held(pool, user, outcome) -= amount);
    }

    /// Redeems, of a market that is resolved by then.
    fn redeem(&mut self, pool: &mut Pool, user: usize) {
        if !pool.is_resolved {
            pool.is_resolved = true;
            return self.resolve(pool);
        }
        let amounts = pool.holdings.remove(&user).unwrap_or_default();
        for (outcome, amount) in amounts.into_iter().enumerate().filter(|(_, amount)| *amount > 0) {
            self.transferred(pool, outcome, (account(user), Address::ZERO), amount);
        }
        pool.backing -= amounts[0];
        let arguments = vec![
            address("redeemer", account(user)),
            address("collateralToken", collateral()),
            bytes32("parentCollectionId", Hash::ZERO),
            bytes32("conditionId", pool.condition),
            uints("indexSets", &SETS),
            uint("payout", amounts[0]),
        ];
        self.conditional("PayoutRedemption", arguments);
    }

    fn resolve(&mut self, pool: &Pool) {
        let arguments = vec![
            bytes32("conditionId", pool.condition),
            address("oracle", factory()),
            bytes32("questionId", Hash::ZERO),
            uint("outcomeSlotCount", 2),
            uints("payoutNumerators", &[1, 0]),
        ];
        self.conditional("ConditionResolution", arguments);
    }

    fn add_liquidity(&mut self, pool: &mut Pool, user: usize) {
        let amount = self.dice.random_range(UNIT..1_000 * UNIT);
        self.fund(pool, account(user), amount);
        let most = pool.reserves[0].max(pool.reserves[1]);
        let before = pool.reserves;
        for (outcome, reserve) in before.into_iter().enumerate() {
            let kept = amount * reserve / most;
            *of(&mut pool.reserves, outcome) += kept;
            *held(pool, user, outcome) += amount - kept;
        }
    }

    /// What the pool mints, keeps and sends back.
    fn fund(&mut self, pool: &mut Pool, funder: Address, amount: u128) {
        let most = pool.reserves[0].max(pool.reserves[1]).max(1);
        let kept = pool.reserves.map(|reserve| if reserve == 0 { amount } else { amount * reserve / most });
        self.minted(pool, pool.address, amount);
        self.transferred_both(pool, (pool.address, funder), kept.map(|kept| amount - kept));
        let arguments =
            vec![address("funder", funder), uints("amountsAdded", &kept), uint("sharesMinted", amount)];
        self.log.emit(pool.address, "gnosis.fpmm.FPMMFundingAdded", arguments);
    }

    fn remove_liquidity(&mut self, pool: &mut Pool, user: usize) {
        let sent = pool.reserves.map(|reserve| reserve / 100);
        self.transferred_both(pool, (pool.address, account(user)), sent);
        for (outcome, amount) in sent.into_iter().enumerate() {
            *of(&mut pool.reserves, outcome) -= amount;
            *held(pool, user, outcome) += amount;
        }
        let arguments = vec![
            address("funder", account(user)),
            uints("amountsRemoved", &sent),
            uint("collateralRemovedFromFeePool", 7),
            uint("sharesBurnt", sent[0]),
        ];
        self.log.emit(pool.address, "gnosis.fpmm.FPMMFundingRemoved", arguments);
    }

    /// Condition, announcement, pool with funds, link.
    fn create_market(&mut self) {
        let number = self.next;
        self.next += 1;
        let question = log::hash("question", number);
        let condition = ids::condition(factory(), question);
        let mut pool = Pool {
            address: address_of("pool", number),
            condition,
            market_id: log::hash("market", number),
            tokens: [0, 1].map(|outcome| ids::token(collateral(), condition, outcome)),
            reserves: [0; 2],
            is_resolved: false,
            backing: 0,
            volume: 0,
            trades: 0,
            holdings: BTreeMap::new(),
        };
        self.prepare_and_announce(&pool, question, number);
        let arguments = vec![
            address("creator", factory()),
            address("fixedProductMarketMaker", pool.address),
            address("conditionalTokens", conditional_tokens()),
            address("collateralToken", collateral()),
            bytes32s("conditionIds", &[condition]),
            uint("fee", FEE),
        ];
        self.log.emit(
            address_of("pool factory", 0),
            "gnosis.fpmm_factory.FixedProductMarketMakerCreation",
            arguments,
        );
        self.fund(&mut pool, address_of("pool factory", 0), FUNDS);
        pool.reserves = [FUNDS; 2];
        let arguments =
            vec![bytes32("marketId", pool.market_id), address("amm", pool.address), uint("fee", FEE)];
        self.log.emit(factory(), "market.amm_deployed", arguments);
        self.pools.push(pool);
    }

    fn prepare_and_announce(&mut self, pool: &Pool, question: Hash, number: usize) {
        let arguments = vec![
            bytes32("conditionId", pool.condition),
            address("oracle", factory()),
            bytes32("questionId", question),
            uint("outcomeSlotCount", 2),
        ];
        self.conditional("ConditionPreparation", arguments);
        let creator = account(number % 50);
        let arguments = vec![
            bytes32("marketId", pool.market_id),
            bytes32("conditionId", pool.condition),
            address("creator", creator),
            bytes32("questionId", question),
            address("collateralToken", collateral()),
            string("question", &format!("Will number {number} come first?")),
            strings("outcomes", &["Yes", "No"]),
            uint("resolutionTime", 1_900_000_000),
        ];
        self.log.emit(factory(), "market.created", arguments);
    }

    fn minted(&mut self, pool: &mut Pool, to: Address, amount: u128) {
        pool.backing += amount;
        self.transferred_both(pool, (Address::ZERO, to), [amount; 2]);
        self.set_changed("PositionSplit", pool, to, amount);
    }

    fn burnt(&mut self, pool: &mut Pool, from: Address, amount: u128) {
        pool.backing -= amount;
        self.transferred_both(pool, (from, Address::ZERO), [amount; 2]);
        self.set_changed("PositionsMerge", pool, from, amount);
    }

    fn set_changed(&mut self, event: &str, pool: &Pool, stakeholder: Address, amount: u128) {
        let arguments = vec![
            address("stakeholder", stakeholder),
            address("collateralToken", collateral()),
            bytes32("parentCollectionId", Hash::ZERO),
            bytes32("conditionId", pool.condition),
            uints("partition", &SETS),
            uint("amount", amount),
        ];
        self.conditional(event, arguments);
    }

    fn transferred(&mut self, pool: &Pool, outcome: usize, (from, to): (Address, Address), amount: u128) {
        let [token, _] = in_order(pool.tokens, outcome);
        let ends = [address("operator", from), address("from", from), address("to", to)];
        let what = [uint("id", token), uint("value", amount)];
        self.conditional("TransferSingle", ends.into_iter().chain(what).collect());
    }

    fn transferred_both(&mut self, pool: &Pool, (from, to): (Address, Address), amounts: [u128; 2]) {
        let ends = [address("operator", from), address("from", from), address("to", to)];
        let what = [uints("ids", &pool.tokens), uints("values", &amounts)];
        self.conditional("TransferBatch", ends.into_iter().chain(what).collect());
    }

    fn conditional(&mut self, event: &str, arguments: Vec<Argument>) {
        self.log.emit(conditional_tokens(), &format!("gnosis.conditional_tokens.{event}"), arguments);
    }
}

/// That of one outcome before that of the other, or back.
fn in_order<T: Copy>([first, second]: [T; 2], outcome: usize) -> [T; 2] {
    if outcome == 0 { [first, second] } else { [second, first] }
}

fn held(pool: &mut Pool, user: usize, outcome: usize) -> &mut u128 {
    of(pool.holdings.entry(user).or_default(), outcome)
}

fn of([first, second]: &mut [u128; 2], outcome: usize) -> &mut u128 {
    if outcome == 0 { first } else { second }
}

fn account(number: usize) -> Address {
    address_of("account", number)
}

fn factory() -> Address {
    address_of("market factory", 0)
}

fn conditional_tokens() -> Address {
    address_of("conditional tokens", 0)
}

fn collateral() -> Address {
    address_of("collateral", 0)
}

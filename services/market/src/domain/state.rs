//! What is known before a batch of events, as far as the batch can touch it, and what it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use capstan_primitives::{Address, Amount, BlockRef, Hash, TransactionId, U256};

use super::{
    costs::Posting,
    event::{Content, Event, Origin, Unusable},
    gift::Gift,
    holders::HolderChanges,
    ids::Collections,
    interest::{Backing, Interest},
    market::{Activity, Announcement, Condition, MarketId, Place, Pool, PoolState, Tokens},
};

/// The key of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holding {
    /// The ConditionalTokens contract.
    pub(crate) contract: Address,
    /// ERC-1155 id.
    pub(crate) token: U256,
    pub(crate) holder: Address,
}

/// A pool with its running totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownPool {
    pub(crate) pool: Pool,
    pub(crate) volume: Amount,
    pub(crate) trades: u64,
    /// As it was after the last block that changed it.
    pub(crate) before: Option<PoolState>,
}

impl KnownPool {
    /// What it trades.
    pub(crate) fn holdings(&self) -> impl Iterator<Item = Holding> {
        let Pool { address, tokens: Tokens { contract, ids }, .. } = &self.pool;
        ids.iter().map(|token| Holding { contract: *contract, token: *token, holder: *address })
    }
}

/// What later events need to know of a market that a factory announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownMarket {
    pub(crate) factory: Address,
    pub(crate) condition_id: Hash,
    pub(crate) collateral: Address,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) pool: Option<Address>,
}

/// Everything known that a batch can touch.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) pools: HashMap<Address, KnownPool>,
    /// By condition id; several when several contracts know it, oldest first.
    pub(crate) conditions: HashMap<Hash, Vec<Condition>>,
    /// Payout numerators by contract and condition.
    pub(crate) resolutions: HashMap<(Address, Hash), Vec<Amount>>,
    /// Markets of factories.
    pub(crate) markets: BTreeMap<MarketId, KnownMarket>,
    /// Market of a pool that a factory announced.
    pub(crate) links: HashMap<Address, MarketId>,
    pub(crate) balances: HashMap<Holding, Amount>,
    pub(crate) open_interest: HashMap<Backing, Amount>,
    /// Contracts that announced a market or made a pool.
    pub(crate) factories: HashSet<Address>,
    pub(crate) collections: Collections,
}

impl State {
    pub(crate) fn balance(&self, holding: &Holding) -> Amount {
        self.balances.get(holding).copied().unwrap_or(Amount::ZERO)
    }
}

/// What a batch of events mentions: the keys to load into a [`State`] before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Addresses that may be pools.
    pub(crate) addresses: BTreeSet<Address>,
    pub(crate) created_pools: BTreeSet<Address>,
    /// Creators of those pools.
    pub(crate) creators: BTreeSet<Address>,
    pub(crate) conditions: BTreeSet<Hash>,
    pub(crate) markets: BTreeSet<MarketId>,
    pub(crate) holdings: BTreeSet<Holding>,
    pub(crate) backings: BTreeSet<Backing>,
}

impl Touched {
    /// Collects what `events` mention.
    pub(crate) fn by(events: &[Event]) -> Self {
        let mut touched = Self::default();
        for event in events {
            if let Ok(content) = &event.content {
                touched.add(event.origin.address, content);
            }
        }
        touched
    }

    fn add(&mut self, emitter: Address, content: &Content) {
        match content {
            Content::ConditionPrepared { condition_id, .. }
            | Content::ConditionResolved { condition_id, .. } => {
                self.conditions.insert(*condition_id);
            }
            Content::Split(change) | Content::Merged(change) => {
                self.addresses.insert(change.stakeholder);
                self.conditions.insert(change.condition_id);
                self.backings.extend(Backing::of_change(emitter, change));
            }
            Content::Redeemed(redemption) => {
                self.addresses.insert(redemption.redeemer);
                self.conditions.insert(redemption.condition_id);
                self.backings.extend(Backing::of_redemption(emitter, redemption));
            }
            Content::Transferred { from, to, items } => {
                for holder in [*from, *to].into_iter().filter(|holder| *holder != Address::ZERO) {
                    self.addresses.insert(holder);
                    let holding = |token| Holding { contract: emitter, token, holder };
                    self.holdings.extend(items.iter().map(|(token, _)| holding(*token)));
                }
            }
            Content::PoolCreated(created) => {
                self.addresses.insert(created.pool);
                self.created_pools.insert(created.pool);
                self.creators.insert(created.creator);
                self.conditions.extend(&created.condition_ids);
            }
            Content::Traded(_) | Content::LiquidityAdded(_) | Content::LiquidityRemoved(_) => {
                self.addresses.insert(emitter);
            }
            Content::MarketCreated(created) => {
                self.markets.insert(created.market_id);
                self.conditions.insert(created.condition_id);
            }
            Content::PoolAnnounced { market_id, pool } => {
                self.markets.insert(*market_id);
                self.addresses.insert(*pool);
            }
            Content::MarketResolved { market_id, .. } => {
                self.markets.insert(*market_id);
            }
        }
    }
}

/// What a batch of events changes: rows to add, and the balances as they are after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Blocks that had events, and the position of the last event of each.
    pub(crate) blocks: Vec<(BlockRef, u64)>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) resolutions: Vec<Resolution>,
    pub(crate) markets: Vec<Announcement>,
    pub(crate) pools: Vec<(Pool, Place)>,
    pub(crate) links: Vec<Link>,
    pub(crate) tokens: Vec<MarketTokens>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) balances: BTreeMap<Holding, Amount>,
    pub(crate) holders: HolderChanges,
    pub(crate) open_interest: Vec<Interest>,
    pub(crate) activities: Vec<Activity>,
    /// What users gave and were given: what the books post as such, item by item.
    pub(crate) gifts: Vec<Gift>,
    /// What users paid and received, in order.
    pub(crate) postings: Vec<Posting>,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) quarantined: Vec<(Origin, Unusable)>,
}

/// The payout numerators of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) contract: Address,
    pub(crate) condition_id: Hash,
    pub(crate) payouts: Vec<Amount>,
    pub(crate) place: Place,
    pub(crate) transaction: TransactionId,
}

/// The pool of a market that a factory announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) market_id: MarketId,
    pub(crate) pool: Address,
    pub(crate) place: Place,
}

/// The outcome tokens of a market, known from a block on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarketTokens {
    pub(crate) market_id: MarketId,
    pub(crate) tokens: Tokens,
    pub(crate) block: u64,
}

/// One item of an ERC-1155 transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) contract: Address,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) token: U256,
    pub(crate) value: Amount,
    pub(crate) place: Place,
    /// Index of the item in its event.
    pub(crate) item: u32,
}

/// A pool after one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) pool: Address,
    pub(crate) block: BlockRef,
    /// As it was before; none when no block had changed it.
    pub(crate) before: Option<PoolState>,
    pub(crate) state: PoolState,
}

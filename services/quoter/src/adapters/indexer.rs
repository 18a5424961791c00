//! Events of the indexer → changes of pools.

use std::{collections::HashMap, sync::Arc};

use capstan_primitives::{Address, BlockRef, BlockTime, ChainId, Hash, U256};
use capstan_proto::{indexer as wire, primitives};
use capstan_runtime::follow::{self, Subscription};

use super::words::{Word, Words};
use crate::domain::{
    change::{BalanceChange, Change, Unusable},
    concentrated::Concentrated,
    history::{Deed, Event},
    pool::{PoolId, Protocol},
    state::{Entry, Problem},
    step::{Step, StepKind},
    v2::Pair,
    wrap::COIN,
};

/// The events that pools are made of, as the chain has them.
pub(crate) fn subscription(chain: ChainId) -> Subscription {
    let filter =
        wire::EventFilter { kinds: KINDS.map(str::to_owned).to_vec(), ..wire::EventFilter::default() };
    Subscription { chain_id: chain.0, filter, payloads: vec![wire::Payload::Raw] }
}

const KINDS: [&str; 17] = [
    "balancer.v2.vault.PoolBalanceChanged",
    "balancer.v2.vault.PoolBalanceManaged",
    "balancer.v2.vault.Swap",
    "balancer.v2.weighted_pool.PausedStateChanged",
    "balancer.v2.weighted_pool.SwapFeePercentageChanged",
    "balancer.v2.weighted_pool_factory.PoolCreated",
    "uniswap.v2.factory.PairCreated",
    "uniswap.v2.pair.Sync",
    "uniswap.v3.factory.PoolCreated",
    "uniswap.v3.pool.Burn",
    "uniswap.v3.pool.Initialize",
    "uniswap.v3.pool.Mint",
    "uniswap.v3.pool.Swap",
    "uniswap.v4.pool_manager.Initialize",
    "uniswap.v4.pool_manager.ModifyLiquidity",
    "uniswap.v4.pool_manager.ProtocolFeeUpdated",
    "uniswap.v4.pool_manager.Swap",
];

/// The flag of a fee that hooks decide.
const DYNAMIC_FEE: u32 = 0x80_0000;
const MILLION: u32 = 1_000_000;
/// Uniswap V2's own fee, in millionths.
const V2_FEE: u32 = 3_000;

/// A message of the indexer that is not as its contract says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message of the indexer is wrong: {field}: {problem}")]
pub(crate) struct Malformed {
    field: &'static str,
    problem: String,
}

impl Malformed {
    fn new(field: &'static str, problem: impl ToString) -> Self {
        Self { field, problem: problem.to_string() }
    }
}

/// What logs are read with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// Fees of pairs by factory, in millionths, where they are not Uniswap's.
    pub(crate) v2_fees: HashMap<Address, u32>,
}

impl Reader {
    /// Reads a step along the log.
    pub(crate) fn step(&self, step: follow::Step) -> Result<Step, Malformed> {
        match step {
            follow::Step::Apply(batch) => {
                let wire::EventBatch { chain_id: _, events, block, block_complete, finalized, cursor } =
                    batch;
                let kind = StepKind::Apply {
                    events: events.iter().map(|event| self.event(event)).collect::<Result<_, _>>()?,
                    block: required(block.as_ref())?,
                    complete: block_complete,
                    finalized: finalized.map(|block| block.number),
                };
                Ok(Step { kind, cursor })
            }
            follow::Step::Undo(undo) => {
                let wire::UndoSignal { last_valid_block, cursor, .. } = undo;
                let last_valid = block(last_valid_block.as_ref())?;
                Ok(Step { kind: StepKind::Undo { last_valid }, cursor })
            }
            follow::Step::Pass(heartbeat) => {
                let wire::Heartbeat { chain_id: _, block: through, finalized, cursor } = heartbeat;
                let finalized = finalized.map(|block| block.number);
                Ok(Step { kind: StepKind::Pass { block: block(through.as_ref())?, finalized }, cursor })
            }
        }
    }

    /// Reads an event. What the contract said may be unusable; where it comes from may not.
    fn event(&self, event: &wire::Event) -> Result<Event, Malformed> {
        let address: Address =
            event.address.to_ascii_lowercase().parse().map_err(|error| Malformed::new("address", error))?;
        let words = Words { topics: &event.topics, data: &event.data };
        Ok(Event {
            block: required(event.block.as_ref())?,
            log_index: event.log_index,
            address,
            deed: self.deed(&event.kind, address, words),
        })
    }

    fn deed(&self, kind: &str, address: Address, words: Words<'_>) -> Result<Deed, Unusable> {
        let (protocol, name) = kind.rsplit_once('.').unwrap_or_default();
        match protocol {
            "uniswap.v2.factory" => self.pair(address, words),
            "uniswap.v2.pair" => {
                let reserves = [words.word(0)?.number(), words.word(1)?.number()];
                Ok(Deed::Changed(PoolId::Contract(address), Change::Reserves(reserves)))
            }
            "uniswap.v3.factory" => self.v3_pool(address, words),
            "uniswap.v3.pool" => Ok(Deed::Changed(PoolId::Contract(address), v3_change(name, words)?)),
            "uniswap.v4.pool_manager" => self.v4(address, name, words),
            "balancer.v2.vault" => vault(name, words),
            "balancer.v2.weighted_pool_factory" => Ok(Deed::Announced(words.topic(0)?.address())),
            "balancer.v2.weighted_pool" => weighted_pool(address, name, words),
            _ => Err(Unusable(format!("no such kind is asked for: {kind}"))),
        }
    }

    fn pair(&self, factory: Address, words: Words<'_>) -> Result<Deed, Unusable> {
        let tokens = [words.topic(0)?.address(), words.topic(1)?.address()];
        let fee = self.v2_fees.get(&factory).copied().unwrap_or(V2_FEE);
        let id = PoolId::Contract(words.word(0)?.address());
        Ok(created(Entry {
            id,
            factory: Some(factory),
            pool: Arc::new(Pair::new(tokens, fee)),
            problem: None,
        }))
    }

    fn v3_pool(&self, factory: Address, words: Words<'_>) -> Result<Deed, Unusable> {
        let tokens = [words.topic(0)?.address(), words.topic(1)?.address()];
        let (fee, spacing): (u32, i32) = (words.topic(2)?.small()?, words.word(0)?.tick()?);
        let pool = Concentrated::new(Protocol::UniswapV3, tokens, fee, spacing);
        let id = PoolId::Contract(words.word(1)?.address());
        Ok(created(Entry { id, factory: Some(factory), pool: Arc::new(pool), problem: None }))
    }

    fn v4(&self, manager: Address, name: &str, words: Words<'_>) -> Result<Deed, Unusable> {
        let id = PoolId::Key(words.topic(0)?.hash());
        let change = match name {
            "Initialize" => return self.v4_pool(manager, words),
            "ModifyLiquidity" => Change::Position {
                lower: words.word(0)?.tick()?,
                upper: words.word(1)?.tick()?,
                delta: words.word(2)?.signed()?,
            },
            "Swap" => price(words.word(2)?, words.word(4)?)?,
            "ProtocolFeeUpdated" => return Ok(Deed::Changed(id, v4_fees(words.word(0)?.small()?))),
            _ => return Err(Unusable(format!("no such event is asked for: {name}"))),
        };
        Ok(Deed::Changed(id, change))
    }

    fn v4_pool(&self, manager: Address, words: Words<'_>) -> Result<Deed, Unusable> {
        let coin = |address: Address| if address == Address::ZERO { Address::from(COIN) } else { address };
        let tokens = [coin(words.topic(1)?.address()), coin(words.topic(2)?.address())];
        let (fee, spacing): (u32, i32) = (words.word(0)?.small()?, words.word(1)?.tick()?);
        let hooks = words.word(2)?.address();
        let pool = Concentrated::new(Protocol::UniswapV4, tokens, fee.min(MILLION), spacing);
        let problem = match (hooks == Address::ZERO, fee == DYNAMIC_FEE) {
            (false, _) => Some((Problem::Hooks, format!("hooks {hooks}").into())),
            (true, true) => {
                Some((Problem::Unsupported, "its fee is decided by hooks that it has not".into()))
            }
            (true, false) => None,
        };
        let pool = pool.priced(words.word(3)?.number(), words.word(4)?.tick()?);
        let id = PoolId::Key(words.topic(0)?.hash());
        Ok(created(Entry { id, factory: Some(manager), pool: Arc::new(pool), problem }))
    }
}

fn created(entry: Entry) -> Deed {
    Deed::Created(Box::new(entry))
}

fn v3_change(name: &str, words: Words<'_>) -> Result<Change, Unusable> {
    let position = |amount: Word, sign: i128| {
        let amount: u128 = amount.small()?;
        let amount = i128::try_from(amount).map_err(|_| Unusable("liquidity is too large".to_owned()))?;
        let (lower, upper) = (words.topic(1)?.tick()?, words.topic(2)?.tick()?);
        Ok(Change::Position { lower, upper, delta: amount * sign })
    };
    match name {
        "Initialize" => price(words.word(0)?, words.word(1)?),
        "Swap" => price(words.word(2)?, words.word(4)?),
        "Mint" => position(words.word(1)?, 1),
        "Burn" => position(words.word(0)?, -1),
        _ => Err(Unusable(format!("no such event is asked for: {name}"))),
    }
}

fn price(sqrt_price: Word, tick: Word) -> Result<Change, Unusable> {
    Ok(Change::Price { sqrt_price: sqrt_price.number(), tick: tick.tick()? })
}

/// Protocol fees of both directions, 12 bits each, in millionths.
fn v4_fees(protocol_fee: u32) -> Change {
    Change::ProtocolFees { down: protocol_fee & 0xfff, up: protocol_fee >> 12 }
}

fn vault(name: &str, words: Words<'_>) -> Result<Deed, Unusable> {
    // The first 20 bytes of a pool's id are its address.
    let id = words.topic(0)?.hash();
    let pool = id.as_bytes().first_chunk::<20>().copied().unwrap_or_default();
    let changes = match name {
        "Swap" => vec![
            BalanceChange {
                token: words.topic(1)?.address(),
                added: words.word(0)?.number(),
                removed: U256::ZERO,
            },
            BalanceChange {
                token: words.topic(2)?.address(),
                added: U256::ZERO,
                removed: words.word(1)?.number(),
            },
        ],
        "PoolBalanceChanged" => balances(words.list(0)?, words.list(1)?, words.list(2)?),
        "PoolBalanceManaged" => {
            let token = words.topic(2)?.address();
            let moved = [words.word(0)?, words.word(1)?].map(|delta| balance(token, delta, U256::ZERO));
            moved.to_vec()
        }
        _ => return Err(Unusable(format!("no such event is asked for: {name}"))),
    };
    Ok(Deed::Changed(PoolId::Contract(Address::from(pool)), Change::Balances(changes)))
}

/// Joins and exits: what came or went, less what the protocol took.
fn balances(tokens: Vec<Word>, deltas: Vec<Word>, fees: Vec<Word>) -> Vec<BalanceChange> {
    let all = tokens.into_iter().zip(deltas).zip(fees);
    all.map(|((token, delta), fee)| balance(token.address(), delta, fee.number())).collect()
}

fn balance(token: Address, delta: Word, fee: U256) -> BalanceChange {
    let (amount, is_negative) = delta.magnitude();
    match is_negative {
        false => BalanceChange { token, added: amount, removed: fee },
        true => BalanceChange { token, added: U256::ZERO, removed: amount.saturating_add(fee) },
    }
}

fn weighted_pool(address: Address, name: &str, words: Words<'_>) -> Result<Deed, Unusable> {
    let id = PoolId::Contract(address);
    match name {
        "SwapFeePercentageChanged" => Ok(Deed::Changed(id, Change::SwapFee(words.word(0)?.number()))),
        "PausedStateChanged" => {
            let is_paused = !words.word(0)?.number().is_zero();
            Ok(Deed::Paused(id, is_paused))
        }
        _ => Err(Unusable(format!("no such event is asked for: {name}"))),
    }
}

/// Reads a block that has to be there.
fn required(block: Option<&primitives::BlockRef>) -> Result<BlockRef, Malformed> {
    self::block(block)?.ok_or_else(|| Malformed::new("block", "is missing"))
}

/// Reads a block that may be absent.
fn block(block: Option<&primitives::BlockRef>) -> Result<Option<BlockRef>, Malformed> {
    let Some(primitives::BlockRef { number, hash, time }) = block else { return Ok(None) };
    let hash: Hash = hash.parse().map_err(|error| Malformed::new("block", error))?;
    let seconds = time.as_ref().map_or(0, |time| time.seconds);
    let time = u64::try_from(seconds).map_err(|error| Malformed::new("block", error))?;
    Ok(Some(BlockRef { number: *number, hash, time: BlockTime(time) }))
}

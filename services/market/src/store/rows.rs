//! Rows ↔ domain types.

use capstan_db::{
    columns::{AddressColumn, AmountColumn, HashColumn, TransactionColumn, signed, unsigned},
    market::entities::{
        activity, amm, amm_condition, balance, block, condition, market, outcome_token, pool_snapshot,
    },
};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId, Hash, U256};
use sea_orm::{
    ActiveValue::Set,
    sea_query::{Asterisk, Expr, ExprTrait, IntoColumnRef, IntoValueTuple, Query},
};
use serde::{Serialize, de::DeserializeOwned};

use super::Error;
use crate::domain::{
    market::{
        Activity, ActivityKind, Announcement, Condition, MarketId, Place, Pool, PoolState, Side, Tokens,
    },
    name::Slug,
    state::{Holding, Snapshot},
};

/// A list as the JSON text that both databases store.
pub(super) fn json<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}

pub(super) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<Vec<T>, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt { table, problem: error.to_string() })
}

pub(super) fn token_column(token: U256) -> HashColumn {
    HashColumn(Hash::from(token.to_be_bytes::<32>()))
}

pub(super) fn token(column: &HashColumn) -> U256 {
    U256::from_be_bytes(*column.0.as_bytes())
}

pub(super) fn market_id(table: &'static str, bytes: &[u8]) -> Result<MarketId, Error> {
    let problem = || format!("a market id of {} bytes", bytes.len());
    MarketId::from_bytes(bytes).ok_or_else(|| Error::Corrupt { table, problem: problem() })
}

/// A log index or outcome index; they are far below 2^31.
pub(super) fn index(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn from_index(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

pub(super) fn place(block_number: i64, log_index: i32) -> Place {
    Place { block: unsigned(block_number), log_index: from_index(log_index) }
}

pub(super) fn block_ref(row: &block::Model) -> BlockRef {
    BlockRef { number: unsigned(row.number), hash: row.hash.0, time: BlockTime(unsigned(row.time)) }
}

pub(super) fn condition_row(chain: ChainId, condition: Condition) -> condition::ActiveModel {
    let Condition { contract, condition_id, oracle, question_id, outcome_slot_count, place } = condition;
    condition::ActiveModel {
        chain_id: Set(signed(chain.0)),
        contract: Set(contract.into()),
        condition_id: Set(condition_id.into()),
        oracle: Set(oracle.into()),
        question_id: Set(question_id.into()),
        outcome_slot_count: Set(index(outcome_slot_count)),
        block_number: Set(signed(place.block)),
        log_index: Set(index(place.log_index)),
    }
}

pub(super) fn condition(row: condition::Model) -> Condition {
    Condition {
        contract: row.contract.0,
        condition_id: row.condition_id.0,
        oracle: row.oracle.0,
        question_id: row.question_id.0,
        outcome_slot_count: from_index(row.outcome_slot_count),
        place: place(row.block_number, row.log_index),
    }
}

pub(super) fn market_row(chain: ChainId, announcement: Announcement) -> market::ActiveModel {
    let Announcement { id, factory, creator, condition_id, collateral, question_id, .. } = announcement;
    let Announcement { question, outcomes, resolution_time, place, time, slug, category, .. } = announcement;
    market::ActiveModel {
        chain_id: Set(signed(chain.0)),
        market_id: Set(id.as_bytes().to_vec()),
        factory: Set(factory.into()),
        creator: Set(creator.into()),
        condition_id: Set(condition_id.into()),
        collateral: Set(collateral.into()),
        question_id: Set(question_id.map(HashColumn)),
        question: Set(question),
        outcomes: Set(json(&outcomes)),
        resolution_time: Set(resolution_time.map(signed)),
        block_number: Set(signed(place.block)),
        log_index: Set(index(place.log_index)),
        block_time: Set(signed(time.0)),
        superseded_by_block: Set(None),
        slug: Set(slug.map(|slug| slug.to_string())),
        category: Set(category),
    }
}

pub(super) fn announcement(row: market::Model) -> Result<Announcement, Error> {
    Ok(Announcement {
        id: market_id("market", &row.market_id)?,
        factory: row.factory.0,
        creator: row.creator.0,
        condition_id: row.condition_id.0,
        collateral: row.collateral.0,
        question_id: row.question_id.map(|id| id.0),
        question: row.question,
        outcomes: from_json("market", &row.outcomes)?,
        resolution_time: row.resolution_time.map(unsigned),
        place: place(row.block_number, row.log_index),
        time: BlockTime(unsigned(row.block_time)),
        slug: slug(row.slug)?,
        category: row.category,
    })
}

pub(super) fn slug(text: Option<String>) -> Result<Option<Slug>, Error> {
    text.map(|text| text.parse().map_err(|problem| Error::Corrupt { table: "market", problem })).transpose()
}

pub(super) fn pool_row(chain: ChainId, pool: Pool, place: Place) -> amm::ActiveModel {
    let Pool { address, factory, creator, collateral, condition_ids, fee, tokens } = pool;
    amm::ActiveModel {
        chain_id: Set(signed(chain.0)),
        address: Set(address.into()),
        factory: Set(factory.into()),
        creator: Set(creator.into()),
        conditional_tokens: Set(tokens.contract.into()),
        collateral: Set(collateral.into()),
        condition_ids: Set(json(&condition_ids)),
        fee: Set(AmountColumn(fee)),
        block_number: Set(signed(place.block)),
        log_index: Set(index(place.log_index)),
    }
}

pub(super) fn pool_condition_rows(
    chain: ChainId,
    pool: &Pool,
    place: Place,
) -> Vec<amm_condition::ActiveModel> {
    let row = |(at, condition_id): (i32, &Hash)| amm_condition::ActiveModel {
        chain_id: Set(signed(chain.0)),
        amm: Set(pool.address.into()),
        condition_index: Set(at),
        condition_id: Set((*condition_id).into()),
        block_number: Set(signed(place.block)),
    };
    (0i32..).zip(&pool.condition_ids).map(row).collect()
}

pub(super) fn pool(row: amm::Model, tokens: Vec<U256>) -> Result<Pool, Error> {
    Ok(Pool {
        address: row.address.0,
        factory: row.factory.0,
        creator: row.creator.0,
        collateral: row.collateral.0,
        condition_ids: from_json("amm", &row.condition_ids)?,
        fee: row.fee.0,
        tokens: Tokens { contract: row.conditional_tokens.0, ids: tokens },
    })
}

/// The tokens of one market from its rows, which are in order of the outcome index.
pub(super) fn tokens(rows: &[outcome_token::Model]) -> Option<Tokens> {
    let contract = rows.first()?.contract.0;
    Some(Tokens { contract, ids: rows.iter().map(|row| token(&row.position_id)).collect() })
}

pub(super) fn holding(row: &balance::Model) -> Holding {
    Holding { contract: row.contract.0, token: token(&row.position_id), holder: row.holder.0 }
}

pub(super) fn snapshot_row(chain: ChainId, snapshot: Snapshot) -> pool_snapshot::ActiveModel {
    let Snapshot { pool, block, before: _, state: PoolState { balances, volume, trades } } = snapshot;
    pool_snapshot::ActiveModel {
        chain_id: Set(signed(chain.0)),
        amm: Set(pool.into()),
        block_number: Set(signed(block.number)),
        balances: Set(json(&balances)),
        volume: Set(AmountColumn(volume)),
        trades: Set(signed(trades)),
    }
}

pub(super) fn pool_state(row: &pool_snapshot::Model) -> Result<PoolState, Error> {
    Ok(PoolState {
        balances: from_json("pool_snapshot", &row.balances)?,
        volume: row.volume.0,
        trades: unsigned(row.trades),
    })
}

pub(super) const BUY: i16 = 1;
pub(super) const SELL: i16 = 2;
const ADD_LIQUIDITY: i16 = 6;
const REMOVE_LIQUIDITY: i16 = 7;

/// Kinds of what is done with a pool.
pub(super) const WITH_POOLS: [i16; 4] = [BUY, SELL, ADD_LIQUIDITY, REMOVE_LIQUIDITY];

const KINDS: [(i16, ActivityKind); 7] = [
    (BUY, ActivityKind::Trade(Side::Buy)),
    (SELL, ActivityKind::Trade(Side::Sell)),
    (3, ActivityKind::Split),
    (4, ActivityKind::Merge),
    (5, ActivityKind::Redeem),
    (ADD_LIQUIDITY, ActivityKind::AddLiquidity),
    (REMOVE_LIQUIDITY, ActivityKind::RemoveLiquidity),
];

pub(super) fn activity_row(chain: ChainId, activity: Activity) -> activity::ActiveModel {
    let Activity { kind, user, pool, condition_id, collateral, outcome_index, .. } = activity;
    let Activity { collateral_amount, amount, fee, block, transaction, log_index, .. } = activity;
    let code = KINDS.iter().find(|(_, known)| *known == kind).map_or(0, |(code, _)| *code);
    activity::ActiveModel {
        chain_id: Set(signed(chain.0)),
        block_number: Set(signed(block.number)),
        log_index: Set(index(log_index)),
        block_time: Set(signed(block.time.0)),
        kind: Set(code),
        user_address: Set(user.into()),
        amm: Set(pool.map(AddressColumn)),
        condition_id: Set(condition_id.into()),
        collateral: Set(collateral.into()),
        outcome_index: Set(outcome_index.map(index)),
        collateral_amount: Set(AmountColumn(collateral_amount)),
        amount: Set(AmountColumn(amount)),
        fee: Set(AmountColumn(fee)),
        transaction_id: Set(TransactionColumn(transaction)),
    }
}

/// `hash` is that of the block, which the row knows by number.
pub(super) fn activity(row: activity::Model, hash: Hash) -> Result<Activity, Error> {
    let kind = KINDS.iter().find(|(code, _)| *code == row.kind).map(|(_, kind)| *kind);
    let problem = || format!("an activity of kind {}", row.kind);
    Ok(Activity {
        kind: kind.ok_or_else(|| Error::Corrupt { table: "activity", problem: problem() })?,
        user: row.user_address.0,
        pool: row.amm.map(|amm| amm.0),
        condition_id: row.condition_id.0,
        collateral: row.collateral.0,
        outcome_index: row.outcome_index.map(from_index),
        collateral_amount: row.collateral_amount.0,
        amount: row.amount.0,
        fee: row.fee.0,
        block: BlockRef {
            number: unsigned(row.block_number),
            hash,
            time: BlockTime(unsigned(row.block_time)),
        },
        transaction: row.transaction_id.0,
        log_index: from_index(row.log_index),
    })
}

pub(super) fn addresses(addresses: impl IntoIterator<Item = Address>) -> Vec<AddressColumn> {
    addresses.into_iter().map(AddressColumn).collect()
}

/// Whether columns are one of many keys. As a table of values: of a list of tuples PostgreSQL makes a scan each.
pub(super) fn one_of<C, K>(columns: impl IntoIterator<Item = C>, keys: impl IntoIterator<Item = K>) -> Expr
where
    C: IntoColumnRef,
    K: IntoValueTuple + Clone,
{
    let keys = Query::select().column(Asterisk).from_values(padded(keys), "wanted").take();
    Expr::tuple(columns.into_iter().map(Expr::col)).in_subquery(keys)
}

/// Contract, token and holder of holdings, as [`one_of`] takes them.
pub(super) fn keys(holdings: &[Holding]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>, Vec<u8>)> {
    holdings.iter().map(|Holding { contract, token, holder }| {
        (contract.as_bytes().to_vec(), token.to_be_bytes::<32>().to_vec(), holder.as_bytes().to_vec())
    })
}

/// As many values as a power of two says, the last one several times, so that lists of all lengths make few different
/// statements: the database parses and plans a statement that it has not seen.
pub(super) fn padded<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

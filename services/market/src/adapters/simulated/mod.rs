//! A simulated twin of the indexer's log: ConditionalTokens, pools and a market factory that emit
//! what the real contracts emit, in the same order, and know their own balances.
#![expect(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that uses it wrongly has to stop"
)]

mod contracts;
mod log;
mod pools;
mod program;

pub use contracts::{
    COLLATERAL, CONDITIONAL_TOKENS, FPMM_FACTORY, MARKET_FACTORY, SimulatedPool, World, collection_id,
    position_id, user,
};
pub use log::{Block, Log, block};
pub use program::Dice;

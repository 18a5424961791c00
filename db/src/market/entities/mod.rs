//! One table a file.

pub mod activity;
pub mod amm;
pub mod amm_condition;
pub mod amm_link;
pub mod balance;
pub mod block;
pub mod candle;
pub mod condition;
pub mod cost_basis;
pub mod cost_entry;
pub mod cursor;
pub mod gift;
pub mod holder_count;
pub mod market;
pub mod open_interest;
pub mod outcome_token;
pub mod pool_rank;
pub mod pool_snapshot;
pub mod quarantine;
pub mod resolution;
pub mod transfer;
pub mod undo_log;

//! One table a file.

pub mod added_contract;
pub mod block;
pub mod chain;
pub mod consumer;
pub mod contract;
pub mod covered;
pub mod event;
pub mod event_type;
pub mod pool;
pub mod pool_cursor;
pub mod pool_state;
pub mod quarantine;
pub mod reorg;
pub mod watched_transaction;

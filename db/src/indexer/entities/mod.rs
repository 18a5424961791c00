//! One table a file.

pub mod block;
pub mod chain;
pub mod contract;
pub mod event;
pub mod quarantine;
pub mod reorg;

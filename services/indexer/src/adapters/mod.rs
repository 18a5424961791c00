//! The chain as the indexer sees it.

mod accounts;
mod blocks;
mod linked;
mod node;
mod transactions;
mod witnesses;

pub use node::{Checks, Node, Segment};

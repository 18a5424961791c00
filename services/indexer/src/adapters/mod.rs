//! The chain as the indexer sees it.

mod accounts;
mod node;
mod transactions;

pub use node::{Checks, Node, Segment};

//! The chain as the indexer sees it.

mod node;
mod transactions;

pub use node::{Checks, Node, Segment};

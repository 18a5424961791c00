//! The chain as the indexer sees it.

mod node;

pub use node::{Checks, Node, Segment};

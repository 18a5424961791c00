//! The indexer over real gRPC against a real chain: what it serves is what the node has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod admin;
mod harness;
mod refusals;
mod reorgs;
mod replicas;
mod serving;
mod store_away;

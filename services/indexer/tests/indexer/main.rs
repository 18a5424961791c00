//! The indexer over real gRPC against a real chain: what it serves is what the node has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod accounts;
mod admin;
mod agreement;
mod away;
mod beginnings;
mod blocks;
mod carriers;
mod consumers;
mod cursors;
mod definitions;
mod faults;
mod filters;
mod finality;
mod harness;
mod history;
mod kafka;
mod kills;
mod pools;
mod process;
mod pruned;
mod refusals;
mod removal;
mod reorgs;
mod replicas;
mod retention;
mod road;
mod server;
mod serving;
mod state;
mod store_away;
mod trades;
mod transactions;
mod undos;
mod wildcards;

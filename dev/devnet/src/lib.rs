//! A local chain with the real contracts and seeded traffic, for tests and the demo.
//!
//! Everything is deterministic: the same options give the same block hashes, and with a state folder a chain that was
//! killed comes back with the hashes it had.

mod anvil;
mod artifacts;
mod chain;
mod config;
mod contracts;
mod deploy;
mod deployment;
mod devnet;
mod discover;
mod journal;
mod options;
mod prices;
mod questions;
mod replay;
mod rpc;
mod set_up;
mod traffic;
mod venues;
mod wallet;

pub use anvil::Anvil;
pub use artifacts::Artifacts;
pub use chain::Block;
pub use deployment::{Account, Deployment, Market, Pool, PoolVersion, Token, Uniswap};
pub use devnet::Devnet;
pub use options::Options;
pub use rpc::Rpc;
pub use venues::{Balancer, V4, V4Pool, Vault, Venues, WeightedPool};

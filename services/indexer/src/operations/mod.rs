//! Every verb of the indexer.

mod admin;
mod ahead;
mod audit;
mod complete;
mod consumers;
mod definition;
mod finality;
mod history;
mod ingest;
mod lease;
mod list;
mod meanings;
mod plan;
mod pools;
mod publications;
mod reach;
mod retain;
mod roll_back;
mod roots;
mod serve;
mod tracker;
mod transactions;
mod wildcards;

pub use admin::Command;
pub use definition::contract;
pub use ingest::{Ingest, Tick};
pub use lease::Lease;
pub(crate) use plan::wrong;
pub use list::{ListQuery, Listed};
pub use plan::{ChainPlan, past_head, plan};
pub use pools::{PoolProjection, Pools, makes_pools};
pub use publications::{Publication, Published};
pub use roots::{explain, look_for_code};
pub use serve::{ChainHandle, ChainState, ChainView, EventLog, SharedContracts, StartAt};
pub use tracker::{Tracker, TransactionSignals};
pub use transactions::Transactions;

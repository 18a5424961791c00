//! Every verb of the indexer.

mod ahead;
mod audit;
mod complete;
mod consumers;
mod history;
mod ingest;
mod lease;
mod plan;
mod pools;
mod publications;
mod reach;
mod roll_back;
mod serve;
mod tracker;
mod transactions;

pub use ingest::{Ingest, Tick};
pub use lease::Lease;
pub(crate) use plan::wrong;
pub use plan::{ChainPlan, plan};
pub use pools::{PoolProjection, Pools, makes_pools};
pub use publications::{Publication, Published};
pub use serve::{ChainHandle, ChainState, ChainView, EventLog, ListQuery, SharedContracts, StartAt};
pub use tracker::{Outlook, Tracker, TransactionSignals};
pub use transactions::Transactions;

//! Every verb of the indexer.

mod ahead;
mod audit;
mod history;
mod ingest;
mod plan;
mod reach;
mod serve;

pub use ingest::{Ingest, Tick};
pub(crate) use plan::wrong;
pub use plan::{ChainPlan, plan};
pub use serve::{ChainHandle, ChainState, ChainView, EventLog, ListQuery, SharedContracts, StartAt};

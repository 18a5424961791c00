//! Every verb of the indexer.

mod admin;
mod ahead;
mod ingest;
mod lease;
mod plan;
mod reach;
mod serve;

pub use admin::Command;
pub use ingest::{Ingest, Tick};
pub use lease::Lease;
pub(crate) use plan::wrong;
pub use plan::{ChainPlan, plan};
pub use serve::{ChainHandle, ChainState, ChainView, EventLog, ListQuery, SharedContracts, StartAt};

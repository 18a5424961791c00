//! One change of the schema a file.

pub(super) mod m0001_event_log;
pub(super) mod m0002_raw_log;
pub(super) mod m0003_watched_transaction;
pub(super) mod m0004_pool;
pub(super) mod m0005_added_contract;
pub(super) mod m0006_pool_horizon;
pub(super) mod m0007_forgotten_fork;
pub(super) mod m0008_pool_gap;
pub(super) mod m0009_contract_tokens;

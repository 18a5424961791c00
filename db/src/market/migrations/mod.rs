//! One change of the schema a file.

pub(super) mod m0001_projection;
pub(super) mod m0002_markets;
pub(super) mod m0003_history;
pub(super) mod m0004_candles;
pub(super) mod m0005_block_times;
pub(super) mod m0006_costs;
pub(super) mod m0007_reads;
pub(super) mod m0008_lists;
pub(super) mod m0009_interest;
pub(super) mod m0010_names;
pub(super) mod m0011_clustered;

//! Toward the outside: the event log of the indexer, and its simulated twin.

mod arguments;
pub(crate) mod indexer;
#[cfg(any(test, feature = "testing"))]
pub mod simulated;

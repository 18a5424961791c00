//! The event log and the chain's nodes.

pub(crate) mod accounts;
pub(crate) mod contracts;
pub(crate) mod gas;
pub(crate) mod indexer;
pub(crate) mod lenses;
pub(crate) mod tokens;
pub(crate) mod views;
mod words;

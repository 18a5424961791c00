//! One loop per file.

pub(crate) mod follow;
pub(crate) mod pools;
mod retain;
pub(crate) mod transactions;

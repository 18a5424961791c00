//! One loop per file.

pub(crate) mod follow;
pub(crate) mod pools;
pub(crate) mod publish;
pub(crate) mod reload;
mod retain;
pub(crate) mod transactions;
mod view;

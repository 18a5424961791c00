//! Loops.

pub(crate) mod follow;

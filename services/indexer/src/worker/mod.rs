//! One loop per file.

pub(crate) mod follow;

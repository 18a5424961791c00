//! What runs by itself.

pub(crate) mod follow;
pub(crate) mod gas;

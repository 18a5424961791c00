//! What runs by itself.

pub(crate) mod check;
pub(crate) mod follow;
pub(crate) mod gas;

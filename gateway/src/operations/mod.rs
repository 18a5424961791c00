//! What the gateway does: it hands calls on, and says how the platform is.

pub mod call;
pub mod platform;

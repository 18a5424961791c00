//! Types, rules and arithmetic of prediction markets; no I/O, no clock, no wire or row types.

pub(crate) mod candle;
pub(crate) mod category;
pub(crate) mod change;
pub(crate) mod costs;
mod curve;
pub(crate) mod event;
pub(crate) mod gift;
pub(crate) mod holders;
pub(crate) mod ids;
pub(crate) mod interest;
pub(crate) mod market;
pub(crate) mod name;
pub(crate) mod payouts;
pub(crate) mod position;
pub(crate) mod price;
pub(crate) mod projection;
pub(crate) mod quote;
pub(crate) mod state;

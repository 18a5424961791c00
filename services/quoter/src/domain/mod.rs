//! Pools, their arithmetic, and the search for routes.

pub mod change;
pub mod check;
pub mod claim;
pub mod concentrated;
pub mod gas;
pub mod graph;
pub mod history;
mod math;
mod pages;
pub mod pool;
pub mod quote;
pub mod rate;
pub mod repair;
pub mod route;
pub mod state;
pub mod step;
pub mod swap;
pub mod token;
pub mod v2;
pub mod vault;
pub mod weighted;
pub mod wrap;

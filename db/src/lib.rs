//! Tables and migrations of every Capstan service, on SQLite and PostgreSQL.
//!
//! Each service owns one schema (PostgreSQL) or one file (SQLite) and one module here. The same
//! entities and migrations serve both.

pub mod bulk;
pub mod columns;
mod connect;
mod error;
pub mod indexer;
pub mod market;
mod migrate;
mod tables;
#[cfg(feature = "testing")]
pub mod testing;
mod url;

pub use connect::{Database, Options, check};
pub use error::Error;
pub use migrate::{MigrationState, down, prepare, state};
pub use url::DatabaseUrl;

//! The event log over Kafka: its records, publishing them, and reading them back.
//!
//! Every chain has one partition of the topic. A record says which part of the log it carries, so that
//! a reader drops what was published twice and waits for what is missing: its effect is exactly once
//! whatever is killed when, and whoever publishes beside whom.

mod client;
mod error;
mod producer;
mod reader;
mod record;
mod source;
#[cfg(feature = "testing")]
pub mod testing;

pub use client::check;
pub use error::Error;
pub use producer::{Found, Producer};
pub use record::{Body, Log, Malformed, Place, Record};
pub use source::{EventSource, KafkaSource};

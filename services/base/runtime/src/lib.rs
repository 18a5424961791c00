//! What every Capstan process needs: configuration, telemetry, server, health, tasks, event follower.
//!
//! A service implements [`Service`]; [`run`] makes a process of it and [`start`] the same without
//! the process-global parts, so that `capstan up` and tests run the very code of production.

mod backoff;
pub mod config;
mod error;
pub mod events;
mod failpoint;
pub mod follow;
mod health;
mod metrics;
mod peer;
pub mod platform;
mod run;
mod serve;
mod service;
pub mod status;
mod tasks;
mod telemetry;

pub use backoff::Backoff;
pub use error::StartError;
#[cfg(feature = "failpoints")]
pub use failpoint::VARIABLE as FAILPOINT_VARIABLE;
pub use failpoint::failpoint;
pub use health::HealthCheck;
pub use metrics::{MetricsServer, install_metrics};
pub use platform::Platform;
pub use run::{on_hangup, reread, run, until_signal};
pub use service::{Instance, Parts, Running, Scope, Service, bind, start};
pub use tasks::{Stopped, Tasks};
pub use telemetry::install_logs;

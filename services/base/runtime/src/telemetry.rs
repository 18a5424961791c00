//! Logs of the process.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::ConfigError,
    platform::{LogFormat, Telemetry},
};

/// Installs the process's logger; a second call changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub fn install_logs(telemetry: &Telemetry) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&telemetry.log).map_err(|error| ConfigError::Value {
        place: "configuration".into(),
        key: "telemetry.log".into(),
        reason: format!("{:?}: {error}", telemetry.log),
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    // A second installation happens when a test starts a process's parts twice; the first one stays.
    let _installed = match telemetry.format {
        LogFormat::Pretty => registry
            .with(fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Json => registry
            .with(
                fmt::layer().json().flatten_event(true).with_current_span(true).with_writer(std::io::stderr),
            )
            .try_init(),
    };
    Ok(())
}

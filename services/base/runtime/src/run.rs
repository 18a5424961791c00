//! A process of one service.

use capstan_primitives::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Instance, Service, StartError, Tasks, bind, config::Settings, install_logs, install_metrics, start,
};

/// Runs one service until it is told to stop or fails.
///
/// # Errors
/// When it does not start, or when it fails later.
pub async fn run<S: Service>(settings: &Settings) -> Result<(), StartError> {
    let platform = settings.platform()?;
    let config: S::Config = settings.section(S::NAME)?;
    install_logs(&platform.telemetry)?;
    let listener = bind::<S>(S::listen(&config)).await?;
    let process = Tasks::new("process");
    let metrics = install_metrics(platform.telemetry.metrics_listen, &process).await?;
    tracing::info!(service = S::NAME, address = %metrics.address, "serving metrics");
    let grace = platform.process.grace();
    let running = start::<S>(listener, Instance { platform, config, clock: Clock::System }).await?;
    let failure = tokio::select! {
        signal = until_signal() => { tracing::info!(service = S::NAME, signal, "stopping"); None }
        reason = running.failure() => Some(reason),
    };
    running.stop(grace).await;
    process.stop(grace).await;
    failure.map_or(Ok(()), |reason| Err(StartError::service(reason)))
}

/// Waits for SIGINT or SIGTERM and names it. A process that cannot listen for signals waits for ever.
pub async fn until_signal() -> &'static str {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

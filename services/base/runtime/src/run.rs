//! A process of one service.

use std::io::IsTerminal;

use capstan_primitives::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Instance, Running, Service, StartError, Tasks, bind, config::Settings, install_logs, install_metrics,
    start,
};

/// Runs one service until it is told to stop or fails. SIGHUP has it read its configuration again.
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
        () = on_hangup(|| reread(settings, &running)) => None,
    };
    running.stop(grace).await;
    process.stop(grace).await;
    failure.map_or(Ok(()), |reason| Err(StartError::service(reason)))
}

/// Gives a service that runs the shared configuration as it is now; one that cannot be read changes nothing.
pub fn reread(settings: &Settings, running: &Running) {
    match settings.reread().and_then(|settings| settings.platform()) {
        Ok(platform) => running.reload(platform),
        Err(error) => tracing::error!(%error, "the configuration was not read again; nothing was changed"),
    }
}

/// Calls `act` for every SIGHUP, for ever. On a terminal that signal says that the terminal is gone, and
/// ends the process as ever.
pub async fn on_hangup(act: impl Fn()) {
    if !std::io::stdout().is_terminal()
        && let Ok(mut hangup) = signal(SignalKind::hangup())
    {
        while hangup.recv().await.is_some() {
            act();
        }
    }
    std::future::pending().await
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

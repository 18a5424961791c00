//! `capstan up`: every service in one process, in rank order, each found by the next.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{anyhow, bail};
use capstan_gateway::Gateway;
use capstan_indexer::Indexer;
use capstan_market::Market;
use capstan_primitives::Clock;
use capstan_quoter::Quoter;
use capstan_runtime::{
    Instance, Platform, Running, Service, Tasks, bind, config::Settings, install_logs, install_metrics,
    on_hangup, reread, start, until_signal,
};
use tokio::net::TcpListener;

use crate::{chain, cli::Up, configuration, progress::Progress};

/// What is left for a part of the stop when the parts before it took all of the grace period.
const LEAST_GRACE: Duration = Duration::from_millis(200);

/// Runs everything until SIGINT or SIGTERM, or until a part fails.
pub(crate) async fn up(up: Up) -> anyhow::Result<()> {
    let mut settings = configuration::load(up.role.config.as_deref())?.or("telemetry.log", "warn");
    if let Some(directory) = &up.data_dir {
        settings = settings.with("--data-dir", "database.url", format!("sqlite://{}", directory.display()));
    }
    if up.role.print_config {
        return configuration::print(&settings);
    }
    let platform = configuration::check(&settings)?;
    install_logs(&platform.telemetry)?;
    let mut house =
        House { grace: platform.process.grace(), process: Tasks::new("process"), running: Vec::new() };
    let ended = tokio::select! {
        signal = until_signal() => { tracing::info!(signal, "stopping"); Ok(()) }
        ended = house.live(settings, platform, &up) => ended,
    };
    house.stop().await;
    ended
}

/// Everything that runs.
struct House {
    grace: Duration,
    process: Tasks,
    running: Vec<Running>,
}

impl House {
    /// Starts everything and returns when a part fails.
    async fn live(&mut self, settings: Settings, platform: Platform, up: &Up) -> anyhow::Result<()> {
        let progress = Progress::default();
        // What can be refused is tried before anything starts.
        let door = bind::<Gateway>(Gateway::listen(&settings.section(Gateway::NAME)?)).await?;
        let data = configuration::data_directory(up.data_dir.clone(), &platform);
        capstan_db::check(&capstan_db::Options::new(platform.database.url.parse()?)).await?;
        let metrics = install_metrics(platform.telemetry.metrics_listen, &self.process).await?;
        let settings = match platform.chains.is_empty() {
            true => chain::local(settings, up, &data, &self.process, &progress).await?,
            false => settings,
        };
        self.start_all(&settings, door).await?;
        let [indexer, market, quoter, gateway] = self.running.as_slice() else {
            bail!("a service did not start")
        };
        let url = browser_url(gateway.address);
        progress.say(&format!("serving at {url} while it catches up"));
        let urls = [indexer, market, quoter].map(Running::url);
        let level = progress.until_level(&urls);
        let reload = on_hangup(|| reread(&settings, indexer));
        let live = async {
            tokio::select! {
                level = level => level?,
                reason = self.failure() => return Err(anyhow!(reason)),
            }
            progress.say(&welcome(&url, &metrics.address, &data));
            Err(anyhow!(self.failure().await))
        };
        tokio::select! {
            ended = live => ended,
            () = reload => Ok(()),
        }
    }

    async fn start_all(&mut self, settings: &Settings, door: TcpListener) -> anyhow::Result<()> {
        let mut platform = settings.platform()?;
        let inside = SocketAddr::from(([127, 0, 0, 1], 0));
        self.start::<Indexer>(settings, &mut platform, bind::<Indexer>(inside).await?).await?;
        self.start::<Market>(settings, &mut platform, bind::<Market>(inside).await?).await?;
        self.start::<Quoter>(settings, &mut platform, bind::<Quoter>(inside).await?).await?;
        self.start::<Gateway>(settings, &mut platform, door).await
    }

    async fn start<S: Service>(
        &mut self,
        settings: &Settings,
        platform: &mut Platform,
        listener: TcpListener,
    ) -> anyhow::Result<()> {
        let config = settings.section(S::NAME)?;
        let instance = Instance { platform: platform.clone(), config, clock: Clock::System };
        let running = start::<S>(listener, instance).await?;
        platform.peers.insert(S::NAME.to_owned(), running.url());
        self.running.push(running);
        Ok(())
    }

    /// Waits until a part fails, and says which and why.
    async fn failure(&self) -> String {
        let parts = self.running.iter().map(|running| Box::pin(running.failure()));
        let services = async {
            match self.running.is_empty() {
                true => std::future::pending().await,
                false => futures::future::select_all(parts).await.0,
            }
        };
        tokio::select! {
            reason = services => reason,
            reason = self.process.failure() => reason,
        }
    }

    /// Stops in the opposite order of the start, all within one grace period.
    async fn stop(&mut self) {
        let deadline = Instant::now() + self.grace;
        let left = || deadline.saturating_duration_since(Instant::now()).max(LEAST_GRACE);
        while let Some(running) = self.running.pop() {
            running.stop(left()).await;
        }
        self.process.stop(left()).await;
    }
}

/// An address that a browser can open: one of every interface is reached as localhost.
fn browser_url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() || address.ip().is_loopback() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}

fn welcome(url: &str, metrics: &SocketAddr, data: &std::path::Path) -> String {
    format!(
        "ready\n  browser app   {url}\n  REST          {url}/api/markets\n  gRPC          {} (reflection is on)\n  \
         metrics       http://{metrics}/metrics\n  data          {}\nCtrl-C stops everything.",
        url.trim_start_matches("http://"),
        data.display()
    )
}

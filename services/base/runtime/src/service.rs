//! What a service is, and how one starts.

use std::{future::Future, net::SocketAddr, time::Duration};

use capstan_db::Database;
use capstan_primitives::Clock;
use sea_orm_migration::MigratorTrait;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpListener, sync::watch};
use tonic::{service::Routes, transport::Channel};

use crate::{HealthCheck, Platform, StartError, Stopped, Tasks, peer, serve};

/// One service of the platform: its name, what can be set, and how it is built.
pub trait Service: Sized + Send + 'static {
    /// The one word that names its crate, role, schema, section and metrics.
    const NAME: &'static str;

    /// Its section of the configuration.
    type Config: Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static;

    /// Where it listens when it runs alone.
    fn listen(config: &Self::Config) -> SocketAddr;

    /// Connects to what the service needs, spawns its loops on `scope.tasks` and returns what is to
    /// be served. An error leaves nothing behind.
    fn build(config: Self::Config, scope: Scope) -> impl Future<Output = Result<Parts, StartError>> + Send;
}

/// What a service serves.
#[derive(Debug)]
pub struct Parts {
    /// Its gRPC services, or any axum router.
    pub routes: Routes,
    /// Which of them can do their work.
    pub health: Vec<HealthCheck>,
}

/// What a service is built from.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The shared configuration.
    pub platform: Platform,
    /// Where its loops are spawned.
    pub tasks: Tasks,
    /// Where time comes from.
    pub clock: Clock,
    /// The shared configuration as it was read last, while the service runs. A service says which part
    /// of it can change.
    pub reloads: watch::Receiver<Platform>,
    name: &'static str,
}

impl Scope {
    /// Opens the service's own store and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened, or a newer version wrote it.
    pub async fn database<M: MigratorTrait>(&self) -> Result<Database, StartError> {
        let database = Database::open(&self.database_options()?, self.name).await?;
        capstan_db::prepare::<M>(&database, self.name).await?;
        Ok(database)
    }

    /// Whether the service had a store before; makes none.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn has_database(&self) -> Result<bool, StartError> {
        Ok(Database::exists(&self.database_options()?, self.name).await?)
    }

    fn database_options(&self) -> Result<capstan_db::Options, StartError> {
        let section = &self.platform.database;
        let mut options = capstan_db::Options::new(section.url.parse()?);
        options.max_connections = section.max_connections;
        options.timeout = Duration::from_millis(section.timeout_ms);
        Ok(options)
    }

    /// A channel to another service; it connects when it is used.
    ///
    /// # Errors
    /// When the peer is not configured or its address is not a URL.
    pub fn peer(&self, peer: &str) -> Result<Channel, StartError> {
        let missing = || StartError::PeerMissing { service: self.name, peer: peer.to_owned() };
        peer::channel(peer, self.platform.peers.get(peer).ok_or_else(missing)?)
    }
}

/// One service with its configuration, ready to start.
#[derive(Debug, Clone)]
pub struct Instance<C> {
    /// The shared configuration.
    pub platform: Platform,
    /// The service's own section.
    pub config: C,
    /// Where time comes from.
    pub clock: Clock,
}

/// A service that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its name.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: Tasks,
    reloads: watch::Sender<Platform>,
}

impl Running {
    /// URL under which other services reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the service has failed, and says why.
    pub async fn failure(&self) -> String {
        self.tasks.failure().await
    }

    /// Gives it the shared configuration as it was read again.
    pub fn reload(&self, platform: Platform) {
        self.reloads.send_replace(platform);
    }

    /// Stops it: no new calls, running ones finish, loops end, all within `grace`.
    pub async fn stop(&self, grace: Duration) -> Stopped {
        self.tasks.stop(grace).await
    }
}

/// Takes the address that a service will listen on; port 0 lets the system choose. A process takes
/// its addresses before it touches anything else, so that a second one fails at once.
///
/// # Errors
/// When the address is taken.
pub async fn bind<S: Service>(listen: SocketAddr) -> Result<TcpListener, StartError> {
    let setting = format!("[{}] listen", S::NAME);
    let refused = |source| StartError::Listen { service: S::NAME, address: listen, setting, source };
    TcpListener::bind(listen).await.map_err(refused)
}

/// Starts a service and returns when it answers.
///
/// # Errors
/// When the service cannot be built; nothing is left running then.
pub async fn start<S: Service>(
    listener: TcpListener,
    instance: Instance<S::Config>,
) -> Result<Running, StartError> {
    let Instance { platform, config, clock } = instance;
    let address = listener.local_addr().map_err(StartError::service)?;
    let grace = platform.process.grace();
    let tasks = Tasks::new(S::NAME);
    let (reloads, reloaded) = watch::channel(platform.clone());
    let scope = Scope { platform, tasks: tasks.clone(), clock, reloads: reloaded, name: S::NAME };
    // On the heap: a service may nest deep while it begins.
    let served = match Box::pin(S::build(config, scope)).await {
        Ok(parts) => serve::serve(S::NAME, listener, parts, &tasks).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tasks.stop(grace).await;
        return Err(error);
    }
    tracing::info!(service = S::NAME, %address, "started");
    Ok(Running { name: S::NAME, address, tasks, reloads })
}

//! Health per service over the standard gRPC health service.

use std::{sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::Tasks;

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(1);

/// Says whether one gRPC service can do its work.
#[derive(Clone)]
pub struct HealthCheck {
    /// Full name of the gRPC service, such as `capstan.market.v1.MarketService`.
    pub service: String,
    check: Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
}

impl std::fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthCheck").field("service", &self.service).finish_non_exhaustive()
    }
}

impl HealthCheck {
    /// Asks `check` every second; no answer within a second counts as no.
    pub fn new<F: Future<Output = bool> + Send + 'static>(
        service: impl Into<String>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self { service: service.into(), check: Arc::new(move || Box::pin(check())) }
    }

    /// Serving as long as the store answers.
    #[must_use]
    pub fn of_store(service: &'static str, database: &capstan_db::Database) -> Self {
        let database = database.clone();
        Self::new(service, move || {
            let database = database.clone();
            async move { database.ping().await.is_ok() }
        })
    }

    /// Serving only as long as `also` says so, too.
    #[must_use]
    pub fn and(self, also: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let Self { service, check } = self;
        let both = move || if also() { check() } else { std::future::ready(false).boxed() };
        Self { service, check: Arc::new(both) }
    }

    async fn status(&self) -> ServingStatus {
        match tokio::time::timeout(PATIENCE, (self.check)()).await {
            Ok(true) => ServingStatus::Serving,
            Ok(false) | Err(_) => ServingStatus::NotServing,
        }
    }
}

/// Reports every check once and then every second; the process as a whole ("") is alive as long as
/// it answers.
pub(crate) async fn watch(reporter: HealthReporter, checks: Vec<HealthCheck>, tasks: &Tasks) {
    let checks: Arc<[HealthCheck]> = checks.into();
    report(&reporter, &checks).await;
    tasks.periodic("health", EVERY, move || {
        let (reporter, checks) = (reporter.clone(), Arc::clone(&checks));
        async move { report(&reporter, &checks).await }
    });
}

/// One service that hangs does not delay what is said of the others.
async fn report(reporter: &HealthReporter, checks: &[HealthCheck]) {
    let each = checks.iter().map(async |check| {
        reporter.set_service_status(&check.service, check.status().await).await;
    });
    join_all(each).await;
}

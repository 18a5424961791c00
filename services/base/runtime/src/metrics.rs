//! Prometheus metrics of the process.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::{StartError, Tasks};

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Serves `/metrics`.
#[derive(Debug)]
pub struct MetricsServer {
    /// Where.
    pub address: SocketAddr,
}

/// Installs the process's recorder and serves it at `listen` until the tasks stop.
///
/// # Errors
/// When the address cannot be had or another recorder is installed.
pub async fn install_metrics(listen: SocketAddr, tasks: &Tasks) -> Result<MetricsServer, StartError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .map_err(StartError::service)?
        .install_recorder()
        .map_err(StartError::service)?;
    let setting = "[telemetry] metrics_listen".to_owned();
    let refused = |source| StartError::Listen { service: "metrics", address: listen, setting, source };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(StartError::service)?;
    let stopping = tasks.stopping();
    tasks.helper("metrics", async move {
        axum::serve(listener, router(handle)).with_graceful_shutdown(stopping.cancelled_owned()).await
    });
    Ok(MetricsServer { address })
}

fn router(handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(move || std::future::ready(without_gone(&handle.render()))))
}

/// A recorder cannot forget: what is gone was set to what is no number, and is left out.
fn without_gone(page: &str) -> String {
    page.split_inclusive('\n').filter(|line| !line.trim_end().ends_with(" NaN")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_shown() {
        let recorder = PrometheusBuilder::new().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::gauge!("lag", "consumer" => "alive").set(7.0);
            ::metrics::gauge!("lag", "consumer" => "gone").set(3.0);
            ::metrics::gauge!("lag", "consumer" => "gone").set(f64::NAN);
        });
        let page = without_gone(&recorder.handle().render());
        assert!(page.contains("lag{consumer=\"alive\"} 7\n") && !page.contains("gone"), "{page}");
    }
}

//! What the gateway counts and logs about a request.

use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use tracing::{debug, error, info};

use crate::error::Error;

/// Finished requests by method, route and status.
pub const REQUESTS: &str = "http_requests_total";
/// Seconds from the request to the head of its answer, by method and route.
pub const SECONDS: &str = "http_request_duration_seconds";

/// One finished request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// HTTP method.
    pub method: &'a Method,
    /// Path without the query, which can hold what is not for the log.
    pub path: &'a str,
    /// Path template or rpc; one of a fixed set.
    pub route: &'a str,
    /// HTTP status.
    pub status: StatusCode,
    /// Id of the request.
    pub request_id: &'a str,
}

/// Explains the metrics to whoever reads them.
pub fn describe() {
    describe_counter!(REQUESTS, "Finished HTTP requests");
    describe_histogram!(SECONDS, metrics::Unit::Seconds, "Time to the head of the answer");
}

/// A request was answered; `took` ends with the head of the answer.
pub fn answered(request: Request<'_>, took: Duration) {
    let method = method_label(request.method);
    let route = request.route.to_owned();
    let status = request.status.as_u16();
    counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(SECONDS, "method" => method, "route" => route).record(took.as_secs_f64());
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let Request { path, route, request_id, .. } = request;
    info!(target: "capstan_gateway::access", method, path, route, status, duration_ms, request_id, "request");
}

/// A request failed with an error that the gateway made or handed on.
pub fn failed(error: &Error, request_id: &str) {
    let cause = std::error::Error::source(error).map(|cause| chain(cause, 8));
    if error.is_ours() {
        error!(%error, cause, request_id, "request failed");
    } else {
        debug!(%error, cause, request_id, "request refused");
    }
}

// The transport's own message is often only "transport error"; what happened stands below it.
fn chain(error: &dyn std::error::Error, depth: usize) -> String {
    match error.source().filter(|_| depth > 0) {
        Some(source) => format!("{error}: {}", chain(source, depth - 1)),
        None => error.to_string(),
    }
}

// A label may only have as many values as we choose, not as many as a client invents.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn the_names_and_labels_are_those_that_dashboards_know() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let method = Method::from_bytes(b"MADE-UP").unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            let request = Request {
                method: &method,
                path: "/api/markets/0x1",
                route: "/api/markets/{market_id}",
                status: StatusCode::NOT_FOUND,
                request_id: "1",
            };
            answered(request, Duration::from_millis(250));
        });
        let page = recorder.handle().render();
        let route = r#"route="/api/markets/{market_id}""#;
        let counted = format!(r#"http_requests_total{{method="OTHER",{route},status="404"}} 1"#);
        assert!(page.contains(&counted), "{page}");
        let timed = format!(r#"http_request_duration_seconds_sum{{method="OTHER",{route}}} 0.25"#);
        assert!(page.contains(&timed), "{page}");
    }
}

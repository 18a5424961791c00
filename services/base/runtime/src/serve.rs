//! The server of every service: gRPC over HTTP/2, HTTP/1.1 for browsers, health and reflection.

use std::time::Duration;

use capstan_proto::FILE_DESCRIPTOR_SET;
use http::{HeaderName, Request};
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tower::ServiceBuilder;
use tower_http::{
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::{DefaultOnFailure, TraceLayer},
};
use tracing::{Level, Span};

use crate::{StartError, Tasks, health, service::Parts};

/// Header that names a request, on the way in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds health and reflection to a service's routes and serves them until the tasks stop.
pub(crate) async fn serve(
    name: &'static str,
    listener: TcpListener,
    parts: Parts,
    tasks: &Tasks,
) -> Result<(), StartError> {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    health::watch(reporter, parts.health, tasks).await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(StartError::service)?;
    let routes = parts.routes.add_service(health_service).add_service(reflection);
    let stopping = tasks.stopping();
    tasks.critical("server", run(name, listener, routes, stopping.cancelled_owned()));
    Ok(())
}

async fn run(
    name: &'static str,
    listener: TcpListener,
    routes: Routes,
    stopping: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let trace = TraceLayer::new_for_grpc()
        .make_span_with(move |request: &Request<_>| span(name, request))
        .on_failure(DefaultOnFailure::new().level(Level::DEBUG));
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, FreshRequestId))
        .layer(trace)
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .into_inner();
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .layer(layers)
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stopping)
        .await
}

fn span<B>(service: &'static str, request: &Request<B>) -> Span {
    let request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", service, method = request.uri().path(), request_id)
}

/// Names requests that come without a name.
#[derive(Debug, Clone, Copy)]
struct FreshRequestId;

impl MakeRequestId for FreshRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        format!("{:032x}", rand::random::<u128>()).parse().ok().map(RequestId::new)
    }
}

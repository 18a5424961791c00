//! What surrounds every request: an id, the access log, metrics, CORS, and headers for safety.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, header};
use tokio::time::Instant;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::{
    config::{Config, Origin},
    metrics,
};

/// The id of a request: what the client sent, or made up here.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The header that carries it, both ways.
    pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    /// The id that [`around`] gave to a request.
    pub(super) fn of<B>(request: &http::Request<B>) -> Self {
        let known = request.extensions().get().cloned();
        known.unwrap_or_else(|| Self::given_or_new(request.headers()))
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header value.
    pub(super) const fn value(&self) -> &HeaderValue {
        &self.0
    }

    // Whatever a client sends ends up in the log, so it must be short and printable.
    fn given_or_new(headers: &http::HeaderMap) -> Self {
        let fits = |value: &&HeaderValue| {
            value.len() <= 128 && value.as_bytes().iter().all(u8::is_ascii_graphic) && !value.is_empty()
        };
        let given = headers.get(Self::HEADER).filter(fits).cloned();
        Self(given.unwrap_or_else(new_id))
    }
}

fn new_id() -> HeaderValue {
    let id = format!("{:032x}", rand::random::<u128>());
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("0"))
}

/// The path template or rpc of an answer, for metrics and the log.
#[derive(Debug, Clone)]
pub(super) struct RouteLabel(pub(super) String);

/// Puts the layers around a router; the first to see a request is the observer, then CORS.
pub(super) fn around(router: Router, config: &Config) -> Router {
    router.layer(cors(&config.cors_origins)).layer(middleware::from_fn(observe))
}

async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::given_or_new(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.headers_mut().insert(RequestId::HEADER, id.value().clone());
    request.extensions_mut().insert(id.clone());
    let mut response: Response<Body> = next.run(request).await;
    let route = response.extensions_mut().remove::<RouteLabel>();
    let fallback = if method == Method::OPTIONS { "preflight" } else { "unmatched" };
    let answered = metrics::Request {
        method: &method,
        path: &path,
        route: route.as_ref().map_or(fallback, |label| &label.0),
        status: response.status(),
        request_id: id.as_str(),
    };
    metrics::answered(answered, started.elapsed());
    let headers = response.headers_mut();
    headers.insert(RequestId::HEADER, id.value().clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn cors(origins: &[Origin]) -> CorsLayer {
    let listed = origins.iter().filter_map(|origin| match origin {
        Origin::Any => None,
        Origin::Exactly(origin) => Some(origin.clone()),
    });
    let allowed = if origins.contains(&Origin::Any) { AllowOrigin::any() } else { AllowOrigin::list(listed) };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // "*" would not cover authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            HeaderName::from_static("grpc-status"),
            HeaderName::from_static("grpc-message"),
            HeaderName::from_static("grpc-status-details-bin"),
            RequestId::HEADER,
            header::RETRY_AFTER,
        ])
        .max_age(Duration::from_secs(7200))
}

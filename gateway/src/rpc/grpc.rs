//! gRPC and gRPC-web: handed to the service as they are, streams and trailers included.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version, header};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use super::{
    Edge,
    ending::UntilStopping,
    layers::{RequestId, RouteLabel},
};
use crate::{adapters::upstream::Peer, error::Error, metrics, operations::call};

type GrpcBody = tonic::body::Body;

const GRPC: &str = "application/grpc";
const WEB: &str = "application/grpc-web";
const WEB_TEXT: &str = "application/grpc-web-text";
const TIMEOUT: &str = "grpc-timeout";

// They describe the connection to us, not the message to the service.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// How gRPC messages are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// gRPC over HTTP/2.
    Plain,
    /// gRPC-web.
    Web,
    /// gRPC-web in base64.
    WebText,
}

/// Says by its content type whether a request is gRPC; an error when it is a kind that is not served.
pub(super) fn flavour(request: &Request<Body>) -> Option<Result<Flavour, Error>> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let lower = essence.to_ascii_lowercase();
    if request.method() != Method::POST || !lower.starts_with(GRPC) {
        return None;
    }
    Some(match lower.strip_suffix("+proto").unwrap_or(&lower) {
        WEB => Ok(Flavour::Web),
        WEB_TEXT => Ok(Flavour::WebText),
        GRPC if request.version() == Version::HTTP_2 => Ok(Flavour::Plain),
        GRPC => Err(Error::NeedsHttp2),
        _ => Err(Error::ContentType { expected: "application/grpc or application/grpc-web" }),
    })
}

/// Hands a gRPC request to its service; every failure becomes a gRPC status.
pub(super) async fn pass(edge: &Edge, mut request: Request<Body>, flavour: Flavour) -> Response<Body> {
    let id = RequestId::of(&request);
    let rpc = edge.contract.rpc(request.uri().path());
    let label = rpc.as_ref().map(|_| RouteLabel(request.uri().path().to_owned()));
    let is_stream = rpc.is_some_and(|rpc| rpc.is_server_streaming() || rpc.is_client_streaming());
    speak_plainly(&mut request, flavour);
    request.headers_mut().insert(RequestId::HEADER, id.value().clone());
    if !is_stream && !request.headers().contains_key(TIMEOUT) {
        let default = edge.config.request_timeout().as_millis();
        let value = HeaderValue::from_str(&format!("{default}m"));
        request.headers_mut().extend(value.map(|value| (HeaderName::from_static(TIMEOUT), value)));
    }
    let service = service_fn(|request| async {
        let answer = forward(edge, request).await.map(|answer| match is_stream {
            true => answer.map(|body| GrpcBody::new(UntilStopping::new(body, &edge.stopping))),
            false => answer,
        });
        Ok::<_, Infallible>(answer.unwrap_or_else(|error| {
            metrics::failed(&error, id.as_str());
            error.into_status().into_http()
        }))
    });
    let Ok(answer) = GrpcWebLayer::new().layer(service).oneshot(request).await;
    let mut answer = answer.map(Body::new);
    if let Some(label) = label {
        answer.extensions_mut().insert(label);
    }
    answer
}

// tonic-web compares both headers as they are, and answers in base64 only when it is asked to.
fn speak_plainly(request: &mut Request<Body>, flavour: Flavour) {
    let (content_type, accept) = match flavour {
        Flavour::Plain => return,
        Flavour::Web => (WEB, accepted(request.headers()).unwrap_or(WEB)),
        Flavour::WebText => (WEB_TEXT, accepted(request.headers()).unwrap_or(WEB_TEXT)),
    };
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
}

fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    [WEB_TEXT, WEB].into_iter().find(|kind| accept.contains(kind))
}

async fn forward(edge: &Edge, request: Request<GrpcBody>) -> Result<Response<GrpcBody>, Error> {
    let path = request.uri().path();
    let service = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let peer = edge.upstreams.find(service)?;
    let request = outgoing(request);
    let answer = exchange(peer, request).await?;
    Ok(answer.map(|body| GrpcBody::new(Unsized(body))))
}

async fn exchange(peer: &Peer, request: Request<GrpcBody>) -> Result<Response<GrpcBody>, Error> {
    let answer = peer.upstream()?.oneshot(request).await;
    let mut answer = answer.map_err(|cause| call::unreachable(peer, cause))?;
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(answer)
}

fn outgoing(request: Request<GrpcBody>) -> Request<GrpcBody> {
    let (mut head, body) = request.into_parts();
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    head.version = Version::HTTP_2;
    head.extensions.clear();
    Request::from_parts(head, GrpcBody::new(Unsized(body)))
}

// tonic-web reports the size before it decodes base64, which would end up in a wrong content-length.
struct Unsized(GrpcBody);

impl http_body::Body for Unsized {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

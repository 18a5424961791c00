//! Every request of every protocol, sorted to whoever answers it.

mod convert;
mod ending;
mod grpc;
mod layers;
mod pages;
mod platform;
mod rest;

use std::sync::Arc;

use axum::{Router, body::Body, extract::State};
use http::{HeaderMap, Method, Request, Response};
use tokio_util::sync::CancellationToken;

use self::layers::{RequestId, RouteLabel};
pub use self::{convert::DetailTypes, platform::GatewayRpc};
use crate::{
    adapters::{upstream::Upstreams, web_app::WebApp},
    config::Config,
    domain::{contract::Contract, routes::Found},
    error::Error,
    metrics,
};

/// Everything that answering a request takes.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The contract and its routes.
    pub contract: Arc<Contract>,
    /// Where the services run.
    pub upstreams: Upstreams,
    /// The browser app.
    pub app: WebApp,
    /// Limits and deadlines.
    pub config: Config,
    /// How error details are read.
    pub details: DetailTypes,
    /// Ends streams when the gateway stops.
    pub stopping: CancellationToken,
}

impl Edge {
    /// The router for every path of the gateway.
    pub fn router(self) -> Router {
        let config = self.config.clone();
        let router = Router::new().fallback(dispatch).with_state(Arc::new(self));
        layers::around(router, &config)
    }
}

async fn dispatch(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Response<Body> {
    let id = RequestId::of(&request);
    if let Some(flavour) = grpc::flavour(&request) {
        return match flavour {
            Ok(flavour) => grpc::pass(&edge, request, flavour).await,
            Err(error) => edge.refuse(error, &id),
        };
    }
    match edge.answer(request, &id).await {
        Ok(response) => response,
        Err(error) => edge.refuse(error, &id),
    }
}

impl Edge {
    async fn answer(&self, request: Request<Body>, id: &RequestId) -> Result<Response<Body>, Error> {
        let (uri, method) = (request.uri().clone(), request.method().clone());
        match self.contract.routes().find(&method, uri.path()) {
            Found::Route(route, path) => {
                let label = RouteLabel(route.target.template.clone());
                let asked = rest::Asked { route, path, query: uri.query().unwrap_or_default(), id };
                let answer = rest::answer(self, asked, request).await;
                let mut response = answer.unwrap_or_else(|error| self.refuse(error, id));
                response.extensions_mut().insert(label);
                Ok(response)
            }
            Found::OtherMethods(methods) => {
                let mut allow = Vec::from_iter(methods);
                if allow.iter().any(|method| method == "GET") {
                    allow.push("HEAD".to_owned());
                }
                Err(Error::MethodNotAllowed { allow })
            }
            Found::Nothing => self.other(&method, uri.path(), request.headers()),
        }
    }

    // Paths that no http rule has: the services' own paths in the wrong protocol, and the app.
    fn other(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Response<Body>, Error> {
        if self.contract.rpc(path).is_some() {
            let post = || Error::MethodNotAllowed { allow: vec!["POST".to_owned()] };
            let grpc = Error::ContentType { expected: "application/grpc or application/grpc-web" };
            return Err(if method == Method::POST { grpc } else { post() });
        }
        pages::answer(&self.app, method, path, headers)
    }

    fn refuse(&self, error: Error, id: &RequestId) -> Response<Body> {
        metrics::failed(&error, id.as_str());
        self.details.response(error, id.as_str())
    }
}

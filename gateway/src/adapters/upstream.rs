//! Where each service of the contract runs: in another process, in this one, or nowhere.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    task::{Context, Poll},
};

use futures::{
    FutureExt, TryFutureExt,
    future::{Either, MapErr},
};
use prost_reflect::DescriptorPool;
use tonic::{
    body::Body,
    service::Routes,
    transport::{self, Channel, channel::ResponseFuture},
};
use tower::Service;

use crate::error::Error;

type RoutesFuture = <Routes as Service<http::Request<Body>>>::Future;
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Something that answers gRPC requests.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// Another process.
    Remote(Channel),
    /// Services inside this one.
    Local(Routes),
}

impl Service<http::Request<Body>> for Upstream {
    type Response = http::Response<Body>;
    type Error = Cause;
    type Future = Either<
        MapErr<ResponseFuture, fn(transport::Error) -> Cause>,
        MapErr<RoutesFuture, fn(Infallible) -> Cause>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        match self {
            Self::Remote(channel) => channel.poll_ready(context).map_err(Into::into),
            Self::Local(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let unreachable: fn(transport::Error) -> Cause = Into::into;
        let never: fn(Infallible) -> Cause = |never| match never {};
        match self {
            Self::Remote(channel) => channel.call(request).map_err(unreachable).left_future(),
            Self::Local(routes) => routes.call(request).map_err(never).right_future(),
        }
    }
}

/// A service of the contract and where it runs.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Name of the peer, such as `market` for `capstan.market.v1.MarketService`.
    pub name: String,
    /// Where it runs; absent when it is not configured.
    pub upstream: Option<Upstream>,
}

impl Peer {
    /// Where it runs.
    ///
    /// # Errors
    /// When it is not configured.
    pub fn upstream(&self) -> Result<Upstream, Error> {
        let not_configured = || Error::PeerNotConfigured { peer: self.name.clone() };
        self.upstream.clone().ok_or_else(not_configured)
    }
}

/// How the names of services end that are not for everybody.
const FOR_OPERATORS: &str = "AdminService";

/// Every service of the contract.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    services: BTreeMap<String, Peer>,
}

impl Upstreams {
    /// Matches the services of a contract with channels to peers, both by the peer's name; those for
    /// operators only with `admin`.
    #[must_use]
    pub fn new(contract: &DescriptorPool, peers: &BTreeMap<String, Channel>, admin: bool) -> Self {
        let served = contract.services().filter(|service| admin || !service.name().ends_with(FOR_OPERATORS));
        let services = served.filter_map(|service| {
            let name = service.package_name().split('.').nth(1)?.to_owned();
            let upstream = peers.get(&name).cloned().map(Upstream::Remote);
            Some((service.full_name().to_owned(), Peer { name, upstream }))
        });
        Self { services: services.collect() }
    }

    /// Serves `service` from inside this process.
    #[must_use]
    pub fn with_local(mut self, service: &str, peer: &str, routes: Routes) -> Self {
        let upstream = Some(Upstream::Local(routes));
        let peer = Peer { name: peer.to_owned(), upstream };
        self.services.insert(service.to_owned(), peer);
        self
    }

    /// The services of other processes that are configured, by full name.
    pub fn remote(&self) -> impl Iterator<Item = (&str, &Peer, Channel)> {
        self.services.iter().filter_map(|(service, peer)| match &peer.upstream {
            Some(Upstream::Remote(channel)) => Some((service.as_str(), peer, channel.clone())),
            _ => None,
        })
    }

    /// Finds a service by its full name.
    ///
    /// # Errors
    /// When the contract does not have it.
    pub fn find(&self, service: &str) -> Result<&Peer, Error> {
        self.services.get(service).ok_or(Error::UnknownRpc)
    }
}

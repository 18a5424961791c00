//! Measures the quoter: paths beside peers, routes and splits, and answers over gRPC; `make bench-quoter` runs it.

mod graph;
mod greedy;
mod grpc;
mod options;
mod paths;
mod peer;
mod pools;
mod report;
mod routes;
mod sdk;

use anyhow::{Context, Result};

pub(crate) use self::options::Options;
use self::{options::Part, report::Results};
use crate::report::Machine;

/// Measures everything that is wanted, and says it.
pub(crate) async fn run(options: &Options, machine: Machine) -> Result<String> {
    let mut results = Results::default();
    if options.wants(Part::Paths) {
        results.paths = Some(paths::run(options).await.context("paths")?);
    }
    if options.wants(Part::Routes) {
        results.routes = Some(routes::run(options).context("routes")?);
    }
    if options.wants(Part::Graph) {
        results.graph = graph::run(options).context("the graph")?;
    }
    if options.wants(Part::Grpc) {
        results.grpc = Some(grpc::run(options).await.context("gRPC")?);
    }
    results.report(options, machine)
}

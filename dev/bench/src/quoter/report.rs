//! What was measured: medians, lines for people, and one line of JSON for programs.

use anyhow::Result;
use serde::Serialize;

use super::{
    grpc,
    options::Options,
    paths::{self, Costs, HOPS},
    routes::{self, percentile},
};
use crate::report::{Machine, median, rounded};

/// Everything that was measured; what was left out is empty.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) paths: Option<paths::Results>,
    pub(super) routes: Option<routes::Results>,
    pub(super) graph: Vec<f64>,
    pub(super) grpc: Option<grpc::Results>,
}

/// The last line of the output.
#[derive(Debug, Serialize)]
struct Summary {
    runs: u32,
    seed: u64,
    over_v3_sdk: Option<f64>,
    over_uniswap_v3_math: Option<f64>,
    over_v3_sdk_by_hops: Option<Costs>,
    over_uniswap_v3_math_by_hops: Option<Costs>,
    quotes_per_cpu_s: Option<f64>,
    quotes_per_cpu_s_v3_sdk: Option<f64>,
    quotes_per_cpu_s_uniswap_v3_math: Option<f64>,
    paths: Option<[usize; 3]>,
    paths_exhausted: Option<usize>,
    best_route_p50_ms: Option<f64>,
    best_route_p99_ms: Option<f64>,
    best_route_candidates: Option<f64>,
    split_route_p50_ms: Option<f64>,
    split_route_p99_ms: Option<f64>,
    split_worse_than_reference_bp: Option<f64>,
    split_worse_than_reference_median_bp: Option<f64>,
    graph_routes_per_s_per_core: Option<f64>,
    grpc_p50_ms: Option<f64>,
    grpc_p99_ms: Option<f64>,
    grpc_cores: Option<f64>,
    grpc_found: Option<f64>,
    grpc_single_p50_ms: Option<f64>,
    grpc_single_p99_ms: Option<f64>,
    grpc_single_cores: Option<f64>,
    grpc_single_found: Option<f64>,
    grpc_requests_per_s: Option<u32>,
    #[serde(flatten)]
    machine: Machine,
}

impl Results {
    /// A few lines, the last of which is JSON.
    pub(super) fn report(&self, options: &Options, machine: Machine) -> Result<String> {
        let summary = self.summary(options, machine);
        let lines = self.paths.as_ref().map(lines).unwrap_or_default();
        Ok(format!("{lines}{}", serde_json::to_string(&summary)?))
    }

    fn summary(&self, options: &Options, machine: Machine) -> Summary {
        let (paths, routes) = (self.paths.as_ref(), self.routes.as_ref());
        let speed = |side: fn(&paths::Results) -> &Vec<Costs>| {
            paths.and_then(|paths| Some(rounded(1e6 / mean(paths, &medians(side(paths))?)?, 0)))
        };
        let over = |theirs: Option<f64>, ours: Option<f64>| Some(rounded(ours? / theirs?, 2));
        let (ours, sdk, peer) = (speed(|it| &it.ours), speed(|it| &it.sdk), speed(|it| &it.peer));
        let times = |side: fn(&routes::Results) -> &Vec<Vec<f64>>, percent: usize| {
            let times = side(routes?).iter().filter_map(|times| percentile(times, percent));
            median(times).map(|ms| rounded(ms, 4))
        };
        let grpc = self.grpc.as_ref();
        let answered = |of: fn(&grpc::Results) -> &grpc::Series, percent: usize| {
            let times = of(grpc?).times.iter().filter_map(|times| percentile(times, percent));
            median(times).map(|ms| rounded(ms, 2))
        };
        let middle = |values: Option<&Vec<f64>>| {
            values.and_then(|values| median(values.iter().copied())).map(|value| rounded(value, 3))
        };
        Summary {
            runs: options.runs,
            seed: options.seed,
            over_v3_sdk: over(sdk, ours),
            over_uniswap_v3_math: over(peer, ours),
            over_v3_sdk_by_hops: paths.and_then(|it| ratios(&it.sdk, &it.ours)),
            over_uniswap_v3_math_by_hops: paths.and_then(|it| ratios(&it.peer, &it.ours)),
            quotes_per_cpu_s: ours,
            quotes_per_cpu_s_v3_sdk: sdk,
            quotes_per_cpu_s_uniswap_v3_math: peer,
            paths: paths.map(|it| it.counts),
            paths_exhausted: paths.map(|it| it.exhausted),
            best_route_p50_ms: times(|it| &it.single, 50),
            best_route_p99_ms: times(|it| &it.single, 99),
            best_route_candidates: routes.map(|it| rounded(it.candidates, 1)),
            split_route_p50_ms: times(|it| &it.split, 50),
            split_route_p99_ms: times(|it| &it.split, 99),
            split_worse_than_reference_bp: routes.and_then(|it| it.worse_bp.last().copied()),
            split_worse_than_reference_median_bp: routes.and_then(|it| percentile(&it.worse_bp, 50)),
            graph_routes_per_s_per_core: median(self.graph.iter().copied()).map(|speed| rounded(speed, 0)),
            grpc_p50_ms: answered(|it| &it.split, 50),
            grpc_p99_ms: answered(|it| &it.split, 99),
            grpc_cores: middle(grpc.map(|it| &it.split.cores)),
            grpc_found: middle(grpc.map(|it| &it.split.found)),
            grpc_single_p50_ms: answered(|it| &it.single, 50),
            grpc_single_p99_ms: answered(|it| &it.single, 99),
            grpc_single_cores: middle(grpc.map(|it| &it.single.cores)),
            grpc_single_found: middle(grpc.map(|it| &it.single.found)),
            grpc_requests_per_s: grpc.map(|_| options.grpc_rate),
            machine: machine.at_the_end(),
        }
    }
}

/// The median of every length.
fn medians(runs: &[Costs]) -> Option<Costs> {
    let of = |at: usize| median(runs.iter().filter_map(|costs| costs.get(at).copied()));
    Some([of(0)?, of(1)?, of(2)?])
}

/// What one of all paths takes.
fn mean(paths: &paths::Results, costs: &Costs) -> Option<f64> {
    let counts = paths.counts.map(|count| u32::try_from(count).map_or(0.0, f64::from));
    let whole: f64 = counts.iter().sum();
    let cost: f64 = counts.iter().zip(costs).map(|(count, cost)| count * cost).sum();
    (whole > 0.0).then_some(cost / whole)
}

fn ratios(theirs: &[Costs], ours: &[Costs]) -> Option<Costs> {
    let ([a, b, c], [x, y, z]) = (medians(theirs)?, medians(ours)?);
    Some([a / x, b / y, c / z].map(|ratio| rounded(ratio, 2)))
}

fn lines(paths: &paths::Results) -> String {
    let sides = [("capstan", &paths.ours), ("uniswap_v3_math", &paths.peer), ("@uniswap/v3-sdk", &paths.sdk)];
    let line = |(name, runs): (&str, &Vec<Costs>)| {
        let costs = medians(runs).unwrap_or_default();
        let costs = HOPS.iter().zip(costs).map(|(hops, cost)| format!("{:>12.2} µs, {hops} hops", cost));
        format!("{name:<18}{}\n", costs.collect::<String>())
    };
    sides.into_iter().map(line).collect()
}

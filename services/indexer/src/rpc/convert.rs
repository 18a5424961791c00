//! Wire ↔ domain.

use capstan_chain::{EndpointState, EndpointStatus, Role};
use capstan_primitives::{BlockRef, ChainId, Finality};
use capstan_proto::{indexer as wire, primitives};
use prost_types::Timestamp;

use crate::{
    error::Error,
    operations::{ChainHandle, ChainState, ChainView},
};

pub(super) fn block(block: BlockRef) -> primitives::BlockRef {
    let time = Timestamp { seconds: i64::try_from(block.time.0).unwrap_or(i64::MAX), nanos: 0 };
    primitives::BlockRef { number: block.number, hash: block.hash.to_string(), time: Some(time) }
}

pub(super) fn finality(finality: Finality) -> primitives::Finality {
    match finality {
        Finality::Latest => primitives::Finality::Latest,
        Finality::Safe => primitives::Finality::Safe,
        Finality::Finalized => primitives::Finality::Finalized,
    }
}

pub(super) fn as_of(chain_id: ChainId, of: BlockRef, how: Finality) -> primitives::AsOf {
    primitives::AsOf { chain_id: chain_id.0, block: Some(block(of)), finality: finality(how).into() }
}

pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
) -> Result<T, Error> {
    text.parse()
        .map_err(|error: T::Err| Error::Field { field: field.to_owned(), description: error.to_string() })
}

pub(super) fn at_most(field: &str, count: usize, most: usize) -> Result<(), Error> {
    if count <= most {
        return Ok(());
    }
    let description = format!("has {count} entries; at most {most} are taken");
    Err(Error::Field { field: field.to_owned(), description })
}

pub(super) fn chain_state(state: ChainState) -> wire::ChainState {
    match state {
        ChainState::Starting => wire::ChainState::Starting,
        ChainState::Syncing => wire::ChainState::Syncing,
        ChainState::Live => wire::ChainState::Live,
        ChainState::Stalled => wire::ChainState::Stalled,
        ChainState::Halted => wire::ChainState::Halted,
        ChainState::Standby => wire::ChainState::Standby,
    }
}

/// Blocks and seconds behind the head.
pub(super) fn lag(view: &ChainView) -> (u64, u64) {
    match (view.head, view.progress.indexed) {
        (Some(head), Some(indexed)) => {
            (head.number.saturating_sub(indexed.number), head.time.0.saturating_sub(indexed.time.0))
        }
        (Some(head), None) => (head.number, 0),
        (None, _) => (0, 0),
    }
}

pub(super) fn chain_status(handle: &ChainHandle) -> wire::ChainStatus {
    let view = handle.view.borrow();
    let progress = &view.progress;
    let (lag_blocks, lag_seconds) = lag(&view);
    wire::ChainStatus {
        chain_id: progress.chain_id.0,
        name: handle.name.clone(),
        state: chain_state(view.state).into(),
        head: view.head.map(block),
        indexed: progress.indexed.map(block),
        finalized: progress.finalized.map(block),
        lag_blocks,
        lag_seconds,
        events: progress.events,
        contracts: view.contracts,
        reorgs: progress.fork,
        decode_failures: progress.decode_failures,
        problem: view.problem.clone(),
        indexed_at: progress.indexed.map(|_| millis(progress.indexed_at)),
        safe: view.safe.map(block),
        blocks_per_second: view.rate.map(|rate| rate.blocks),
        eta_seconds: eta(&view).map(|eta| eta.as_secs()),
        endpoints: handle.node.endpoints().into_iter().map(endpoint).collect(),
        writer: view.writer,
        earliest_block: progress.earliest,
        history_problem: view.history_problem.clone(),
    }
}

fn eta(view: &ChainView) -> Option<std::time::Duration> {
    let is_behind = view.state == ChainState::Syncing;
    view.rate.filter(|_| is_behind)?.eta(lag(view).0)
}

fn endpoint(status: EndpointStatus) -> wire::Endpoint {
    let EndpointStatus { url, role, state, latency, in_flight, limit, errors, lies, rate_limited } = status;
    let role = match role {
        Role::Primary => wire::EndpointRole::Primary,
        Role::Fallback => wire::EndpointRole::Fallback,
    };
    let state = match state {
        EndpointState::Ready => wire::EndpointState::Ready,
        EndpointState::Lagging => wire::EndpointState::Lagging,
        EndpointState::Limited => wire::EndpointState::Limited,
        EndpointState::Ejected => wire::EndpointState::Ejected,
    };
    wire::Endpoint {
        url,
        role: role.into(),
        state: state.into(),
        latency_ms: latency.as_secs_f64() * 1_000.0,
        in_flight,
        limit,
        errors,
        lies,
        rate_limited,
    }
}

pub(super) fn millis(at: i64) -> Timestamp {
    let nanos = i32::try_from(at.rem_euclid(1_000).saturating_mul(1_000_000)).unwrap_or_default();
    Timestamp { seconds: at.div_euclid(1_000), nanos }
}

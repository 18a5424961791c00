//! Reading the whole log over gRPC, and checking it against the chain.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use anyhow::{Context, Result, ensure};
use capstan_proto::indexer::{
    Event, StreamEventsRequest, StreamEventsResponse, stream_events_response::Message,
};
use prost_types::value::Kind;
use tonic::Streaming;

use crate::{indexer::Client, node::Node};

const BATCH: u32 = 1_000;

/// Opens the event stream from its beginning.
pub(crate) async fn open(client: &mut Client) -> Result<Streaming<StreamEventsResponse>> {
    let request = StreamEventsRequest { max_batch_events: BATCH, ..StreamEventsRequest::default() };
    Ok(client.stream_events(request).await?.into_inner())
}

/// Reads every event once, with number and sum as the only check, and says how long it took.
pub(crate) async fn run(client: &mut Client, node: &Node) -> Result<Duration> {
    let started = Instant::now();
    let mut sum = 0_u64;
    let read = read(client, node.transfers(), |event| {
        sum += value(event)?;
        Ok(())
    });
    read.await?;
    let elapsed = started.elapsed();
    ensure!(sum == node.sum(), "the values add up to {sum} instead of {}", node.sum());
    Ok(elapsed)
}

/// Checks that the log holds every transfer exactly once.
pub(crate) async fn verify(client: &mut Client, node: &Node) -> Result<()> {
    let mut identities: HashSet<(B256, u32)> = HashSet::new();
    let mut values: HashSet<u64> = HashSet::new();
    let read = read(client, node.transfers(), |event| {
        let block = event.block.as_ref().context("an event without a block")?;
        identities.insert((block.hash.parse()?, event.log_index));
        values.insert(value(event)?);
        Ok(())
    });
    read.await?;
    let sum: u64 = values.iter().sum();
    let found = (identities.len() as u64, values.len() as u64, sum);
    let expected = (node.transfers(), node.transfers(), node.sum());
    ensure!(found == expected, "identities, values and their sum are {found:?} instead of {expected:?}");
    Ok(())
}

async fn read(client: &mut Client, events: u64, mut see: impl FnMut(&Event) -> Result<()>) -> Result<()> {
    let mut stream = open(client).await?;
    let mut left = events;
    while left > 0 {
        let message = stream.message().await?.context("the stream ended")?.message;
        if let Some(Message::Events(batch)) = message {
            batch.events.iter().try_for_each(&mut see)?;
            left = left.checked_sub(batch.events.len() as u64).context("more events than transfers")?;
        }
    }
    Ok(())
}

/// The value of a transfer.
fn value(event: &Event) -> Result<u64> {
    let argument = event.arguments.last().and_then(|argument| argument.value.as_ref());
    match argument.and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(value)) => Ok(value.parse()?),
        _ => anyhow::bail!("an event without a value: {event:?}"),
    }
}

//! Keeps what gas costs on one chain up to date.

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    future::pending,
    time::{Duration, Instant},
};

use capstan_primitives::{Clock, Hash};
use capstan_runtime::Backoff;
use futures::{StreamExt, future::Either};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    adapters::gas::{GasError, GasSource},
    domain::gas::Learnt,
    metrics,
};

/// Longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Puts the fees after every new block into `fees` until `stopping`. While they cannot be learnt, those of the last
/// block of which they could stay there, with their time; it is tried again with growing waits, and at every wake-up.
/// Every question has the deadline of the chain's requests.
///
/// # Errors
/// Never.
pub(crate) async fn refresh(
    source: GasSource,
    clock: Clock,
    fees: watch::Sender<Option<Learnt>>,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let mut heads = Box::pin(source.heads());
    let mut refresher = Refresher { source, clock, fees, last: None, failures: 0 };
    let mut backoff = Backoff::default();
    loop {
        let is_known = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            is_known = refresher.look() => is_known,
        };
        let pause = if is_known {
            backoff.worked();
            Either::Left(pending())
        } else {
            Either::Right(sleep(backoff.failed(LONGEST_WAIT)))
        };
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            _ = heads.next() => {}
            () = pause => {}
        }
    }
}

struct Refresher {
    source: GasSource,
    clock: Clock,
    fees: watch::Sender<Option<Learnt>>,
    /// The block that the fees are of.
    last: Option<Hash>,
    /// Failures in a row.
    failures: u32,
}

impl Refresher {
    /// Whether the fees after the newest block are known now.
    async fn look(&mut self) -> bool {
        let Err(error) = self.learn().await else {
            self.failures = 0;
            return true;
        };
        let chain = self.source.evm().chain_id();
        // Nodes announce a block a moment before they know its fees.
        match self.failures {
            0 => metrics::gas_delayed(chain, &error),
            _ => metrics::gas_unknown(chain, &error),
        }
        self.failures = self.failures.saturating_add(1);
        false
    }

    /// Learns the fees after the newest block, unless they are known.
    async fn learn(&mut self) -> Result<(), GasError> {
        let began = Instant::now();
        let head = self.source.head().await?;
        if self.last == Some(head.hash) {
            return Ok(());
        }
        let fees = self.source.fees(head).await?;
        self.last = Some(head.hash);
        self.fees.send_replace(Some(Learnt { fees, at: self.clock.now() }));
        metrics::gas_learnt(self.source.evm().chain_id(), fees.block, began.elapsed());
        Ok(())
    }
}

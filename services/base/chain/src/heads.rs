//! Wake-ups to look for new blocks: announcements where a node offers them, and polling always.

use std::time::Duration;

use async_stream::stream;
use futures::{Stream, stream::select};
use rand::Rng;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, warn};

use crate::{ChainError, endpoint::Endpoint, transport::Subscription};

/// A subscription that says nothing for so long is opened again, since some die without closing.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Why to look for new blocks now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeadSignal {
    /// A node announced a block, or began to announce them (again), so that one may have been missed.
    New,
    /// The poll interval passed.
    Poll,
}

/// Where wake-ups come from.
#[derive(Clone)]
pub(crate) struct WakeUps {
    /// WebSockets that announce blocks: one at a time, the next one when it fails.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) poll_interval: Duration,
    pub(crate) connect_timeout: Duration,
    /// Largest announcement that is read.
    pub(crate) max_bytes: usize,
}

/// Merges announcements and polling; never ends.
pub(crate) fn wake_ups(from: WakeUps) -> impl Stream<Item = HeadSignal> + Send {
    select(polls(from.poll_interval), announcements(from))
}

fn polls(every: Duration) -> impl Stream<Item = HeadSignal> + Send {
    stream! {
        let mut ticks = interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            yield HeadSignal::Poll;
        }
    }
}

fn announcements(from: WakeUps) -> impl Stream<Item = HeadSignal> + Send {
    stream! {
        let mut failures = 0_u32;
        for (place, endpoint) in from.endpoints.iter().enumerate().cycle() {
            // All of them failed in turn: they are left alone for a while.
            if place == 0 && failures > 0 {
                sleep(backoff(failures - 1)).await;
            }
            match subscribe(endpoint, &from).await {
                Ok(mut subscription) => {
                    debug!(%endpoint, "subscribed to new heads");
                    yield HeadSignal::New;
                    while let Ok(true) = timeout(LONGEST_SILENCE, subscription.notified()).await {
                        failures = 0;
                        yield HeadSignal::New;
                    }
                    debug!(%endpoint, "subscription to new heads ended or fell silent");
                }
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    warn!(%endpoint, error, "cannot subscribe to new heads");
                }
            }
            failures = failures.saturating_add(u32::from(place + 1 == from.endpoints.len()));
        }
    }
}

async fn subscribe(endpoint: &Endpoint, from: &WakeUps) -> Result<Subscription, ChainError> {
    let late = |_| ChainError::Timeout { method: "eth_subscribe", after: from.connect_timeout };
    timeout(from.connect_timeout, Subscription::open(endpoint, from.max_bytes)).await.map_err(late)?
}

/// Doubles with every failure up to a limit; the random half keeps many clients from returning at once.
fn backoff(failures: u32) -> Duration {
    let longest = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_BACKOFF);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_attempts_grows_up_to_a_limit() {
        for (failures, longest) in [(0, 1), (1, 2), (5, 32), (6, 60), (u32::MAX, 60)] {
            let wait = backoff(failures);
            let longest = Duration::from_secs(longest);
            assert!(wait <= longest && wait >= longest / 2, "{failures}: {wait:?}");
        }
    }
}

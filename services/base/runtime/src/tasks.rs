//! Supervised tasks: each says what its end means, and all stop in order.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::{Instrument, error, warn};

/// The tasks of one service. Clones share them.
#[derive(Debug, Clone)]
pub struct Tasks {
    service: &'static str,
    stopping: CancellationToken,
    killed: CancellationToken,
    tracker: TaskTracker,
    failed: watch::Sender<Option<String>>,
}

/// How the tasks of a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every task finished by itself inside the grace period.
    InTime,
    /// The grace period passed and what was left was dropped.
    Late,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            stopping: CancellationToken::new(),
            killed: CancellationToken::new(),
            tracker: TaskTracker::new(),
            failed: watch::Sender::new(None),
        }
    }

    /// Is cancelled when the service is asked to stop; every wait of a task selects on it.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Spawns a task without which the service is useless: its end before the stop, by error, by
    /// panic or by return, fails the service.
    pub fn critical<E: Display>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let tasks = self.clone();
        self.spawn(name, async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            if tasks.stopping.is_cancelled() {
                return;
            }
            let reason = match ended {
                Ok(Ok(())) => "ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "panicked".to_owned(),
            };
            error!(service = tasks.service, task = name, reason, "critical task ended");
            tasks.failed.send_replace(Some(format!("{} of {}: {reason}", name, tasks.service)));
        });
    }

    /// Spawns a task whose failure is worth a line and no more.
    pub fn helper<E: Display>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let service = self.service;
        self.spawn(name, async move {
            match AssertUnwindSafe(task).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!(service, task = name, %error, "task failed"),
                Err(_) => error!(service, task = name, "task panicked"),
            }
        });
    }

    /// Spawns a part of the caller's own work, to run beside the rest of it. It ends when its handle
    /// is dropped, and its failure is the caller's to see.
    pub fn part<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(self.tracker.spawn(work.in_current_span()))
    }

    /// Spawns a task that calls `tick` now and then every `interval` until the stop.
    pub fn periodic<F: Future<Output = ()> + Send>(
        &self,
        name: &'static str,
        interval: Duration,
        mut tick: impl FnMut() -> F + Send + 'static,
    ) {
        let stopping = self.stopping();
        self.helper::<std::convert::Infallible>(name, async move {
            let mut timer = tokio::time::interval(interval);
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    _ = timer.tick() => tick().await,
                }
            }
        });
    }

    /// Waits until a critical task has ended, and says which and why.
    pub async fn failure(&self) -> String {
        let mut failed = self.failed.subscribe();
        let reason = failed.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_default()
    }

    /// Asks every task to stop, waits at most `grace`, and drops what is left.
    pub async fn stop(&self, grace: Duration) -> Stopped {
        self.stopping.cancel();
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_ok() {
            return Stopped::InTime;
        }
        warn!(service = self.service, left = self.tracker.len(), "grace period passed");
        self.killed.cancel();
        self.tracker.wait().await;
        Stopped::Late
    }

    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let killed = self.killed.clone();
        let supervised = async move {
            tokio::select! {
                () = killed.cancelled() => {}
                () = task => {}
            }
        };
        let span = tracing::info_span!("task", service = self.service, task = name);
        self.tracker.spawn(supervised.instrument(span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ended = Result<(), String>;

    #[tokio::test]
    async fn a_critical_task_that_ends_fails_the_service() {
        let tasks = Tasks::new("test");
        tasks.critical("loop", async { Ended::Err("the node is gone".into()) });
        assert_eq!(tasks.failure().await, "loop of test: the node is gone");
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_too() {
        let tasks = Tasks::new("test");
        tasks.critical::<String>("loop", async { panic!("a bug") });
        assert_eq!(tasks.failure().await, "loop of test: panicked");
    }

    #[tokio::test]
    async fn what_ends_after_the_stop_is_no_failure() {
        let tasks = Tasks::new("test");
        let stopping = tasks.stopping();
        tasks.critical("loop", async move {
            stopping.cancelled().await;
            Ended::Ok(())
        });
        assert_eq!(tasks.stop(Duration::from_secs(60)).await, Stopped::InTime);
        assert!(tasks.failed.borrow().is_none());
    }

    #[tokio::test]
    async fn a_task_that_hangs_does_not_hold_up_the_stop() {
        let tasks = Tasks::new("test");
        tasks.helper("hang", std::future::pending::<Ended>());
        assert_eq!(tasks.stop(Duration::ZERO).await, Stopped::Late);
    }
}

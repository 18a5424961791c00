//! One endpoint of the pool, and the lease under which it is asked.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    pool::{EndpointState, EndpointStatus, Role, health::Health, verdict::Verdict},
    rpc::Rpc,
};

/// An endpoint that serves requests.
pub(super) struct Member {
    /// Scheme, host and port.
    pub(super) url: String,
    /// Which of the configured endpoints it is; the same for URLs that are the same.
    pub(super) place: usize,
    pub(super) role: Role,
    pub(super) rpc: Arc<Rpc>,
    health: Mutex<Health>,
}

/// The right to one request; gives its place back when dropped, and teaches nothing unless told to.
pub(super) struct Lease {
    pub(super) member: Arc<Member>,
    freed: Arc<Notify>,
    since: Instant,
}

impl Member {
    pub(super) fn new(url: String, place: usize, role: Role, rpc: Rpc) -> Self {
        let health = Mutex::new(Health::new(Instant::now()));
        Self { url, place, role, rpc: Arc::new(rpc), health }
    }

    /// Whether both are one endpoint that is configured twice: what one says confirms nothing of the other.
    pub(super) fn is_same_endpoint(&self, other: &Self) -> bool {
        self.place == other.place
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self, now: Instant) -> EndpointState {
        let health = self.health();
        if health.ejected_until.is_some() {
            EndpointState::Ejected
        } else if health.is_paused(now) {
            EndpointState::Limited
        } else if health.lagging_until.is_some() {
            EndpointState::Lagging
        } else {
            EndpointState::Ready
        }
    }

    /// Learns from an answer that took so long, or from the lack of it.
    pub(super) fn learn(&self, verdict: Verdict, took: Duration) {
        let mut health = self.health();
        let was_in = health.ejected_until.is_none();
        health.learn(verdict, took, Instant::now());
        if was_in && health.ejected_until.is_some() {
            tracing::warn!(endpoint = self.url, "endpoint ejected");
        }
    }

    /// Smaller is better; endpoints of one rank share the load. Absent while it must be left alone.
    pub(super) fn rank(&self, now: Instant) -> Option<u8> {
        let role = if self.role == Role::Primary { 0 } else { 1 };
        if self.health().is_other_chain || self.health().next_request(now) > now {
            return None;
        }
        match self.state(now) {
            EndpointState::Ready => Some(role),
            EndpointState::Lagging => Some(2 + role),
            EndpointState::Ejected if !self.health().is_paused(now) => Some(4 + role),
            EndpointState::Ejected | EndpointState::Limited => None,
        }
    }

    pub(super) fn status(&self, now: Instant) -> EndpointStatus {
        let state = self.state(now);
        let health = self.health();
        EndpointStatus {
            url: self.url.clone(),
            role: self.role,
            state,
            latency: health.latency(),
            in_flight: health.in_flight,
            limit: health.limit(),
            errors: health.errors,
            lies: health.lies,
            rate_limited: health.rate_limited,
        }
    }
}

impl Lease {
    /// Takes a place at `member` if it has one; `freed` is told when the place is free again.
    pub(super) fn take(member: &Arc<Member>, freed: &Arc<Notify>) -> Option<Self> {
        let mut health = member.health();
        if !health.has_room() {
            return None;
        }
        let since = Instant::now();
        health.in_flight += 1;
        if let Some(allowance) = &mut health.allowance {
            allowance.take(since);
        }
        drop(health);
        Some(Self { member: Arc::clone(member), freed: Arc::clone(freed), since })
    }

    pub(super) fn learn(&self, verdict: Verdict) {
        self.member.learn(verdict, self.since.elapsed());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut health = self.member.health();
        health.in_flight = health.in_flight.saturating_sub(1);
        drop(health);
        self.freed.notify_waiters();
    }
}

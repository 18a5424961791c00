//! Which endpoint is asked.

use std::sync::Arc;

use rand::seq::IteratorRandom;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{EndpointState, Lease, Member, Pool};
use crate::ChainError;

impl Pool {
    /// A place at the best endpoint, waited for until `deadline`.
    pub(super) async fn place(&self, method: &'static str, deadline: Instant) -> Result<Lease, ChainError> {
        self.place_among(|_| true, method, deadline).await
    }

    /// A place at the best endpoint that works and is none of these.
    pub(super) async fn place_beside(
        &self,
        others: &[Arc<Member>],
        method: &'static str,
        deadline: Instant,
    ) -> Result<Lease, ChainError> {
        let is_other = |member: &Member| {
            !others.iter().any(|other| other.is_same_endpoint(member))
                && member.state(Instant::now()) != EndpointState::Ejected
        };
        self.place_among(is_other, method, deadline).await
    }

    async fn place_among(
        &self,
        may_serve: impl Fn(&Member) -> bool,
        method: &'static str,
        deadline: Instant,
    ) -> Result<Lease, ChainError> {
        let late = |_| ChainError::Timeout { method, after: self.timeout };
        loop {
            let freed = self.freed.notified();
            let mut freed = std::pin::pin!(freed);
            freed.as_mut().enable(); // before looking, so that no release is missed
            let now = Instant::now();
            let able: Vec<_> = self.members.iter().filter(|member| may_serve(member)).collect();
            let ranks: Vec<_> = able.iter().filter_map(|member| Some((member.rank(now)?, *member))).collect();
            let Some(best) = ranks.iter().map(|(rank, _)| *rank).min() else {
                self.end_of_pause(&able, method, deadline).await?;
                continue;
            };
            let of_best = ranks.iter().filter(|(rank, _)| *rank == best).map(|(_, member)| *member);
            if let Some(lease) = self.cheaper_of_two(of_best, now) {
                return Ok(lease);
            }
            timeout_at(deadline, freed).await.map_err(late)?;
        }
    }

    /// A place at an endpoint other than `first` that works and has room now.
    pub(super) fn other(&self, first: &Arc<Member>) -> Option<Lease> {
        let now = Instant::now();
        let others = self.members.iter().filter(|member| !Arc::ptr_eq(member, first));
        let mut ranks: Vec<_> = others
            .filter(|member| member.state(now) != EndpointState::Ejected && member.health().has_room())
            .filter_map(|member| Some((member.rank(now)?, member)))
            .collect();
        ranks.sort_by_key(|(rank, _)| *rank);
        let best = ranks.first()?.0;
        self.cheaper_of_two(ranks.iter().filter(|(rank, _)| *rank == best).map(|(_, member)| *member), now)
    }

    /// Two at random and the better of them: enough to spread load, and no herd runs to one.
    fn cheaper_of_two<'a>(
        &'a self,
        members: impl Iterator<Item = &'a Arc<Member>>,
        now: Instant,
    ) -> Option<Lease> {
        let free = members.filter(|member| member.health().has_room());
        let two = free.choose_multiple(&mut rand::rng(), 2);
        let cost = |member: &Member| member.health().cost(now);
        let cheaper = two.into_iter().min_by(|one, other| cost(one).total_cmp(&cost(other)))?;
        Lease::take(cheaper, &self.freed)
    }

    /// Waits until the first rate limit ends; an error when that is past the deadline.
    async fn end_of_pause(
        &self,
        able: &[&Arc<Member>],
        method: &'static str,
        deadline: Instant,
    ) -> Result<(), ChainError> {
        let now = Instant::now();
        let right = able.iter().filter(|member| !member.health().is_other_chain);
        let until = right.map(|member| member.health().next_request(now)).min();
        let Some(until) = until else {
            if able.len() < self.members.len() {
                return Err(ChainError::NoOther);
            }
            able.iter().for_each(|member| member.health().hurry(now));
            return Err(ChainError::NoneServesChain);
        };
        if until >= deadline {
            let retry_after = Some(until.saturating_duration_since(now));
            return Err(ChainError::RateLimited { method, retry_after });
        }
        sleep_until(until).await;
        Ok(())
    }
}

//! Endpoints of one chain that serve requests together: who is asked, and who else when that fails.

mod allowance;
mod choose;
mod health;
mod member;
mod pair;
mod probe;
mod status;
mod verdict;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use capstan_primitives::{ChainId, Hash};
use futures::future::{Either, join_all, select};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

pub(crate) use pair::Said;
pub use status::{EndpointState, EndpointStatus, EvmUrl, Role};

use crate::{ChainError, rpc::Rpc};
use member::{Lease, Member};
use verdict::Verdict;

/// A head so many blocks behind the best is behind.
const LAG: u64 = 3;

/// The endpoints of one chain.
pub(crate) struct Pool {
    members: Vec<Arc<Member>>,
    identity: Arc<Identity>,
    timeout: Duration,
    hedge_after: Duration,
    freed: Arc<Notify>,
    probes: Mutex<JoinSet<()>>,
}

/// What all endpoints must agree on.
struct Identity {
    chain_id: ChainId,
    genesis: Mutex<Option<Hash>>,
}

/// An answer and who gave it.
struct Answered<T> {
    lease: Lease,
    result: Result<T, ChainError>,
}

impl<T> Answered<T> {
    fn verdict(&self) -> Verdict {
        Verdict::on(&self.result)
    }
}

impl Pool {
    /// Asks one endpoint, and one other when the first fails, lies, is behind or is slow, all
    /// within the deadline of one request. `method` names the question in errors.
    pub(crate) async fn ask<T, F, A>(&self, method: &'static str, question: A) -> Result<T, ChainError>
    where
        A: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
    {
        let deadline = Instant::now() + self.timeout;
        self.probe_if_due();
        let lease = self.place(method, deadline).await?;
        let wait = lease.member.health().hedge_after().max(self.hedge_after);
        // On the heap: a question may be on its way twice, and callers nest deep enough as it is.
        let put = |lease: Lease| {
            Box::pin(async {
                let result = question(Arc::clone(&lease.member.rpc)).await;
                let answered = Answered { lease, result };
                answered.lease.learn(answered.verdict());
                answered
            })
        };
        let (first_member, since) = (Arc::clone(&lease.member), Instant::now());
        let first = match select(put(lease), std::pin::pin!(sleep(wait))).await {
            Either::Left((answered, _)) => answered,
            Either::Right(((), first)) => {
                let Some(other) = self.other(&first_member) else {
                    return first.await.result;
                };
                return match select(first, put(other)).await {
                    Either::Left((first, other)) if first.verdict().another_may_help() => {
                        better(first, timeout_at(deadline, other).await.ok())
                    }
                    Either::Right((other, first)) if other.verdict().another_may_help() => {
                        better(other, timeout_at(deadline, first).await.ok())
                    }
                    Either::Left((first, _)) => first.result,
                    Either::Right((other, _)) => {
                        first_member.learn(Verdict::Outrun, since.elapsed());
                        other.result
                    }
                };
            }
        };
        if !first.verdict().another_may_help() {
            return first.result;
        }
        match self.other(&first_member) {
            Some(other) => better(first, timeout_at(deadline, put(other)).await.ok()),
            None => first.result,
        }
    }

    /// Asks every endpoint that works and has room, to compare what they say, and one that is configured
    /// twice once; teaches nothing of them.
    pub(crate) async fn ask_each<T, F, A>(&self, question: A) -> Vec<Result<T, ChainError>>
    where
        A: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
    {
        let now = Instant::now();
        let well = self
            .members
            .iter()
            .filter(|member| matches!(member.state(now), EndpointState::Ready | EndpointState::Lagging));
        let mut leases: Vec<Lease> = Vec::new();
        for member in well {
            if !leases.iter().any(|lease| lease.member.is_same_endpoint(member)) {
                leases.extend(Lease::take(member, &self.freed));
            }
        }
        join_all(leases.iter().map(|lease| question(Arc::clone(&lease.member.rpc)))).await
    }

    /// As [`Pool::ask_each`], without those whose places among the endpoints are in `heard`; every answer
    /// with the place of who gave it.
    pub(crate) async fn ask_others<T, F, A>(
        &self,
        heard: &BTreeSet<usize>,
        question: A,
    ) -> Vec<(usize, Result<T, ChainError>)>
    where
        A: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
    {
        let others = self.usable().filter(|(place, _)| !heard.contains(place));
        let leases = others.filter_map(|(place, member)| Some((place, Lease::take(member, &self.freed)?)));
        let leases: Vec<_> = leases.collect();
        let ask =
            async |(place, lease): &(usize, Lease)| (*place, question(Arc::clone(&lease.member.rpc)).await);
        join_all(leases.iter().map(ask)).await
    }

    /// How many endpoints must agree on what cannot be proved: two, unless only one can be asked now.
    pub(crate) fn witnesses(&self) -> usize {
        self.usable().map(|(place, _)| place).collect::<BTreeSet<_>>().len().clamp(1, 2)
    }

    /// How many endpoints there are; one that is configured twice counts once.
    pub(crate) fn size(&self) -> usize {
        self.members.iter().map(|member| member.place).collect::<BTreeSet<_>>().len()
    }

    /// The endpoints that work, with their places.
    fn usable(&self) -> impl Iterator<Item = (usize, &Arc<Member>)> {
        let now = Instant::now();
        let works =
            move |member: &Member| matches!(member.state(now), EndpointState::Ready | EndpointState::Lagging);
        self.members.iter().filter(move |member| works(member)).map(|member| (member.place, member))
    }

    /// Takes note that an earlier answer of the endpoint behind `rpc` proved wrong.
    pub(crate) fn lied(&self, rpc: &Arc<Rpc>) {
        if let Some(member) = self.behind(rpc) {
            member.learn(Verdict::Lie, Duration::ZERO);
        }
    }

    /// What an operator can see of the endpoints.
    pub(crate) fn status(&self) -> Vec<EndpointStatus> {
        let now = Instant::now();
        self.members.iter().map(|member| member.status(now)).collect()
    }

    /// Takes note of the head that the endpoint behind `rpc` has.
    pub(crate) fn saw_head(&self, rpc: &Arc<Rpc>, head: u64) {
        if let Some(member) = self.behind(rpc) {
            self.note_head(member, head);
        }
    }

    fn note_head(&self, member: &Member, head: u64) {
        let others = self.members.iter().filter(|other| !std::ptr::eq(other.as_ref(), member));
        let best = others.filter_map(|other| other.health().head).max();
        let mut health = member.health();
        health.head = Some(head);
        if best.is_some_and(|best| head.saturating_add(LAG) < best) {
            health.lags(Instant::now());
        } else {
            health.lagging_until = None;
        }
    }

    fn probe_if_due(&self) {
        let now = Instant::now();
        let best = self.members.iter().filter_map(|member| member.health().head).max();
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        while probes.try_join_next().is_some() {}
        for member in self.members.iter().filter(|member| probe::begin(member, now)) {
            probes.spawn(probe::look_at(Arc::clone(member), Arc::clone(&self.identity), best));
        }
    }
}

/// The answer to keep of two, when the first one is not good.
fn better<T>(first: Answered<T>, second: Option<Answered<T>>) -> Result<T, ChainError> {
    let Some(second) = second else {
        return first.result;
    };
    match (first.verdict(), second.verdict()) {
        (Verdict::Behind, Verdict::Good) => {
            first.lease.member.health().lags(Instant::now());
            second.result
        }
        (Verdict::Flood, Verdict::Good) => {
            first.lease.learn(Verdict::Failed);
            second.result
        }
        (_, Verdict::Good | Verdict::Refused) => second.result,
        // That a block is unknown says more than that the other endpoint did not answer.
        (Verdict::Failed | Verdict::Limited(_), Verdict::Behind | Verdict::Lie) => second.result,
        _ => first.result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{endpoint::Endpoint, transport::Budget};

    #[test]
    fn a_lie_counts_also_when_the_endpoint_has_no_room() {
        crate::install_crypto_provider();
        let endpoint = Endpoint::parse(0, "http://127.0.0.1:1").unwrap();
        let rpc = Rpc::new(&endpoint, Duration::from_secs(1), &Budget::new(1)).unwrap();
        let member = Arc::new(Member::new(endpoint.to_string(), 0, Role::Primary, rpc));
        let pool = Pool {
            members: vec![Arc::clone(&member)],
            identity: Arc::new(Identity { chain_id: ChainId(1), genesis: Mutex::default() }),
            timeout: Duration::from_secs(1),
            hedge_after: Duration::ZERO,
            freed: Arc::default(),
            probes: Mutex::default(),
        };
        let leases: Vec<_> = std::iter::from_fn(|| Lease::take(&member, &pool.freed)).collect();
        assert!(!leases.is_empty() && !member.health().has_room());
        pool.lied(&member.rpc);
        assert_eq!(member.health().lies, 1);
    }
}

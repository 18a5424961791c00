//! Two endpoints that are asked the same, so that neither has to be believed.

use std::sync::Arc;

use futures::future::join;
use tokio::time::{Instant, timeout_at};

use super::{Answered, Lease, Member, Pool, Verdict};
use crate::{ChainError, rpc::Rpc};

/// What one endpoint said.
pub(crate) struct Said<T> {
    pub(crate) what: T,
    pub(crate) rpc: Arc<Rpc>,
}

impl Pool {
    /// Asks two endpoints at a time, the second perhaps for less, and another in place of one that does
    /// not answer; all within the deadline of one request.
    ///
    /// # Errors
    /// [`ChainError::NoOther`] when there is no second one that works, and what the one said that did not
    /// answer.
    pub(crate) async fn ask_two<T, U, F, S>(
        &self,
        method: &'static str,
        first: impl Fn(Arc<Rpc>) -> F,
        second: impl Fn(Arc<Rpc>) -> S,
    ) -> Result<(Said<T>, Said<U>), ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
        S: Future<Output = Result<U, ChainError>>,
    {
        let deadline = Instant::now() + self.timeout;
        self.probe_if_due();
        let one = self.place(method, deadline).await?;
        let other = self.place_beside(&[Arc::clone(&one.member)], method, deadline).await?;
        // On the heap, as in `ask`: callers nest deep enough as it is.
        let (one, other) = join(Box::pin(put(one, &first)), Box::pin(put(other, &second))).await;
        match (one.result.is_ok(), other.result.is_ok()) {
            (true, true) => Ok((said(one)?, said(other)?)),
            (true, false) => {
                let beside = (Arc::clone(&one.lease.member), method, deadline);
                Ok((said(one)?, Box::pin(self.in_place_of(other, beside, &second)).await?))
            }
            (false, true) => {
                let beside = (Arc::clone(&other.lease.member), method, deadline);
                Ok((Box::pin(self.in_place_of(one, beside, &first)).await?, said(other)?))
            }
            (false, false) => Err(one.result.err().or(other.result.err()).unwrap_or(ChainError::NoOther)),
        }
    }

    /// What an endpoint says that is none of these two, if there is one that answers.
    pub(crate) async fn ask_third<T, F>(
        &self,
        beside: [&Arc<Rpc>; 2],
        method: &'static str,
        question: impl Fn(Arc<Rpc>) -> F,
    ) -> Option<Said<T>>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let asked: Vec<_> = beside.into_iter().filter_map(|rpc| self.behind(rpc)).cloned().collect();
        let lease = self.place_beside(&asked, method, Instant::now() + self.timeout).await.ok()?;
        said(Box::pin(put(lease, &question)).await).ok()
    }

    /// Scheme, host and port of the endpoint behind `rpc`.
    pub(crate) fn url_of(&self, rpc: &Arc<Rpc>) -> &str {
        self.behind(rpc).map(|member| member.url.as_str()).unwrap_or_default()
    }

    pub(super) fn behind(&self, rpc: &Arc<Rpc>) -> Option<&Arc<Member>> {
        self.members.iter().find(|member| Arc::ptr_eq(&member.rpc, rpc))
    }

    /// What another endpoint says in place of the one that `failed`, or that one again when its pause ends in
    /// time; why it failed when none does better.
    async fn in_place_of<T, F>(
        &self,
        mut failed: Answered<T>,
        (beside, method, deadline): (Arc<Member>, &'static str, Instant),
        question: &impl Fn(Arc<Rpc>) -> F,
    ) -> Result<Said<T>, ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let mut tried = vec![beside];
        loop {
            let verdict = failed.verdict();
            if !matches!(verdict, Verdict::Limited(_)) {
                failed.was_worse(verdict);
                tried.push(Arc::clone(&failed.lease.member));
            }
            let why = match said(failed) {
                Err(why) if verdict != Verdict::Refused => why, // its place is free again
                settled => return settled,
            };
            let Ok(lease) = self.place_beside(&tried, method, deadline).await else { return Err(why) };
            let Ok(answered) = timeout_at(deadline, Box::pin(put(lease, question))).await else {
                return Err(why);
            };
            failed = answered;
        }
    }
}

impl<T> Answered<T> {
    /// Another endpoint answered the same question.
    fn was_worse(&self, verdict: Verdict) {
        match verdict {
            Verdict::Behind => self.lease.member.health().lags(Instant::now()),
            Verdict::Flood => self.lease.learn(Verdict::Failed),
            _ => {}
        }
    }
}

async fn put<T, F>(lease: Lease, question: &impl Fn(Arc<Rpc>) -> F) -> Answered<T>
where
    F: Future<Output = Result<T, ChainError>>,
{
    let result = question(Arc::clone(&lease.member.rpc)).await;
    let answered = Answered { lease, result };
    answered.lease.learn(answered.verdict());
    answered
}

fn said<T>(answered: Answered<T>) -> Result<Said<T>, ChainError> {
    Ok(Said { what: answered.result?, rpc: Arc::clone(&answered.lease.member.rpc) })
}

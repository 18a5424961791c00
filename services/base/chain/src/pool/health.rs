//! What is known of one endpoint: its speed, its failures, its limit and its head.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use crate::pool::{allowance::Allowance, verdict::Verdict};

/// Failures in a row, or lies within a while, that eject an endpoint.
const STRIKES: u32 = 3;
/// Answers in a row for which others had to stand in, that eject a slow endpoint.
const OUTRUNS: u32 = 6;
/// Good answers after which earlier lies and ejections are forgotten.
const FORGIVEN_AFTER: u32 = 50;
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(60);
/// An endpoint of another chain is looked at again after this when there is no other one.
const LONGEST_ALONE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that asks for more is asked again after this all the same.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
const FIRST_LIMIT: f64 = 16.0;
const HIGHEST_LIMIT: f64 = 256.0;
/// Weight of a new measurement in the averages.
const WEIGHT: f64 = 0.2;
/// An endpoint that was not asked for so long seems half as slow, so that it is tried again.
const HALF_LIFE: f64 = 5.0;
const LONGEST_HEDGE: f64 = 1.0;
const FIRST_HEDGE: f64 = 0.5;

/// State and statistics of one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Health {
    /// Seconds; absent before the first answer.
    latency: Option<f64>,
    deviation: f64,
    measured: Instant,
    limit: f64,
    pauses: u32,
    failures: u32,
    outruns: u32,
    strikes: u32,
    good: u32,
    ejections: u32,
    pub(super) in_flight: u32,
    /// Rate limited until then.
    pub(super) paused_until: Option<Instant>,
    /// Ejected; asked again, for its chain only, from then on.
    pub(super) ejected_until: Option<Instant>,
    /// Behind the others; looked at again from then on.
    pub(super) lagging_until: Option<Instant>,
    /// What it may be sent.
    pub(super) allowance: Option<Allowance>,
    pub(super) probing: bool,
    /// Serves another chain, or never proved to serve this one: it must not be asked even when nobody else
    /// is left.
    pub(super) is_other_chain: bool,
    pub(super) head: Option<u64>,
    pub(super) errors: u64,
    pub(super) lies: u64,
    pub(super) rate_limited: u64,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            latency: None,
            deviation: 0.0,
            measured: now,
            limit: FIRST_LIMIT,
            pauses: 0,
            failures: 0,
            outruns: 0,
            strikes: 0,
            good: 0,
            ejections: 0,
            in_flight: 0,
            paused_until: None,
            ejected_until: None,
            lagging_until: None,
            allowance: None,
            probing: false,
            is_other_chain: false,
            head: None,
            errors: 0,
            lies: 0,
            rate_limited: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        f64::from(self.in_flight) < self.limit
    }

    /// Requests at a time.
    pub(super) fn limit(&self) -> u32 {
        (1..=256).rev().find(|limit| f64::from(*limit) <= self.limit).unwrap_or(1)
    }

    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// When it may be asked again: it wanted a pause, or has had its requests of this second.
    pub(super) fn next_request(&self, now: Instant) -> Instant {
        let allowed = self.allowance.as_ref().map_or(now, |allowance| allowance.next(now));
        self.paused_until.map_or(allowed, |until| until.max(allowed))
    }

    pub(super) fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.latency.unwrap_or(0.0))
    }

    /// Lower is better: the expected wait, with those asked long ago getting another chance.
    pub(super) fn cost(&self, now: Instant) -> f64 {
        let idle = now.saturating_duration_since(self.measured).as_secs_f64();
        self.latency.unwrap_or(0.0) * f64::from(self.in_flight + 1) / (1.0 + idle / HALF_LIFE)
    }

    /// How long an answer is waited for before another endpoint is asked too: about its 95th percentile.
    pub(super) fn hedge_after(&self) -> Duration {
        let usual = self.latency.map_or(FIRST_HEDGE, |mean| mean + 4.0 * self.deviation);
        Duration::from_secs_f64(usual.min(LONGEST_HEDGE))
    }

    /// Learns from one answer, or from the lack of it.
    pub(super) fn learn(&mut self, verdict: Verdict, took: Duration, now: Instant) {
        match verdict {
            Verdict::Good | Verdict::Behind | Verdict::Refused => {
                self.measure(took, now);
                self.succeed(now);
            }
            Verdict::Unable => self.measure(took, now),
            Verdict::Outrun => {
                self.measure(took, now);
                self.outruns = self.outruns.saturating_add(1);
                if took.as_secs_f64() >= LONGEST_HEDGE {
                    self.fail(now);
                } else if self.outruns >= OUTRUNS {
                    self.errors += 1;
                    self.eject(now);
                }
            }
            Verdict::Flood => {}
            Verdict::Failed => self.fail(now),
            Verdict::Lie => {
                self.lies += 1;
                self.good = 0;
                self.strikes += 1;
                if self.strikes >= STRIKES {
                    self.eject(now);
                }
            }
            Verdict::Limited(retry_after) => self.pause(retry_after, now),
        }
    }

    /// Keeps an endpoint out until a probe finds it well.
    pub(super) fn eject(&mut self, now: Instant) {
        if self.ejected_until.is_some_and(|until| until > now) {
            return; // requests that were under way together count once
        }
        let wait = FIRST_EJECTION.saturating_mul(2_u32.saturating_pow(self.ejections)).min(LONGEST_EJECTION);
        self.ejections = self.ejections.saturating_add(1);
        self.ejected_until = Some(now + jittered(wait));
        self.head = None;
    }

    /// Brings the next look at an endpoint forward, as none serves the chain.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.ejected_until = self.ejected_until.map(|until| until.min(now + jittered(LONGEST_ALONE)));
    }

    /// Lets an endpoint back in on probation: one more failure ejects it, for longer.
    pub(super) fn readmit(&mut self) {
        self.ejected_until = None;
        self.is_other_chain = false;
        (self.failures, self.strikes, self.good) = (STRIKES - 1, STRIKES - 1, 0);
        (self.latency, self.deviation, self.outruns) = (None, 0.0, 0);
    }

    /// Prefers others for a while.
    pub(super) fn lags(&mut self, now: Instant) {
        self.lagging_until = Some(now + jittered(FIRST_EJECTION));
    }

    fn measure(&mut self, took: Duration, now: Instant) {
        let seconds = took.as_secs_f64();
        let mean = self.latency.unwrap_or(seconds);
        self.deviation += WEIGHT * ((seconds - mean).abs() - self.deviation);
        self.latency = Some(mean + WEIGHT * (seconds - mean));
        self.measured = now;
    }

    fn succeed(&mut self, now: Instant) {
        self.failures = 0;
        if self.strikes < STRIKES {
            // Asked because nobody else was left, it answered: look at it now.
            self.ejected_until = self.ejected_until.map(|until| until.min(now));
        }
        self.pauses = 0;
        self.outruns = 0;
        self.limit = (self.limit + 1.0 / self.limit).min(HIGHEST_LIMIT);
        self.good = self.good.saturating_add(1);
        if self.good >= FORGIVEN_AFTER {
            (self.strikes, self.ejections) = (0, 0);
        }
    }

    fn fail(&mut self, now: Instant) {
        self.errors += 1;
        self.good = 0;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= STRIKES {
            self.eject(now);
        }
    }

    fn pause(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.rate_limited += 1;
        // Answers to requests that were under way together say one thing, not many.
        if !self.is_paused(now) {
            self.limit = (self.limit / 2.0).max(1.0);
            self.pauses = self.pauses.saturating_add(1);
        }
        let own = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.pauses.saturating_sub(1)));
        let wait = retry_after
            .map_or_else(|| jittered(own.min(LONGEST_PAUSE)), |asked| asked.min(LONGEST_RETRY_AFTER));
        self.paused_until = self.paused_until.max(Some(now + wait));
    }
}

/// At most a quarter less, so that many clients do not return at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.75..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn health() -> (Health, Instant) {
        let now = Instant::now();
        (Health::new(now), now)
    }

    #[test]
    fn three_failures_in_a_row_eject_and_each_time_for_longer() {
        let (mut health, now) = health();
        health.learn(Verdict::Failed, MS, now);
        health.learn(Verdict::Good, MS, now);
        health.learn(Verdict::Failed, MS, now);
        health.learn(Verdict::Failed, MS, now);
        assert_eq!(health.ejected_until, None);
        health.learn(Verdict::Failed, MS, now);
        let first = health.ejected_until.unwrap();
        assert!(first <= now + FIRST_EJECTION);
        health.readmit();
        health.learn(Verdict::Failed, MS, now);
        assert!(health.ejected_until.unwrap() > first);
    }

    #[test]
    fn where_nobody_else_serves_the_chain_the_next_look_is_soon_however_often_it_was_ejected() {
        let (mut health, now) = health();
        for _ in 0..20 {
            health.ejected_until = None;
            health.eject(now);
        }
        assert!(health.ejected_until.unwrap() > now + LONGEST_ALONE);
        health.hurry(now);
        let until = health.ejected_until.unwrap();
        assert!(until <= now + LONGEST_ALONE);
        health.hurry(now + LONGEST_ALONE);
        assert_eq!(health.ejected_until, Some(until), "it does not recede");
    }

    #[test]
    fn lies_between_good_answers_are_remembered() {
        let (mut health, now) = health();
        for _ in 0..3 {
            assert_eq!(health.ejected_until, None);
            health.learn(Verdict::Good, MS, now);
            health.learn(Verdict::Lie, MS, now);
        }
        assert!(health.ejected_until.is_some());
    }

    #[test]
    fn a_rate_limit_halves_the_limit_once_and_waits_as_long_as_asked() {
        let (mut health, now) = health();
        health.learn(Verdict::Limited(Some(Duration::from_secs(7))), MS, now);
        health.learn(Verdict::Limited(None), MS, now);
        assert_eq!((health.limit(), health.rate_limited), (8, 2));
        assert_eq!(health.paused_until, Some(now + Duration::from_secs(7)));
        (0..9).for_each(|_| health.learn(Verdict::Good, MS, now));
        assert_eq!(health.limit(), 9);
    }

    #[test]
    fn a_slow_endpoint_costs_more_until_it_was_not_asked_for_long() {
        let (mut slow, now) = health();
        let mut fast = Health::new(now);
        slow.learn(Verdict::Good, MS * 400, now);
        fast.learn(Verdict::Good, MS * 100, now);
        assert!(slow.cost(now) > fast.cost(now));
        let later = now + Duration::from_secs(60);
        fast.learn(Verdict::Good, MS * 100, later);
        assert!(slow.cost(later) < fast.cost(later));
    }
}

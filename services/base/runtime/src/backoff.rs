//! Waits between tries of what fails.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// Waits that double from try to try. Each is up to a fifth longer or shorter than that, so that those
/// who failed together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// A try worked: the next wait is as short as the first one.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// How long to wait after a try that failed; about `longest` at most.
    pub fn failed(&mut self, longest: Duration) -> Duration {
        let wait = self.next.min(longest);
        self.next = wait.saturating_mul(2);
        jittered(wait)
    }
}

/// About `wait`: up to a fifth longer or shorter.
#[must_use]
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.8..1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(1);

    /// Whether a wait is one of about so many milliseconds.
    fn is_about(wait: Duration, millis: u64) -> bool {
        let wanted = Duration::from_millis(millis);
        (wanted.mul_f64(0.8)..=wanted.mul_f64(1.2)).contains(&wait)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for millis in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.failed(LONGEST);
            assert!(is_about(wait, millis), "{wait:?} is not about {millis} ms");
        }
        assert!(is_about(backoff.failed(LONGEST / 4), 250), "another failure may be waited for less");
        assert!(is_about(backoff.failed(LONGEST), 500));
    }

    #[test]
    fn what_worked_makes_waits_short_again() {
        let mut backoff = Backoff::default();
        while !is_about(backoff.failed(LONGEST), 800) {}
        backoff.worked();
        assert!(is_about(backoff.failed(LONGEST), 100));
    }

    #[test]
    fn those_who_failed_together_come_back_apart() {
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| jittered(LONGEST)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }
}

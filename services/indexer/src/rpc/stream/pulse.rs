//! When a subscriber has to hear something.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Within ten seconds, with the time that it takes to get there.
const LONGEST_SILENCE: Duration = Duration::from_secs(9);

/// When a subscriber heard something last.
#[derive(Debug)]
pub(super) struct Pulse(Instant);

impl Pulse {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// The subscriber took a message.
    pub(super) fn beat(&mut self) {
        self.0 = Instant::now();
    }

    /// Whether it has to hear something by now.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.end()
    }

    /// Waits until it has to hear something, however often it is asked meanwhile.
    pub(super) async fn due(&self) {
        sleep_until(self.end()).await;
    }

    fn end(&self) -> Instant {
        self.0 + LONGEST_SILENCE
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn ten_seconds_of_silence_do_not_pass_however_often_who_waits_is_woken() {
        let heard = |seconds_ago| Pulse(Instant::now() - Duration::from_secs(seconds_ago));
        assert!(!heard(8).is_due() && heard(8).due().now_or_never().is_none());
        let mut pulse = heard(10);
        assert!(pulse.is_due());
        tokio::select! {
            biased;
            () = pulse.due() => {}
            () = std::future::ready(()) => panic!("who is always woken never hears anything"),
        }
        pulse.beat();
        assert!(!pulse.is_due() && pulse.due().now_or_never().is_none());
    }
}

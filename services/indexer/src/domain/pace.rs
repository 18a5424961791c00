//! How fast a log grows, and when it will have caught up.

use std::{collections::VecDeque, time::Duration};

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// What is seen more often than this is remembered once.
const GRAIN: Duration = Duration::from_millis(500);

/// How far a log was at some moments.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    seen: VecDeque<Sample>,
    newest: Option<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    block: u64,
    events: u64,
}

/// How fast a log grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Blocks a second.
    pub blocks: f64,
    /// Logs a second.
    pub events: f64,
}

impl Rate {
    /// Time until `blocks` more blocks are there; `None` while nothing moves.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "heights are far below 2^52")]
    pub fn eta(self, blocks: u64) -> Option<Duration> {
        Duration::try_from_secs_f64(blocks as f64 / self.blocks).ok()
    }
}

impl Pace {
    /// At `at`, from whichever beginning, the newest block was `block`, and there were `events` logs.
    pub fn saw(&mut self, at: Duration, block: u64, events: u64) {
        let sample = Sample { at, block, events };
        if self.newest.is_some_and(|newest| block < newest.block) {
            self.seen.clear();
        }
        self.newest = Some(sample);
        if self.seen.back().is_none_or(|last| at.saturating_sub(last.at) >= GRAIN) {
            self.seen.push_back(sample);
        }
        while self.seen.len() > 2 && self.seen.get(1).is_some_and(|next| at.saturating_sub(next.at) >= WINDOW)
        {
            self.seen.pop_front();
        }
    }

    /// The rate over the last seconds; `None` before a second has passed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "heights are far below 2^52")]
    pub fn rate(&self) -> Option<Rate> {
        let (first, last) = (self.seen.front()?, self.newest?);
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        let per_second = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        let rate = Rate {
            blocks: per_second(first.block, last.block),
            events: per_second(first.events, last.events),
        };
        (seconds >= 1.0).then_some(rate)
    }
}

/// How far reading history has come, in one line for people.
#[must_use]
pub fn progress_line(name: &str, indexed: u64, head: u64, rate: Option<Rate>) -> String {
    let place = format!("{name}: block {indexed} of {head}");
    let Some(rate) = rate else { return place };
    let eta = rate.eta(head.saturating_sub(indexed)).map_or_else(|| "unknown".to_owned(), in_words);
    format!("{place}, {:.0} blocks/s, {:.0} events/s, ETA {eta}", rate.blocks, rate.events)
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut pace = Pace::default();
        pace.saw(at(0), 1_000, 0);
        assert_eq!(pace.rate(), None);
        for second in 1..=20 {
            pace.saw(at(second), 1_000 + second * 10, second * 3);
        }
        assert_eq!(pace.rate(), Some(Rate { blocks: 10.0, events: 3.0 }));
        for second in 21..=40 {
            pace.saw(at(second), 1_200 + (second - 20) * 100, 60);
        }
        let rate = pace.rate().unwrap();
        assert_eq!(rate, Rate { blocks: 100.0, events: 0.0 });
        assert_eq!(rate.eta(1_500), Some(at(15)));
        assert_eq!(Rate { blocks: 0.0, ..rate }.eta(1), None);
    }

    #[test]
    fn what_was_before_a_reorg_does_not_count() {
        let mut pace = Pace::default();
        pace.saw(at(0), 1_000, 0);
        pace.saw(at(5), 2_000, 0);
        pace.saw(at(6), 1_990, 0);
        assert_eq!(pace.rate(), None);
        pace.saw(at(8), 2_000, 0);
        assert_eq!(pace.rate().unwrap().blocks, 5.0);
    }

    #[test]
    fn the_line_says_how_far_and_how_long() {
        let rate = |blocks| Some(Rate { blocks, events: 12.4 });
        for (blocks, line) in [
            (1_000.0, "base: block 9000 of 99000, 1000 blocks/s, 12 events/s, ETA 1 min 30 s"),
            (3_000.0, "base: block 9000 of 99000, 3000 blocks/s, 12 events/s, ETA 30 s"),
            (10.0, "base: block 9000 of 99000, 10 blocks/s, 12 events/s, ETA 2 h 30 min"),
            (0.5, "base: block 9000 of 99000, 0 blocks/s, 12 events/s, ETA 2 d 2 h"),
            (0.0, "base: block 9000 of 99000, 0 blocks/s, 12 events/s, ETA unknown"),
        ] {
            assert_eq!(progress_line("base", 9_000, 99_000, rate(blocks)), line);
        }
        assert_eq!(progress_line("base", 0, 5, None), "base: block 0 of 5");
    }
}

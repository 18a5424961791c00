//! What was measured of the market: a table for people, and one line of JSON for programs.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{options::Options, projection::Projected, reads::Answers, streams::Heard};
use crate::report::{Machine, median, rounded};

/// How long things took.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The time that this share of them, in percent, does not exceed, in milliseconds.
    fn percentile(&self, percent: usize) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
        sorted.get(at).map(|time| rounded(time.as_secs_f64() * 1_000.0, 2))
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent).unwrap_or_default());
        write!(f, "p50 {half:>7.2}  p99 {most:>7.2}  most {all:>7.2} ms")
    }
}

/// Everything that was measured; what was left out is empty.
#[derive(Default)]
pub(super) struct Results {
    pub(super) events: u64,
    pub(super) postgres: Vec<Projected>,
    pub(super) sqlite: Vec<Projected>,
    /// Markets, trades, and the seconds that it took to make them.
    pub(super) seeded: Option<(i64, i64, f64)>,
    pub(super) answers: Option<Answers>,
    /// The same questions to a market with little history.
    pub(super) small: Option<Answers>,
    /// Largest resident memory after the questions, in MiB: with little history, and with much.
    pub(super) rss_mib: [Option<f64>; 2],
    pub(super) heard: Option<Heard>,
    /// Largest resident memory with all subscribers, in MiB.
    pub(super) streams_rss_mib: Option<f64>,
}

/// The last line of the output.
#[derive(Debug, Serialize)]
struct Summary {
    events: u64,
    runs: u32,
    events_per_s_per_core_postgres: Option<f64>,
    events_per_s_per_core_sqlite: Option<f64>,
    events_per_s_per_core_postgres_with_server: Option<f64>,
    events_per_s_postgres: Option<f64>,
    events_per_s_sqlite: Option<f64>,
    rss_mib_postgres: Option<f64>,
    rss_mib_postgres_early: Option<f64>,
    rss_mib_sqlite: Option<f64>,
    rss_mib_sqlite_early: Option<f64>,
    markets: Option<i64>,
    trades: Option<i64>,
    seed_s: Option<f64>,
    reads: u32,
    list_p50_ms: Option<f64>,
    list_p99_ms: Option<f64>,
    list_worst_p99_ms: Option<f64>,
    list_worst: Option<String>,
    list_largest_pages_p99_ms: Option<f64>,
    list_crowded_p99_ms: Option<f64>,
    detail_p50_ms: Option<f64>,
    detail_p99_ms: Option<f64>,
    detail_crowded_p99_ms: Option<f64>,
    batch_p50_ms: Option<f64>,
    batch_p99_ms: Option<f64>,
    lists_p99_ms: BTreeMap<String, f64>,
    list_p99_ms_little_history: Option<f64>,
    rss_mib_little_history: Option<f64>,
    rss_mib_much_history: Option<f64>,
    subscribers: u32,
    blocks: u32,
    stream_p50_ms: Option<f64>,
    stream_p99_ms: Option<f64>,
    stream_last_p50_ms: Option<f64>,
    stream_last_p99_ms: Option<f64>,
    stream_cpu_s_a_block: Option<f64>,
    stream_rss_mib: Option<f64>,
    #[serde(flatten)]
    machine: Machine,
}

impl Results {
    /// The table and the line of JSON.
    pub(super) fn report(&self, options: &Options, machine: Machine) -> Result<String, serde_json::Error> {
        let mut lines = vec![format!("{machine}")];
        for (name, runs) in [("PostgreSQL", &self.postgres), ("SQLite", &self.sqlite)] {
            if let Some(speed) = per_core(runs) {
                let events = self.events;
                lines.push(format!("projection on {name}: {speed:.0} events a second and core, of {events}"));
            }
        }
        if let Some(answers) = &self.answers {
            lines.extend(answers.lists.iter().map(|(name, times)| format!("{name:<28} {times}")));
            lines.push(format!("{:<28} {}", "one market", answers.detail));
            lines.push(format!("{:<28} {}", "a hundred markets", answers.batch));
            lines.push(format!("{:<28} {}", "lists, four clients", answers.crowded));
            lines.push(format!("{:<28} {}", "one market, four clients", answers.crowded_detail));
        }
        if let Some(heard) = &self.heard {
            lines.push(format!("{:<28} {}", "messages of streams", heard.messages));
            lines.push(format!("{:<28} {}", "the last of each block", heard.blocks));
        }
        lines.push(String::new());
        lines.push(serde_json::to_string(&self.summary(options, machine))?);
        Ok(lines.join("\n"))
    }

    fn summary(&self, options: &Options, machine: Machine) -> Summary {
        let answers = self.answers.as_ref();
        let all = answers.map(|answers| together(&answers.lists));
        let worst = answers.and_then(worst);
        let heard = self.heard.as_ref();
        let [rss_little, rss_much] = self.rss_mib.map(|mib| mib.map(|mib| rounded(mib, 1)));
        Summary {
            events: self.events,
            runs: options.runs,
            events_per_s_per_core_postgres: per_core(&self.postgres),
            events_per_s_per_core_sqlite: per_core(&self.sqlite),
            events_per_s_per_core_postgres_with_server: of_runs(&self.postgres, |run| {
                run.per_core_with_server
            }),
            events_per_s_postgres: of_runs(&self.postgres, |run| Some(run.run.rows_per_s)),
            events_per_s_sqlite: of_runs(&self.sqlite, |run| Some(run.run.rows_per_s)),
            rss_mib_postgres: of_runs(&self.postgres, |run| run.run.rss_mib),
            rss_mib_postgres_early: of_runs(&self.postgres, |run| Some(run.early_rss_mib)),
            rss_mib_sqlite: of_runs(&self.sqlite, |run| run.run.rss_mib),
            rss_mib_sqlite_early: of_runs(&self.sqlite, |run| Some(run.early_rss_mib)),
            markets: self.seeded.map(|(markets, _, _)| markets),
            trades: self.seeded.map(|(_, trades, _)| trades),
            seed_s: self.seeded.map(|(_, _, seconds)| rounded(seconds, 1)),
            reads: options.reads,
            list_p50_ms: all.as_ref().and_then(|times| times.percentile(50)),
            list_p99_ms: all.as_ref().and_then(|times| times.percentile(99)),
            list_worst_p99_ms: worst.as_ref().map(|(_, time)| *time),
            list_worst: worst.map(|(name, _)| name),
            list_largest_pages_p99_ms: answers.and_then(|it| together(&it.largest).percentile(99)),
            list_crowded_p99_ms: answers.and_then(|it| it.crowded.percentile(99)),
            detail_p50_ms: answers.and_then(|it| it.detail.percentile(50)),
            detail_p99_ms: answers.and_then(|it| it.detail.percentile(99)),
            detail_crowded_p99_ms: answers.and_then(|it| it.crowded_detail.percentile(99)),
            batch_p50_ms: answers.and_then(|it| it.batch.percentile(50)),
            batch_p99_ms: answers.and_then(|it| it.batch.percentile(99)),
            lists_p99_ms: answers.map(p99_of_lists).unwrap_or_default(),
            list_p99_ms_little_history: self.small.as_ref().and_then(|it| together(&it.lists).percentile(99)),
            rss_mib_little_history: rss_little,
            rss_mib_much_history: rss_much,
            subscribers: options.subscribers,
            blocks: options.live_blocks,
            stream_p50_ms: heard.and_then(|heard| heard.messages.percentile(50)),
            stream_p99_ms: heard.and_then(|heard| heard.messages.percentile(99)),
            stream_last_p50_ms: heard.and_then(|heard| heard.blocks.percentile(50)),
            stream_last_p99_ms: heard.and_then(|heard| heard.blocks.percentile(99)),
            stream_cpu_s_a_block: heard.map(|heard| rounded(heard.cpu_s_a_block, 3)),
            stream_rss_mib: self.streams_rss_mib.map(|mib| rounded(mib, 1)),
            machine: machine.at_the_end(),
        }
    }
}

fn per_core(runs: &[Projected]) -> Option<f64> {
    of_runs(runs, |run| Some(run.per_core))
}

fn of_runs(runs: &[Projected], value: impl Fn(&Projected) -> Option<f64>) -> Option<f64> {
    median(runs.iter().filter_map(value)).map(|value| rounded(value, 0))
}

/// All lists count alike, as each was asked for as often.
fn together(lists: &BTreeMap<String, Times>) -> Times {
    let mut all = Times::default();
    lists.values().for_each(|times| all.append(times.clone()));
    all
}

fn p99_of_lists(answers: &Answers) -> BTreeMap<String, f64> {
    let of = |(name, times): (&String, &Times)| Some((name.clone(), times.percentile(99)?));
    answers.lists.iter().filter_map(of).collect()
}

fn worst(answers: &Answers) -> Option<(String, f64)> {
    p99_of_lists(answers).into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times = Times((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!([50, 99, 100].map(|percent| times.percentile(percent)), [100.0, 198.0, 200.0].map(Some));
        assert_eq!(Times::default().percentile(99), None);
    }
}

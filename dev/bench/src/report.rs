//! What was measured: medians, a table for people, and one line of JSON for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    fs,
    time::Duration,
};

use serde::Serialize;

use crate::indexer::Synced;

/// One run of something that reads the whole chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) rows_per_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) rss_mib: Option<f64>,
    pub(crate) cpu_s: Option<f64>,
}

impl Run {
    /// A run without a process of its own.
    pub(crate) fn of(rows: u64, wall: Duration) -> Self {
        let wall_s = wall.as_secs_f64();
        Self { rows_per_s: per_second(rows, wall), wall_s, rss_mib: None, cpu_s: None }
    }

    pub(crate) fn of_process(rows: u64, synced: &Synced) -> Self {
        let usage = synced.usage;
        Self { rss_mib: Some(usage.rss_mib), cpu_s: Some(usage.cpu_s), ..Self::of(rows, synced.wall) }
    }
}

/// Latencies of one run over many blocks, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The machine and what else it did.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    /// Means over one minute when the measurement began and ended.
    load_average: [f64; 2],
}

impl Machine {
    pub(crate) fn read() -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find(|line| line.starts_with("model name"));
        let cpu = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_owned();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self { cpu, cores, load_average: [load_average(), 0.0] }
    }

    /// With the load of now as that of the end.
    pub(crate) fn at_the_end(self) -> Self {
        let [before, _] = self.load_average;
        Self { load_average: [before, load_average()], ..self }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.cores, self.cpu)
    }
}

/// Everything that was measured; what was left out is empty.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) floor_serial: Vec<Run>,
    pub(crate) floor_overlapped: Vec<Run>,
    pub(crate) postgres: Vec<Run>,
    pub(crate) sqlite: Vec<Run>,
    pub(crate) agreement: Vec<Run>,
    pub(crate) latency: Vec<Run>,
    pub(crate) ponder: Vec<Run>,
    /// Calls of one run by method.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) http_requests: u64,
    /// Events a second of every replay.
    pub(crate) replays: Vec<f64>,
    pub(crate) live: Vec<Latencies>,
}

/// The last line of the output.
#[derive(Debug, Serialize)]
struct Summary {
    rows: u64,
    runs: u32,
    ponder_runs: usize,
    rows_per_s_over_overlapped_floor: Option<f64>,
    rows_per_s_over_ponder: Option<f64>,
    rss_mib: Option<f64>,
    cpu_s: Option<f64>,
    rpc_calls: Option<u64>,
    rpc_http_requests: Option<u64>,
    latency_run_over_plain: Option<f64>,
    stream_events_per_s: Option<f64>,
    rows_per_s_postgres: Option<f64>,
    rows_per_s_sqlite: Option<f64>,
    rss_mib_sqlite: Option<f64>,
    cpu_s_sqlite: Option<f64>,
    rows_per_s_agreement: Option<f64>,
    rss_mib_agreement: Option<f64>,
    cpu_s_agreement: Option<f64>,
    rows_per_s_latency_run: Option<f64>,
    floor_serial_rows_per_s: Option<f64>,
    floor_overlapped_rows_per_s: Option<f64>,
    ponder_rows_per_s: Option<f64>,
    ponder_rss_mib: Option<f64>,
    ponder_cpu_s: Option<f64>,
    live_p50_ms: Option<f64>,
    live_p99_ms: Option<f64>,
    #[serde(flatten)]
    machine: Machine,
}

impl Results {
    /// The table and the line of JSON.
    pub(crate) fn report(&self, rows: u64, runs: u32, machine: Machine) -> Result<String, serde_json::Error> {
        let mut text = format!("{rows} rows, {machine}\n\n");
        for line in self.table() {
            text.push_str(&line);
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&serde_json::to_string(&self.summary(rows, runs, machine))?);
        Ok(text)
    }

    fn table(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{:<28}{:>5}{:>11}{:>21}{:>9}{:>9}{:>8}",
            "whole chain", "runs", "rows/s", "[least - most]", "wall s", "RSS MiB", "CPU s"
        )];
        let series = [
            ("floor, serial", &self.floor_serial),
            ("floor, overlapped", &self.floor_overlapped),
            ("indexer, PostgreSQL", &self.postgres),
            ("indexer, SQLite", &self.sqlite),
            ("indexer, two endpoints", &self.agreement),
            ("indexer, 50 ms and 429s", &self.latency),
            ("Ponder 0.16.6, PostgreSQL", &self.ponder),
        ];
        lines.extend(series.iter().filter_map(|(name, runs)| line(name, runs)));
        if !self.replays.is_empty() {
            lines.push(format!(
                "StreamEvents: {:.0} events/s",
                median(self.replays.iter().copied()).unwrap_or_default()
            ));
        }
        if let Some(worst) = median(self.live.iter().map(|run| run.p99)) {
            let typical = median(self.live.iter().map(|run| run.p50)).unwrap_or_default();
            lines.push(format!("live, block seen to last event: p50 {typical:.1} ms, p99 {worst:.1} ms"));
        }
        if !self.calls.is_empty() {
            let mut line = format!("calls in {} requests:", self.http_requests);
            for (method, calls) in &self.calls {
                // Writing to a string does not fail.
                let _ = write!(line, " {calls} {method}");
            }
            lines.push(line);
        }
        lines
    }

    fn summary(&self, rows: u64, runs: u32, machine: Machine) -> Summary {
        let speed = |runs: &[Run]| median(runs.iter().map(|run| run.rows_per_s));
        let memory = |runs: &[Run]| median(runs.iter().filter_map(|run| run.rss_mib));
        let processor = |runs: &[Run]| median(runs.iter().filter_map(|run| run.cpu_s));
        let ours = speed(&self.postgres);
        let over =
            |numerator: Option<f64>, denominator: Option<f64>| Some(rounded(numerator? / denominator?, 3));
        let counted = !self.calls.is_empty();
        let whole = |value: Option<f64>| value.map(|value| rounded(value, 0));
        let fine = |value: Option<f64>| value.map(|value| rounded(value, 2));
        Summary {
            rows,
            runs,
            ponder_runs: self.ponder.len(),
            rows_per_s_over_overlapped_floor: over(ours, speed(&self.floor_overlapped)),
            rows_per_s_over_ponder: over(ours, speed(&self.ponder)),
            rss_mib: fine(memory(&self.postgres)),
            cpu_s: fine(processor(&self.postgres)),
            rpc_calls: counted.then(|| self.calls.values().sum()),
            rpc_http_requests: counted.then_some(self.http_requests),
            latency_run_over_plain: over(speed(&self.latency), ours),
            stream_events_per_s: whole(median(self.replays.iter().copied())),
            rows_per_s_postgres: whole(ours),
            rows_per_s_sqlite: whole(speed(&self.sqlite)),
            rss_mib_sqlite: fine(memory(&self.sqlite)),
            cpu_s_sqlite: fine(processor(&self.sqlite)),
            rows_per_s_agreement: whole(speed(&self.agreement)),
            rss_mib_agreement: fine(memory(&self.agreement)),
            cpu_s_agreement: fine(processor(&self.agreement)),
            rows_per_s_latency_run: whole(speed(&self.latency)),
            floor_serial_rows_per_s: whole(speed(&self.floor_serial)),
            floor_overlapped_rows_per_s: whole(speed(&self.floor_overlapped)),
            ponder_rows_per_s: whole(speed(&self.ponder)),
            ponder_rss_mib: fine(memory(&self.ponder)),
            ponder_cpu_s: fine(processor(&self.ponder)),
            live_p50_ms: fine(median(self.live.iter().map(|run| run.p50))),
            live_p99_ms: fine(median(self.live.iter().map(|run| run.p99))),
            machine: machine.at_the_end(),
        }
    }
}

fn line(name: &str, runs: &[Run]) -> Option<String> {
    let speeds = || runs.iter().map(|run| run.rows_per_s);
    let speed = median(speeds())?;
    let range = format!("[{:.0} - {:.0}]", speeds().fold(f64::MAX, f64::min), speeds().fold(0.0, f64::max));
    let wall = median(runs.iter().map(|run| run.wall_s))?;
    let optional =
        |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let memory = optional(median(runs.iter().filter_map(|run| run.rss_mib)), 0);
    let processor = optional(median(runs.iter().filter_map(|run| run.cpu_s)), 2);
    Some(format!("{name:<28}{:>5}{speed:>11.0}{range:>21}{wall:>9.2}{memory:>9}{processor:>8}", runs.len()))
}

/// Rows or events a second.
pub(crate) fn per_second(rows: u64, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer rows than a float counts exactly")]
    let rows = rows as f64;
    rows / elapsed.as_secs_f64()
}

/// The middle value; of two, their mean.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}

pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median([].into_iter()), None);
    }
}

//! Measures the services on one machine: the indexer against the physical floor and a peer (`make bench-indexer`), the
//! market (`make bench-market`), and the quoter beside two peers (`make bench-quoter`).

mod database;
mod floor;
mod indexer;
mod live;
mod market;
mod node;
mod options;
mod ponder;
mod process;
mod proxy;
mod quoter;
mod replay;
mod report;

use std::{io::Write, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    database::Server,
    floor::Order,
    indexer::{Indexer, Setup},
    node::Node,
    options::{Options, Part},
    proxy::{Faults, Proxy},
    report::{Machine, Results, Run, per_second},
};

/// A node across a continent whose provider limits us now and then.
const SLOW: Faults = Faults { latency: Duration::from_millis(50), refuse_each: 20 };

/// What is measured.
#[derive(Debug, Parser)]
enum Measure {
    Indexer(Options),
    Market(market::Options),
    Quoter(quoter::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    // In this task, not another: the kernel ends what is measured with the thread that started it.
    let report = tokio::select! {
        report = measured(Measure::parse()) => report?,
        stopped = interrupted() => return stopped.and_then(|()| bail!("interrupted")),
    };
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

async fn measured(what: Measure) -> Result<String> {
    let machine = Machine::read();
    match what {
        Measure::Market(options) => market::run(&options, machine).await,
        Measure::Quoter(options) => quoter::run(&options, machine).await,
        Measure::Indexer(options) => {
            let bench = Bench::new(options)?;
            let rows = bench.options.blocks() * options::LOGS_A_BLOCK;
            Ok(bench.run().await?.report(rows, bench.options.runs, machine)?)
        }
    }
}

/// Waits for Ctrl-C or SIGTERM, so that a run that is broken off leaves nothing behind.
async fn interrupted() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        heard = tokio::signal::ctrl_c() => Ok(heard?),
    }
}

/// Everything that the measurements of the indexer share.
struct Bench {
    options: Options,
    server: Server,
    binary: std::path::PathBuf,
}

impl Bench {
    fn new(options: Options) -> Result<Self> {
        // Fails only when it has been done already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::new(&options.database_url);
        let binary = options.binary()?;
        Ok(Self { options, server, binary })
    }

    async fn run(&self) -> Result<Results> {
        let mut results = Results::default();
        let mut node = Node::start().await?;
        node.extend(self.options.blocks()).await?;
        say(&format!("mined {} blocks with {} logs", node.height(), node.transfers()));
        // The parts take turns, so that whatever else the machine does meets all of them.
        for run in 1..=self.options.runs {
            say(&format!("run {run} of {}", self.options.runs));
            self.whole_chain(&node, &mut results).await.with_context(|| format!("run {run}"))?;
        }
        if self.options.wants(Part::Postgres) {
            self.count_calls(&node, &mut results).await.context("count the calls")?;
        }
        if self.options.wants(Part::Stream) {
            self.replay(&node, &mut results).await.context("replay")?;
        }
        if self.options.wants(Part::Ponder) {
            self.peer(&node, &mut results).await.context("the peer")?;
        }
        drop(node);
        if self.options.wants(Part::Live) {
            self.live(&mut results).await.context("live")?;
        }
        Ok(results)
    }

    /// One run of every part that reads the whole chain.
    async fn whole_chain(&self, node: &Node, results: &mut Results) -> Result<()> {
        let rows = node.transfers();
        if self.options.wants(Part::Floor) {
            for (order, runs) in [
                (Order::Serial, &mut results.floor_serial),
                (Order::Overlapped, &mut results.floor_overlapped),
            ] {
                let wall = floor::run(node, &self.server.fresh("bench_floor").await?, order).await?;
                note(&format!("floor {order:?}"), &mut *runs, Run::of(rows, wall));
            }
        }
        if self.options.wants(Part::Postgres) {
            let run = self.sync(node, vec![node.http_url()], true).await?;
            note("indexer, PostgreSQL", &mut results.postgres, run);
        }
        if self.options.wants(Part::Sqlite) {
            let run = self.sync(node, vec![node.http_url()], false).await?;
            note("indexer, SQLite", &mut results.sqlite, run);
        }
        if self.options.wants(Part::Agreement) {
            let other = node.http_url().replace("127.0.0.1", "localhost");
            let run = self.sync(node, vec![node.http_url(), other], true).await?;
            note("indexer, two endpoints", &mut results.agreement, run);
        }
        if self.options.wants(Part::Latency) {
            let proxy = Proxy::start(node.http_url(), SLOW).await?;
            let run = self.sync(node, vec![proxy.url().to_owned()], true).await?;
            note("indexer, slow node", &mut results.latency, run);
        }
        Ok(())
    }

    /// A fresh indexer until it has everything, and a check that it has.
    async fn sync(&self, node: &Node, rpc_urls: Vec<String>, postgres: bool) -> Result<Run> {
        let mut indexer = self.start(node, rpc_urls, postgres).await?;
        let synced = indexer.synced(node).await?;
        replay::verify(&mut indexer.client(), node).await?;
        indexer.stop().await?;
        Ok(Run::of_process(node.transfers(), &synced))
    }

    async fn start(&self, node: &Node, rpc_urls: Vec<String>, postgres: bool) -> Result<Indexer> {
        let database_url = if postgres { Some(self.server.fresh("bench_indexer").await?) } else { None };
        let binary = self.binary.clone();
        Indexer::start(Setup { binary, database_url, rpc_urls }, node)
    }

    async fn count_calls(&self, node: &Node, results: &mut Results) -> Result<()> {
        let proxy = Proxy::start(node.http_url(), Faults::default()).await?;
        let mut indexer = self.start(node, vec![proxy.url().to_owned()], true).await?;
        indexer.synced(node).await?;
        (results.calls, results.http_requests) = (proxy.calls(), proxy.requests());
        indexer.stop().await
    }

    async fn replay(&self, node: &Node, results: &mut Results) -> Result<()> {
        let mut indexer = self.start(node, vec![node.http_url()], true).await?;
        indexer.synced(node).await?;
        for _ in 0..self.options.runs {
            let used = || Ok::<_, anyhow::Error>((indexer.usage()?.cpu_s, process::cpu_s("self")?));
            let before = used()?;
            let elapsed = replay::run(&mut indexer.client(), node).await?;
            let after = used()?;
            results.replays.push(per_second(node.transfers(), elapsed));
            let (indexer, client) = (after.0 - before.0, after.1 - before.1);
            say(&format!(
                "  replay: {:.2} s, processor time {indexer:.2} s of the indexer and {client:.2} s of the client",
                elapsed.as_secs_f64()
            ));
        }
        indexer.stop().await
    }

    async fn peer(&self, node: &Node, results: &mut Results) -> Result<()> {
        for _ in 0..self.options.peer_runs {
            let synced = ponder::run(node, &self.server.fresh("bench_ponder").await?).await?;
            note("Ponder", &mut results.ponder, Run::of_process(node.transfers(), &synced));
        }
        Ok(())
    }

    /// On a chain of its own: its blocks are no part of the workload.
    async fn live(&self, results: &mut Results) -> Result<()> {
        for _ in 0..self.options.runs {
            let mut node = Node::start().await?;
            let mut indexer = self.start(&node, vec![node.http_url(), node.ws_url()], true).await?;
            indexer.live().await?;
            let latencies = live::run(&mut node, &indexer, self.options.live_blocks).await?;
            say(&format!("  live: p50 {:.1} ms, p99 {:.1} ms", latencies.p50, latencies.p99));
            results.live.push(latencies);
            indexer.stop().await?;
        }
        Ok(())
    }
}

fn note(name: &str, runs: &mut Vec<Run>, run: Run) {
    say(&format!("  {name}: {:.2} s, {:.0} rows/s", run.wall_s, run.rows_per_s));
    runs.push(run);
}

/// Progress goes to where people look; a closed stderr has nobody to tell.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

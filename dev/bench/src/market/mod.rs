//! Measures the market: how fast it projects the log, answers, and tells subscribers; `make bench-market` runs it.

mod ids;
mod indexer;
mod lists;
mod log;
mod options;
mod projection;
mod reads;
mod report;
mod seed;
mod service;
mod streams;
mod traffic;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};

pub(crate) use self::options::Options;
use self::{
    indexer::Indexer,
    options::Part,
    projection::Workload,
    reads::{Answers, Questions},
    report::Results,
    seed::Size,
    service::Market,
};
use crate::{database::Server, report::Machine, say};

/// Questions to a market with little history are a part of those to one with much.
const SMALL: u64 = 100;

/// Measures everything that is wanted, and says it.
pub(crate) async fn run(options: &Options, machine: Machine) -> Result<String> {
    let bench = Bench { options, server: Server::new(&options.database_url), binary: options.binary()? };
    let mut results = Results::default();
    bench.projection(&mut results).await.context("the projection")?;
    if options.wants(Part::Reads) || options.wants(Part::Streams) {
        bench.seeded(&mut results).await?;
    }
    Ok(results.report(options, machine)?)
}

/// Everything that the measurements share.
struct Bench<'a> {
    options: &'a Options,
    server: Server,
    binary: PathBuf,
}

impl Bench<'_> {
    async fn projection(&self, results: &mut Results) -> Result<()> {
        let wanted = [Part::Postgres, Part::Sqlite].map(|part| self.options.wants(part));
        if !wanted.contains(&true) {
            return Ok(());
        }
        let workload = Workload::of(self.options.events);
        results.events = workload.events;
        say(&format!("made a log of {} events", workload.events));
        // The databases take turns, so that whatever else the machine does meets both.
        for run in 1..=self.options.runs {
            say(&format!("run {run} of {}", self.options.runs));
            if self.options.wants(Part::Postgres) {
                say("  PostgreSQL");
                let url = self.server.fresh("bench_market").await?;
                results.postgres.push(workload.run(&self.binary, Some((&self.server, &url))).await?);
            }
            if self.options.wants(Part::Sqlite) {
                say("  SQLite");
                results.sqlite.push(workload.run(&self.binary, None).await?);
            }
        }
        Ok(())
    }

    /// What is measured of a market with much history.
    async fn seeded(&self, results: &mut Results) -> Result<()> {
        let Options { markets, trades, .. } = *self.options;
        let size = Size { markets, trades };
        if self.options.wants(Part::Reads) {
            let size = Size { markets: markets.div_ceil(SMALL), trades: trades.div_ceil(SMALL) };
            let (url, _) = self.filled("bench_market_small", size).await?;
            let (answers, rss_mib) = self.reads(&url, size).await.context("little history")?;
            (results.small, results.rss_mib[0]) = (Some(answers), Some(rss_mib));
        }
        let (url, seconds) = match &self.options.seeded_url {
            Some(url) => (url.clone(), 0.0),
            None => self.filled("bench_market_seeded", size).await?,
        };
        let (found_markets, found_trades) = seed::counted(&url).await?;
        results.seeded = Some((found_markets, found_trades, seconds));
        say(&format!("{found_markets} markets with {found_trades} trades, made in {seconds:.0} s"));
        if self.options.wants(Part::Reads) {
            let (answers, rss_mib) = self.reads(&url, size).await.context("reads")?;
            (results.answers, results.rss_mib[1]) = (Some(answers), Some(rss_mib));
        }
        if self.options.wants(Part::Streams) {
            self.streams(&url, size, results).await.context("streams")?;
        }
        Ok(())
    }

    /// A new database with so much in it, and the seconds that it took.
    async fn filled(&self, name: &str, size: Size) -> Result<(String, f64)> {
        let begun = Instant::now();
        let url = self.server.fresh(name).await?;
        service::migrate(&self.binary, &url).await?;
        seed::fill(&url, size).await.context("fill the tables")?;
        Ok((url, begun.elapsed().as_secs_f64()))
    }

    async fn reads(&self, url: &str, size: Size) -> Result<(Answers, f64)> {
        let indexer = Indexer::start(Vec::new()).await?;
        let mut market = Market::start(&self.binary, Some(url), &indexer.url)?;
        market.until(size.blocks(), |_, _| {}).await?;
        say(&format!("  reads of {} markets", size.markets));
        let mut questions = Questions::prepare(&mut market.client()).await?;
        let answers = questions.ask(&market, self.options.reads).await?;
        let rss_mib = market.usage()?.rss_mib;
        market.stop().await?;
        Ok((answers, rss_mib))
    }

    async fn streams(&self, url: &str, size: Size, results: &mut Results) -> Result<()> {
        let indexer = Indexer::start(Vec::new()).await?;
        let mut market = Market::start(&self.binary, Some(url), &indexer.url)?;
        market.until(size.blocks(), |_, _| {}).await?;
        indexer.followed().await?;
        say("  streams");
        let amount = (self.options.subscribers, self.options.live_blocks);
        let heard = streams::run(&mut market, &indexer, size.blocks() + 1, amount).await?;
        results.streams_rss_mib = Some(market.usage()?.rss_mib);
        results.heard = Some(heard);
        market.stop().await
    }
}

//! Events into tables: how many a second of the market's own processor time.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use capstan_proto::{
    indexer::{Event, StreamEventsResponse},
    market::ListMarketsRequest,
};

use super::{
    indexer::Indexer,
    log,
    service::{Client, Market},
    traffic::{Expected, Traffic},
};
use crate::{
    database::Server,
    report::{Run, per_second},
    say,
};

/// Markets before the first trade.
const MARKETS: usize = 500;
const PAGE: i32 = 500;

/// A history, and what must come of it.
pub(super) struct Workload {
    messages: Vec<StreamEventsResponse>,
    expected: Vec<Expected>,
    /// Events in it.
    pub(super) events: u64,
    blocks: u64,
}

/// One run.
pub(super) struct Projected {
    pub(super) run: Run,
    /// Events a second of processor time.
    pub(super) per_core: f64,
    /// The same of processor time of the market and of the database server together; nothing for SQLite, which is a
    /// part of the market.
    pub(super) per_core_with_server: Option<f64>,
    /// Peak of resident memory after a fifth of the history, in MiB.
    pub(super) early_rss_mib: f64,
}

impl Workload {
    /// At least so many events: whole blocks, the first of which makes the markets.
    pub(super) fn of(least: u64) -> Self {
        let mut traffic = Traffic::from(1);
        let mut events: Vec<Event> = traffic.create(MARKETS);
        let mut blocks = 1;
        while (events.len() as u64) < least {
            events.append(&mut traffic.block());
            blocks += 1;
        }
        let messages = log::messages(&events);
        Self { messages, expected: traffic.expected(), events: events.len() as u64, blocks }
    }

    /// Projects it into an empty store, and checks what came of it.
    pub(super) async fn run(&self, binary: &Path, database: Option<(&Server, &str)>) -> Result<Projected> {
        let server_s = async || {
            anyhow::Ok(match database {
                Some((server, _)) => server.cpu_s().await?,
                None => 0.0,
            })
        };
        let server_before = server_s().await?;
        let indexer = Indexer::start(self.messages.clone()).await?;
        let mut market = Market::start(binary, database.map(|(_, url)| url), &indexer.url)?;
        let mut early_rss_mib = 0.0;
        let early = self.blocks / 5;
        let used = market.until(self.blocks, |block, usage| {
            if block <= early || early_rss_mib == 0.0 {
                early_rss_mib = usage.rss_mib;
            }
        });
        let used = used.await?;
        let wall = market.started().elapsed();
        let server_s = server_s().await? - server_before;
        self.verify(&mut market.client()).await.context("what was projected")?;
        market.stop().await?;
        let run = Run { rss_mib: Some(used.rss_mib), cpu_s: Some(used.cpu_s), ..Run::of(self.events, wall) };
        let per_core = |seconds| per_second(self.events, Duration::from_secs_f64(seconds));
        say(&format!(
            "    {:.2} s, processor time {:.2} s of the market and {server_s:.2} s of the server: {:.0} events a second and core; \
             {:.0} MiB, {early_rss_mib:.0} at first",
            run.wall_s,
            used.cpu_s,
            per_core(used.cpu_s),
            used.rss_mib
        ));
        Ok(Projected {
            run,
            per_core: per_core(used.cpu_s),
            per_core_with_server: database.map(|_| per_core(used.cpu_s + server_s)),
            early_rss_mib,
        })
    }

    async fn verify(&self, client: &mut Client) -> Result<()> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListMarketsRequest { page_size: PAGE, page_token, ..Default::default() };
            let answer = client.list_markets(request).await?.into_inner();
            found.extend(answer.markets.into_iter().map(|market| Expected {
                market_id: market.market_id,
                volume: market.volume,
                trade_count: market.trade_count,
                pool_balances: market.pool_balances,
                resolved: market.resolved,
                open_interest: market.open_interest,
                holder_counts: market.holder_counts,
            }));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        ensure!(found.len() == self.expected.len(), "{} markets of {}", found.len(), self.expected.len());
        for expected in &self.expected {
            let same = found.iter().find(|market| market.market_id == expected.market_id);
            ensure!(same == Some(expected), "a market is {same:?} instead of {expected:?}");
        }
        Ok(())
    }
}

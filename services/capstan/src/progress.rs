//! One line a second until everything has caught up.

use std::{
    future::Future,
    io::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

use capstan_proto::{
    indexer::{ChainState, ChainStatus, GetStatusRequest, indexer_service_client::IndexerServiceClient},
    market::{ListMarketsRequest, market_service_client::MarketServiceClient},
    quoter::{GetHealthRequest, quoter_service_client::QuoterServiceClient},
};
use tonic::transport::{Channel, Endpoint};

const EVERY: Duration = Duration::from_secs(1);

/// Where progress lines go.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    last: Mutex<Option<Instant>>,
}

impl Progress {
    /// Says a line.
    pub(crate) fn say(&self, line: &str) {
        // There is nobody to tell when stdout is closed.
        let _closed = writeln!(std::io::stdout(), "{line}");
    }

    /// Says a line unless one was said within the last second.
    pub(crate) fn tick(&self, line: &str) {
        let Ok(mut last) = self.last.lock() else { return };
        if last.is_none_or(|last| last.elapsed() >= EVERY) {
            *last = Some(Instant::now());
            self.say(line);
        }
    }

    /// Says a line every second while something takes its time.
    pub(crate) async fn while_waiting<T>(&self, line: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut timer = tokio::time::interval(EVERY);
        timer.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = timer.tick() => self.tick(line),
            }
        }
    }

    /// Says how far the indexer is until it, the market and the quoter are level with every chain.
    pub(crate) async fn until_level(&self, urls: &[String; 3]) -> anyhow::Result<()> {
        let [indexer, market, quoter] = urls;
        let connect = |url: &str| anyhow::Ok(Endpoint::from_shared(url.to_owned())?.connect_lazy());
        let mut indexer = IndexerServiceClient::new(connect(indexer)?);
        let mut market = MarketServiceClient::new(connect(market)?);
        let mut quoter = QuoterServiceClient::new(connect(quoter)?);
        let mut timer = tokio::time::interval(Duration::from_millis(200));
        loop {
            timer.tick().await;
            let chains = indexer.get_status(GetStatusRequest {}).await?.into_inner().chains;
            let (projected, quoted) = (projected(&mut market).await?, quoted(&mut quoter).await?);
            let level = |chain: &ChainStatus| {
                let indexed = chain.indexed.as_ref().map(|block| block.number);
                matches!(chain.state(), ChainState::Live | ChainState::Standby)
                    && projected.contains(&(chain.chain_id, indexed.unwrap_or_default()))
                    && quoted.contains(&(chain.chain_id, indexed.unwrap_or_default()))
            };
            if chains.iter().all(level) {
                return Ok(());
            }
            self.tick(&chains.iter().map(line).collect::<Vec<_>>().join(" · "));
        }
    }
}

/// Chains and the newest block of each that the market has projected.
async fn projected(market: &mut MarketServiceClient<Channel>) -> anyhow::Result<Vec<(u64, u64)>> {
    let request = ListMarketsRequest { page_size: 1, ..ListMarketsRequest::default() };
    let as_of = market.list_markets(request).await?.into_inner().as_of;
    Ok(as_of.into_iter().filter_map(|at| Some((at.chain_id, at.block?.number))).collect())
}

/// Chains and the newest block of each that is in the quoter's state.
async fn quoted(quoter: &mut QuoterServiceClient<Channel>) -> anyhow::Result<Vec<(u64, u64)>> {
    let chains = quoter.get_health(GetHealthRequest {}).await?.into_inner().chains;
    let block =
        |chain: capstan_proto::quoter::ChainHealth| Some((chain.chain_id, chain.as_of?.block?.number));
    Ok(chains.into_iter().filter_map(block).collect())
}

fn line(chain: &ChainStatus) -> String {
    let number =
        |block: &Option<capstan_proto::primitives::BlockRef>| block.as_ref().map_or(0, |block| block.number);
    let (indexed, head) = (number(&chain.indexed), number(&chain.head));
    let share = indexed.saturating_mul(100).checked_div(head).unwrap_or_default();
    let problem = if chain.problem.is_empty() { String::new() } else { format!(" ({})", chain.problem) };
    format!("{}: block {indexed} of {head} ({share} %), {} events{problem}", chain.name, chain.events)
}

//! Many subscribers: from the moment in which the market is handed a block until each has its messages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use capstan_proto::market::{StreamMarketsRequest, StreamMarketsResponse, stream_markets_response::Message};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tonic::Streaming;

use super::{indexer::Indexer, log, report::Times, service::Market, traffic::Traffic};
use crate::say;

const SUBSCRIBERS_A_CONNECTION: u32 = 50;
const PACE: Duration = Duration::from_secs(1);
const MARKETS: usize = 20;
/// After the last block.
const PATIENCE: Duration = Duration::from_secs(30);

/// What subscribers saw.
pub(super) struct Heard {
    /// From a block to each message of each subscriber.
    pub(super) messages: Times,
    /// From a block to the last message of the last subscriber.
    pub(super) blocks: Times,
    /// Processor time of the market for one block and all subscribers, in seconds.
    pub(super) cpu_s_a_block: f64,
}

/// Numbers the blocks from `first` on by when they were handed over.
struct Sent {
    first: u64,
    at: watch::Receiver<Vec<Instant>>,
}

/// Tells so many subscribers of so many blocks, which begin at `first`.
pub(super) async fn run(
    market: &mut Market,
    indexer: &Indexer,
    first: u64,
    (subscribers, blocks): (u32, u32),
) -> Result<Heard> {
    let mut traffic = Traffic::from(first);
    say_block(indexer, &traffic.create(MARKETS));
    market.until(first, |_, _| {}).await?;
    let (sender, receiver) = watch::channel(Vec::new());
    let sent = Arc::new(Sent { first: first + 1, at: receiver });
    let mut listening = subscribe(market, subscribers, blocks, &sent).await?;
    say(&format!("    {subscribers} subscribers"));
    let before = market.usage()?.cpu_s;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..blocks {
        pace.tick().await;
        let events = traffic.block();
        sender.send_modify(|at| at.push(Instant::now()));
        say_block(indexer, &events);
    }
    let mut heard = Heard { messages: Times::default(), blocks: Times::default(), cpu_s_a_block: 0.0 };
    let mut last = vec![Duration::ZERO; usize::try_from(blocks)?];
    let joined = async {
        while let Some(times) = listening.join_next().await {
            for (at, time) in times?? {
                heard.messages.push(time);
                if let Some(last) = last.get_mut(at) {
                    *last = time.max(*last);
                }
            }
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, joined).await.context("subscribers did not hear of the last block")??;
    last.into_iter().for_each(|time| heard.blocks.push(time));
    heard.cpu_s_a_block = (market.usage()?.cpu_s - before) / f64::from(blocks);
    Ok(heard)
}

fn say_block(indexer: &Indexer, events: &[capstan_proto::indexer::Event]) {
    log::messages(events).into_iter().for_each(|message| indexer.say(message));
}

type Listening = JoinSet<Result<Vec<(usize, Duration)>>>;

async fn subscribe(market: &Market, subscribers: u32, blocks: u32, sent: &Arc<Sent>) -> Result<Listening> {
    let mut listening = JoinSet::new();
    let mut client = market.connect().await?;
    for number in 0..subscribers {
        if number % SUBSCRIBERS_A_CONNECTION == 0 {
            client = market.connect().await?;
        }
        let mut stream = client.stream_markets(StreamMarketsRequest::default()).await?.into_inner();
        stream.message().await?.context("no first message")?;
        let sent = Arc::clone(sent);
        listening.spawn(async move { listen(stream, &sent, blocks).await });
    }
    Ok(listening)
}

/// The messages of so many blocks, each with the number of its block and how long it took.
async fn listen(
    mut stream: Streaming<StreamMarketsResponse>,
    sent: &Sent,
    blocks: u32,
) -> Result<Vec<(usize, Duration)>> {
    let last = usize::try_from(blocks)? - 1;
    let mut heard = Vec::new();
    loop {
        let message = stream.message().await?.context("a stream ended")?;
        let now = Instant::now();
        let block = message.as_of.and_then(|as_of| as_of.block).map_or(0, |block| block.number);
        if matches!(message.message, Some(Message::Heartbeat(_)) | None) {
            continue;
        }
        ensure!(!matches!(message.message, Some(Message::Resync(_))), "a resync without a reorg");
        let at = usize::try_from(block.saturating_sub(sent.first))?;
        let handed = sent.at.borrow().get(at).copied().context("a message before its block")?;
        heard.push((at, now.duration_since(handed)));
        // The prices come last; a block of this traffic always moves some.
        if at == last && matches!(message.message, Some(Message::Price(_))) {
            return Ok(heard);
        }
    }
}

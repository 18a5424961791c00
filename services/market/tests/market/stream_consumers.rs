//! Consumers of streams that come and go, or read slowly, while the chain goes on and changes its mind.

use capstan_market::simulated::{Dice, World};
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{StreamMarketsRequest, StreamMarketsResponse, stream_markets_response::Message as Change},
};

use crate::{
    platform::{CHAIN, Changes, Session, TestPlatform},
    stream_kinds::every_kind,
    streams::{all, is_heartbeat, told_of},
};

fn everything(cursor: &str) -> StreamMarketsRequest {
    StreamMarketsRequest { cursor: cursor.into(), kinds: every_kind(), ..Default::default() }
}

/// The chain and everything that it was, to go back to.
struct Chain {
    session: Session,
    dice: Dice,
    /// After each block, from 0 on.
    past: Vec<World>,
}

impl Chain {
    fn world(&self) -> &World {
        self.past.last().unwrap()
    }

    fn go_on(&mut self, blocks: usize) {
        for _ in 0..blocks {
            let mut world = self.world().clone();
            world.go_on(&mut self.dice, 1);
            let number = world.log.head().unwrap().number;
            self.session.apply(&world, number, number);
            self.past.push(world);
        }
    }

    /// Takes up to ten blocks back, never the first.
    fn reorg(&mut self) {
        let most = self.past.len().saturating_sub(2).min(10);
        if most == 0 {
            return;
        }
        let depth = 1 + self.dice.roll(most);
        let mut lost = self.world().log.clone();
        let kept = self.past.len() - depth;
        let undo = lost.undo(u64::try_from(kept - 1).unwrap());
        self.past.truncate(kept);
        let world = self.past.last_mut().unwrap();
        (world.log.position, world.log.fork) = (lost.position, lost.fork);
        self.session.say(Message::Undo(undo));
        self.go_on(1 + self.dice.clone().roll(12));
    }
}

/// What a consumer has after it threw away what became void.
#[derive(Default)]
struct Consumer {
    stream: Option<Changes>,
    cursor: String,
    last: (u64, u64),
    kept: Vec<StreamMarketsResponse>,
    resyncs: usize,
}

impl Consumer {
    async fn connect(&mut self, platform: &mut TestPlatform) {
        if self.stream.is_none() {
            let mut stream = platform.stream(everything(&self.cursor)).await;
            let first = stream.next().await;
            assert!(is_heartbeat(&first));
            // Nothing was said while it was away.
            if !self.cursor.is_empty() {
                assert_eq!((first.epoch, first.sequence), self.last);
            }
            self.take(first);
            self.stream = Some(stream);
        }
    }

    async fn read(&mut self, messages: usize) {
        for _ in 0..messages {
            let Some(stream) = &mut self.stream else { return };
            let message = stream.next().await;
            self.take(message);
        }
    }

    fn take(&mut self, message: StreamMarketsResponse) {
        self.cursor.clone_from(&message.cursor);
        self.last = (message.epoch, message.sequence);
        match &message.message {
            Some(Change::Heartbeat(_)) => {}
            Some(Change::Resync(resync)) => {
                self.resyncs += 1;
                let valid = resync.last_valid_block.as_ref().map(|block| block.number);
                self.kept.retain(|message| number(message) <= valid);
            }
            _ => self.kept.push(message),
        }
    }
}

fn number(message: &StreamMarketsResponse) -> Option<u64> {
    Some(message.as_of.as_ref()?.block.as_ref()?.number)
}

/// What a message says, without where in which stream it was.
fn content(messages: Vec<StreamMarketsResponse>) -> Vec<StreamMarketsResponse> {
    let content = |message| StreamMarketsResponse { cursor: String::new(), epoch: 0, sequence: 0, ..message };
    messages.into_iter().map(content).collect()
}

#[tokio::test]
async fn a_consumer_that_comes_and_goes_misses_and_repeats_nothing() {
    let mut resyncs = 0;
    for seed in [81, 82, 83, 84, 85, 86] {
        println!("seed {seed}");
        let mut platform = TestPlatform::start().await;
        let session = platform.session();
        let mut dice = Dice::new(seed);
        let mut chain = Chain { session, dice: Dice::new(seed + 1_000), past: vec![World::new(CHAIN)] };
        let mut consumer = Consumer::default();
        chain.go_on(1);
        platform.until(chain.world()).await;
        consumer.connect(&mut platform).await;
        for _ in 0..25 {
            match dice.roll(6) {
                0 => chain.reorg(),
                1 => consumer.stream = None,
                2 => consumer.connect(&mut platform).await,
                3 => consumer.read(dice.roll(30)).await,
                _ => chain.go_on(1 + dice.roll(15)),
            }
        }
        platform.until(chain.world()).await;
        consumer.connect(&mut platform).await;
        let head = chain.world().log.head().unwrap().hash.to_string();
        loop {
            let message = consumer.stream.as_mut().unwrap().next().await;
            let block = message.as_of.as_ref().and_then(|as_of| as_of.block.clone());
            let ended = is_heartbeat(&message) && block.is_some_and(|block| block.hash == head);
            consumer.take(message);
            if ended {
                break;
            }
        }
        let whole = told_of(chain.world(), 1, everything("")).await;
        assert!(whole.len() > 50, "{}", whole.len());
        assert_eq!(content(consumer.kept), content(whole));
        resyncs += consumer.resyncs;
        platform.stop().await;
    }
    assert!(resyncs > 5, "{resyncs}");
}

#[tokio::test]
async fn resuming_at_any_cursor_gives_the_same_messages_of_every_kind() {
    let seed = 91;
    println!("seed {seed}");
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    let mut chain = Chain { session, dice: Dice::new(seed), past: vec![World::new(CHAIN)] };
    let beginning = platform.stream(everything("")).await.next().await.cursor;
    chain.go_on(40);
    chain.reorg();
    chain.go_on(10);
    platform.until(chain.world()).await;
    let world = chain.world().clone();
    let whole = all(&mut platform, everything(&beginning), &world).await;
    let sequences: Vec<u64> = whole.iter().map(|message| message.sequence).collect();
    assert!(sequences.last() > Some(&100), "{sequences:?}");
    for at in 1..whole.len() {
        let rest = all(&mut platform, everything(&whole[at].cursor), &world).await;
        let (first, rest) = rest.split_first().unwrap();
        assert_eq!((first.epoch, first.sequence), (whole[at].epoch, whole[at].sequence), "message {at}");
        let news = |messages: &[StreamMarketsResponse]| -> Vec<StreamMarketsResponse> {
            messages.iter().filter(|message| !is_heartbeat(message)).cloned().collect()
        };
        assert_eq!(news(rest), news(&whole[at + 1..]), "after message {at}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_consumer_that_reads_slowly_gets_everything_later() {
    let mut world = World::new(CHAIN);
    let mut dice = Dice::new(92);
    world.go_on(&mut dice, 1);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 1);
    platform.until(&world).await;
    let mut slow = platform.stream(everything("")).await;
    let mut told = vec![slow.next().await];
    for block in 2..=300 {
        world.go_on(&mut dice, 1);
        session.apply(&world, block, block);
    }
    // Others are not held up by it.
    platform.until(&world).await;
    told.extend(slow.until(&world).await);
    let end = told.last().unwrap().cursor.clone();
    told.extend(all(&mut platform, everything(&end), &world).await);
    told.retain(|message| !is_heartbeat(message));
    assert_eq!(content(told), content(told_of(&world, 1, everything("")).await));
    platform.stop().await;
}

//! What the machine can do without an indexer: download, decode and write the same rows, nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{hex, primitives::U64};
use anyhow::{Context, Result, ensure};
use sea_orm::sqlx::{Connection, PgConnection, query_as, raw_sql};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::node::{CHAIN_ID, Node};

const BLOCKS_A_REQUEST: u64 = 200;
/// Ranges that are downloaded or decoded while one is written.
const IN_FLIGHT: usize = 3;
/// Bytes that are handed to the connection at once.
const PIECE: usize = 1 << 18;

const TABLE: &str = "CREATE TABLE log (
    chain_id int8 NOT NULL, block_number int8 NOT NULL, block_hash bytea NOT NULL, block_time int8 NOT NULL,
    transaction_hash bytea NOT NULL, transaction_index int4 NOT NULL, log_index int4 NOT NULL,
    address bytea NOT NULL, topic0 bytea, topic1 bytea, topic2 bytea, topic3 bytea, data bytea NOT NULL,
    UNIQUE (chain_id, block_hash, log_index));
CREATE INDEX ON log (address);
CREATE INDEX ON log (topic0)";
const COLUMNS: i16 = 13;
const TOPICS: usize = 4;
const COPY: &str = "COPY log FROM STDIN (FORMAT binary)";
const CHECK: &str =
    "SELECT count(*), sum(('x' || encode(substring(data from 25), 'hex'))::bit(64)::int8)::int8 FROM log";

/// How the steps follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// One step at a time: the sum of all.
    Serial,
    /// The next ranges are downloaded and decoded while one is written.
    Overlapped,
}

/// Copies all logs of `node` into the empty database and says how long it took.
pub(crate) async fn run(node: &Node, database_url: &str, order: Order) -> Result<Duration> {
    let mut connection = PgConnection::connect(database_url).await?;
    raw_sql(TABLE).execute(&mut connection).await?;
    let source = Arc::new(Source {
        client: reqwest::Client::builder().no_proxy().build()?,
        url: node.http_url(),
        address: node.emitter().to_string(),
    });
    let height = node.height();
    let ranges = (0..=height).step_by(usize::try_from(BLOCKS_A_REQUEST)?);
    let ranges = ranges.map(|from| (from, height.min(from + BLOCKS_A_REQUEST - 1)));
    let started = Instant::now();
    match order {
        Order::Serial => {
            for range in ranges {
                let rows = rows(&source.download(range).await?)?;
                write(&mut connection, &rows).await?;
            }
        }
        Order::Overlapped => overlapped(&mut connection, &source, ranges).await?,
    }
    let elapsed = started.elapsed();
    let written: (i64, i64) = query_as(CHECK).fetch_one(&mut connection).await?;
    let expected = (i64::try_from(node.transfers())?, i64::try_from(node.sum())?);
    ensure!(written == expected, "the floor wrote {written:?} instead of {expected:?}");
    connection.close().await?;
    Ok(elapsed)
}

async fn overlapped(
    connection: &mut PgConnection,
    source: &Arc<Source>,
    mut ranges: impl Iterator<Item = (u64, u64)>,
) -> Result<()> {
    let mut working = JoinSet::new();
    loop {
        while working.len() < IN_FLIGHT
            && let Some(range) = ranges.next()
        {
            let source = Arc::clone(source);
            working.spawn(async move { rows(&source.download(range).await?) });
        }
        let Some(done) = working.join_next().await else { return Ok(()) };
        write(connection, &done??).await?;
    }
}

async fn write(connection: &mut PgConnection, rows: &[u8]) -> Result<()> {
    let mut copy = connection.copy_in_raw(COPY).await?;
    for piece in rows.chunks(PIECE) {
        copy.send(piece).await?;
    }
    copy.finish().await?;
    Ok(())
}

/// Where the logs come from.
struct Source {
    client: reqwest::Client,
    url: String,
    address: String,
}

impl Source {
    async fn download(&self, (from, to): (u64, u64)) -> Result<axum::body::Bytes> {
        let filter =
            json!({ "fromBlock": U64::from(from), "toBlock": U64::from(to), "address": self.address });
        let call = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [filter] });
        Ok(self.client.post(&self.url).json(&call).send().await?.error_for_status()?.bytes().await?)
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Vec<Log<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    address: &'a str,
    topics: Vec<&'a str>,
    data: &'a str,
    block_hash: &'a str,
    block_number: &'a str,
    block_timestamp: &'a str,
    transaction_hash: &'a str,
    transaction_index: &'a str,
    log_index: &'a str,
}

/// The logs of an answer in the binary format of COPY.
fn rows(answer: &[u8]) -> Result<Vec<u8>> {
    let answer: Answer<'_> = serde_json::from_slice(answer)?;
    let mut rows = Rows(Vec::with_capacity(answer.result.len() * 320 + 32));
    // Signature, flags and the length of the header's extension.
    rows.0.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for log in &answer.result {
        rows.push(log)?;
    }
    rows.0.extend_from_slice(&(-1_i16).to_be_bytes());
    Ok(rows.0)
}

struct Rows(Vec<u8>);

impl Rows {
    fn push(&mut self, log: &Log<'_>) -> Result<()> {
        self.0.extend_from_slice(&COLUMNS.to_be_bytes());
        self.wide(CHAIN_ID)?;
        self.wide(number(log.block_number)?)?;
        self.bytes(log.block_hash)?;
        self.wide(number(log.block_timestamp)?)?;
        self.bytes(log.transaction_hash)?;
        self.narrow(log.transaction_index)?;
        self.narrow(log.log_index)?;
        self.bytes(log.address)?;
        for index in 0..TOPICS {
            match log.topics.get(index) {
                Some(topic) => self.bytes(topic)?,
                None => self.0.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
        self.bytes(log.data)
    }

    fn wide(&mut self, value: u64) -> Result<()> {
        self.0.extend_from_slice(&8_i32.to_be_bytes());
        self.0.extend_from_slice(&i64::try_from(value)?.to_be_bytes());
        Ok(())
    }

    fn narrow(&mut self, quantity: &str) -> Result<()> {
        self.0.extend_from_slice(&4_i32.to_be_bytes());
        self.0.extend_from_slice(&i32::try_from(number(quantity)?)?.to_be_bytes());
        Ok(())
    }

    fn bytes(&mut self, text: &str) -> Result<()> {
        let digits = text.strip_prefix("0x").context("hex data without 0x")?;
        let length = digits.len() / 2;
        self.0.extend_from_slice(&i32::try_from(length)?.to_be_bytes());
        let at = self.0.len();
        self.0.resize(at + length, 0);
        hex::decode_to_slice(digits, self.0.get_mut(at..).unwrap_or_default())?;
        Ok(())
    }
}

fn number(quantity: &str) -> Result<u64> {
    let digits = quantity.strip_prefix("0x").context("a quantity without 0x")?;
    Ok(u64::from_str_radix(digits, 16)?)
}

//! The peer under measurement: Ponder with the project in `ponder/`, from an empty database each time.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sea_orm::sqlx::{Connection, PgConnection, query_as, query_scalar};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::{
    indexer::Synced,
    node::{CHAIN_ID, Node},
    options::Options,
    process::Process,
};

const PROGRAM: &str = "node_modules/ponder/dist/esm/bin/ponder.js";
/// Counting takes the database a while, so it is asked less often than the indexer.
const POLL: Duration = Duration::from_millis(100);
const LONGEST_RUN: Duration = Duration::from_secs(900);

/// Runs Ponder until its table holds all transfers of `node`.
pub(crate) async fn run(node: &Node, database_url: &str) -> Result<Synced> {
    let project = project()?;
    let directory = TempDir::new()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let (chain, emitter, rpc_url) = (CHAIN_ID.to_string(), node.emitter().to_string(), node.http_url());
    let environment = [
        ("BENCH_CHAIN_ID", chain.as_str()),
        ("BENCH_EMITTER", &emitter),
        ("BENCH_RPC_URL", &rpc_url),
        ("DATABASE_URL", database_url),
        ("NODE_ENV", "production"),
        ("PONDER_TELEMETRY_DISABLED", "true"),
    ];
    let arguments = [PROGRAM, "start", "--schema", "bench", "--port", &port, "--hostname", "127.0.0.1"];
    let log = directory.path().join("ponder.log");
    let mut process = Process::spawn(Path::new("node"), &arguments, &environment, &project, log)?;
    let mut connection = PgConnection::connect(database_url).await?;
    let ended = timeout(LONGEST_RUN, complete(&mut process, &mut connection, node.transfers())).await;
    ended.with_context(|| format!("it never ended: {}", process.last_lines()))??;
    let synced = Synced { wall: process.started.elapsed(), usage: process.usage()? };
    process.stop().await?;
    verify(&mut connection, node).await?;
    connection.close().await?;
    Ok(synced)
}

fn project() -> Result<PathBuf> {
    let project = Options::dev_dir().join("bench/ponder").canonicalize()?;
    ensure!(project.join(PROGRAM).is_file(), "Ponder is not installed: npm --prefix dev/bench/ponder ci");
    Ok(project)
}

async fn complete(process: &mut Process, connection: &mut PgConnection, rows: u64) -> Result<()> {
    let rows = i64::try_from(rows)?;
    loop {
        process.check().context("Ponder")?;
        // The table is not there at first.
        let count = query_scalar("SELECT count(*) FROM bench.transfer").fetch_one(&mut *connection).await;
        if count.is_ok_and(|count: i64| count >= rows) {
            return Ok(());
        }
        sleep(POLL).await;
    }
}

async fn verify(connection: &mut PgConnection, node: &Node) -> Result<()> {
    let written: (i64, i64) =
        query_as("SELECT count(*), sum(value)::int8 FROM bench.transfer").fetch_one(connection).await?;
    let expected = (i64::try_from(node.transfers())?, i64::try_from(node.sum())?);
    ensure!(written == expected, "Ponder wrote {written:?} instead of {expected:?}");
    Ok(())
}

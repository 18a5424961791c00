//! Fills the tables of the market with many markets and trades, straight by SQL.

use anyhow::{Context, Result};
use sea_orm::sqlx::{AssertSqlSafe, Connection, PgConnection, query_as, query_scalar, raw_sql};

use super::log::CHAIN_ID;

const POOLS: &str = include_str!("seed/pools.sql");
const MARKETS: &str = include_str!("seed/markets.sql");
const TRADES: &str = include_str!("seed/trades.sql");
const SNAPSHOTS: &str = include_str!("seed/snapshots.sql");

/// Tables that are large: their indexes are made when they are full, and none of it is logged.
const LARGE: [&str; 7] =
    ["activity", "balance", "block", "candle", "cost_basis", "open_interest", "pool_snapshot"];
const WITHOUT_INDEXES: &str = "SELECT format('ALTER TABLE market.%I SET UNLOGGED', relname) FROM pg_class
  WHERE relnamespace = 'market'::regnamespace AND relkind = 'r' AND relname = ANY($1)
UNION ALL SELECT format('ALTER TABLE market.%I DROP CONSTRAINT %I', relname, conname)
  FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
  WHERE relnamespace = 'market'::regnamespace AND contype = 'p' AND relname = ANY($1)
UNION ALL SELECT format('DROP INDEX market.%I', indexname) FROM pg_indexes
  WHERE schemaname = 'market' AND tablename = ANY($1) AND indexname !~ '_pkey$'";
const WITH_INDEXES: &str =
    "SELECT format('ALTER TABLE market.%I ADD %s', relname, pg_get_constraintdef(pg_constraint.oid))
  FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
  WHERE relnamespace = 'market'::regnamespace AND contype = 'p' AND relname = ANY($1)
UNION ALL SELECT indexdef FROM pg_indexes
  WHERE schemaname = 'market' AND tablename = ANY($1) AND indexname !~ '_pkey$'";
/// The log was read through the newest block, by the version of the projection that does not begin anew.
const CURSOR: &str = "INSERT INTO market.cursor
  (chain_id, started_at, cursor, position, block_number, block_hash, block_time, finalized_number, version)
  SELECT chain_id, 0, 'seeded', position, number, hash, time, number, 2
  FROM market.block ORDER BY number DESC LIMIT 1";

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) markets: u64,
    pub(super) trades: u64,
}

impl Size {
    /// Number of the newest block.
    pub(super) const fn blocks(self) -> u64 {
        self.trades * 3 / 10
    }

    const fn users(self) -> u64 {
        self.trades / 50
    }

    fn filled(self, text: &str) -> String {
        let numbers = [
            ("{markets}", self.markets),
            ("{trades}", self.trades),
            ("{blocks}", self.blocks()),
            ("{users}", self.users()),
            ("{chain}", CHAIN_ID),
        ];
        numbers.iter().fold(text.to_owned(), |text, (name, number)| text.replace(name, &number.to_string()))
    }
}

/// Fills the empty tables of a database.
pub(super) async fn fill(url: &str, size: Size) -> Result<()> {
    let mut connection = PgConnection::connect(url).await.context("connect to PostgreSQL")?;
    let large = LARGE.map(str::to_owned).to_vec();
    let without: Vec<String> = query_scalar(WITHOUT_INDEXES).bind(&large).fetch_all(&mut connection).await?;
    let with: Vec<String> = query_scalar(WITH_INDEXES).bind(&large).fetch_all(&mut connection).await?;
    run(&mut connection, &without).await?;
    run(&mut connection, &[size.filled(POOLS)]).await?;
    let (trades, rest) = (size.filled(TRADES), [size.filled(MARKETS), size.filled(SNAPSHOTS)].concat());
    tokio::try_join!(apart(url, vec![trades]), apart(url, vec![rest]))?;
    let (even, odd): (Vec<_>, Vec<_>) = with.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let statements = |half: Vec<(usize, String)>| half.into_iter().map(|(_, statement)| statement).collect();
    tokio::try_join!(apart(url, statements(even)), apart(url, statements(odd)))?;
    run(&mut connection, &[CURSOR.to_owned(), "VACUUM ANALYZE".to_owned()]).await?;
    connection.close().await?;
    Ok(())
}

/// How many markets and trades there are.
pub(super) async fn counted(url: &str) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(url).await.context("connect to PostgreSQL")?;
    let counts = "SELECT (SELECT count(*) FROM market.market WHERE superseded_by_block IS NULL),
      (SELECT count(*) FROM market.activity WHERE kind IN (1, 2))";
    let counted = query_as(counts).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

async fn apart(url: &str, statements: Vec<String>) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    run(&mut connection, &["SET maintenance_work_mem = '1GB'".to_owned()]).await?;
    run(&mut connection, &statements).await?;
    connection.close().await?;
    Ok(())
}

async fn run(connection: &mut PgConnection, statements: &[String]) -> Result<()> {
    for statement in statements {
        raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut *connection).await?;
    }
    Ok(())
}

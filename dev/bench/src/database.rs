//! Fresh databases on the one PostgreSQL server.

use anyhow::{Context, Result};
use sea_orm::sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};

/// A server on which databases are made and dropped.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    url: String,
}

impl Server {
    /// The server behind a URL that ends with the name of a database.
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// An empty database of this name, and its URL; one that is there is dropped.
    pub(crate) async fn fresh(&self, name: &str) -> Result<String> {
        let mut connection = PgConnection::connect(&self.url).await.context("connect to PostgreSQL")?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
            // What earlier runs wrote is not to be flushed in the middle of this one.
            "CHECKPOINT".to_owned(),
        ] {
            raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        connection.close().await?;
        let (server, _) = self.url.rsplit_once('/').context("the database URL names no database")?;
        Ok(format!("{server}/{name}"))
    }
}

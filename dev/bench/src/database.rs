//! Fresh databases on the one PostgreSQL server.

use std::fs;

use anyhow::{Context, Result};
use sea_orm::sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql};

use crate::process;

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

    /// Processor time that the server has used so far, in seconds: that of its processes, those included that have ended.
    pub(crate) async fn cpu_s(&self) -> Result<f64> {
        let mut connection = PgConnection::connect(&self.url).await.context("connect to PostgreSQL")?;
        let session: i32 = query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
        let server = process::parent(&session.to_string())?;
        let mut used = process::cpu_s_with_ended_children(&server)?;
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // One that has ended meanwhile is not counted.
            if process::parent(&name).is_ok_and(|parent| parent == server) {
                used += process::cpu_s(&name).unwrap_or_default();
            }
        }
        connection.close().await?;
        Ok(used)
    }
}

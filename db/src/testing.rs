//! Stores for tests: a SQLite file, and a database of its own on the PostgreSQL server that
//! `TEST_DATABASE_URL` names.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::ConnectionTrait;

use crate::DatabaseUrl;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A store that exists as long as this value.
#[derive(Debug)]
pub struct TestStore {
    /// Where it is.
    pub url: DatabaseUrl,
    directory: Option<tempfile::TempDir>,
}

impl TestStore {
    /// A directory for SQLite files.
    ///
    /// # Panics
    /// When there is no temporary directory.
    #[must_use]
    pub fn sqlite() -> Self {
        #[expect(clippy::expect_used, reason = "a test without a temporary directory cannot go on")]
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { url: DatabaseUrl::Sqlite(directory.path().join("data")), directory: Some(directory) }
    }

    /// A new database on the server of `TEST_DATABASE_URL`; it goes with the server, which `make
    /// test` starts in a temporary directory.
    ///
    /// # Panics
    /// When `TEST_DATABASE_URL` is not set or its server does not answer.
    #[expect(
        clippy::expect_used,
        clippy::disallowed_methods,
        reason = "a test without its server cannot go on"
    )]
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names a PostgreSQL server; `make test` starts one");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let connection =
            sea_orm::Database::connect(&server).await.expect("the server of TEST_DATABASE_URL answers");
        connection
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database of its own");
        connection.close().await.expect("the connection closes");
        let (base, _) = server.rsplit_once('/').expect("TEST_DATABASE_URL ends with a database");
        Self { url: DatabaseUrl::Postgres(format!("{base}/{name}")), directory: None }
    }

    /// Both kinds, for tests that must hold on each.
    pub async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    /// The directory of a SQLite store.
    #[must_use]
    pub fn directory(&self) -> Option<&std::path::Path> {
        self.directory.as_ref().map(tempfile::TempDir::path)
    }
}

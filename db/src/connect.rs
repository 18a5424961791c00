//! Opening the store of one service.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sea_orm::sqlx::{self, Connection, PgConnection};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    DbErr, IsolationLevel, TransactionTrait,
};

use crate::{DatabaseUrl, Error};

/// What the writing connection to a SQLite file holds of it, in KiB below zero. A transaction that changes more pages
/// than fit writes them before it ends, often several times.
const WRITER_CACHE: &str = "-32768";
/// The same of each reading one.
const READER_CACHE: &str = "-2048";

/// Prepared statements that a connection to a SQLite file keeps: all of a service, lists of many lengths included.
const STATEMENTS: usize = 256;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Most connections to a PostgreSQL server, and most readers of a SQLite file.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub timeout: Duration,
}

impl Options {
    /// Options for `url` with 20 connections and a wait of 5 seconds.
    #[must_use]
    pub const fn new(url: DatabaseUrl) -> Self {
        Self { url, max_connections: 20, timeout: Duration::from_secs(5) }
    }
}

/// The store of one service.
///
/// SQLite has one writer: its writing pool holds a single connection, so writers queue here
/// instead of failing with "database is locked".
#[derive(Debug, Clone)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Database {
    /// Opens the store of `service`, making its file or schema when there is none.
    ///
    /// # Errors
    /// [`Error::Directory`] and [`Error::Connect`].
    pub async fn open(options: &Options, service: &str) -> Result<Self, Error> {
        let failed =
            |source| Error::Connect { url: options.url.to_string(), service: service.to_owned(), source };
        match &options.url {
            DatabaseUrl::Sqlite(directory) => {
                make_writable(directory)?;
                let file = sqlite_file(directory, service);
                let writer = sqlite(&file, options, (1, WRITER_CACHE)).await.map_err(failed)?;
                let reader =
                    sqlite(&file, options, (options.max_connections, READER_CACHE)).await.map_err(failed)?;
                Ok(Self { reader, writer })
            }
            DatabaseUrl::Postgres(url) => {
                let connection = postgres(url, options, service).await.map_err(failed)?;
                Ok(Self { reader: connection.clone(), writer: connection })
            }
        }
    }

    /// Whether the store of `service` was made already; makes none.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub async fn exists(options: &Options, service: &str) -> Result<bool, Error> {
        let failed =
            |source| Error::Connect { url: options.url.to_string(), service: service.to_owned(), source };
        match &options.url {
            DatabaseUrl::Sqlite(directory) => Ok(sqlite_file(directory, service).exists()),
            DatabaseUrl::Postgres(url) => {
                let mut connection = reach(url, options).await.map_err(failed)?;
                let found = has_schema(&mut connection, service).await.map_err(failed)?;
                connection.close().await.map_err(|error| failed(refusal(&error)))?;
                Ok(found)
            }
        }
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn write(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writer.begin().await
    }

    /// Begins a read of one consistent snapshot.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.backend() {
            DatabaseBackend::Postgres => {
                let snapshot = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
                self.reader.begin_with_config(snapshot.0, snapshot.1).await
            }
            _ => self.reader.begin().await,
        }
    }

    /// Asks the store for a sign of life.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.reader.execute_unprepared("SELECT 1").await.map(drop)
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> DatabaseBackend {
        self.reader.get_database_backend()
    }

    /// Closes every connection.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn close(self) -> Result<(), DbErr> {
        self.writer.close().await?;
        self.reader.close().await
    }

    pub(crate) const fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }
}

/// Tries whether the place of the stores can be used, without making one.
///
/// # Errors
/// As [`Database::open`].
pub async fn check(options: &Options) -> Result<(), Error> {
    match &options.url {
        DatabaseUrl::Sqlite(directory) => make_writable(directory),
        DatabaseUrl::Postgres(url) => {
            let failed = |source| Error::Connect {
                url: options.url.to_string(),
                service: "capstan".to_owned(),
                source,
            };
            reach(url, options).await.map_err(failed)?.close().await.map_err(|error| failed(refusal(&error)))
        }
    }
}

fn sqlite_file(directory: &Path, service: &str) -> PathBuf {
    directory.join(format!("{service}.sqlite"))
}

fn make_writable(directory: &Path) -> Result<(), Error> {
    let refused = |source| Error::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(refused)?;
    let probe = directory.join(".capstan-write-probe");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(refused)
}

async fn sqlite(
    file: &Path,
    options: &Options,
    (connections, cache): (u32, &'static str),
) -> Result<DatabaseConnection, DbErr> {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

    let path = file.to_owned();
    let mut connect = ConnectOptions::new("sqlite://");
    connect.max_connections(connections).acquire_timeout(options.timeout).sqlx_logging(false);
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode this loses nothing when the process dies, and stays consistent when the machine does.
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", cache)
            // What a statement may have to take back is a temporary file otherwise.
            .pragma("temp_store", "memory")
            // 64 MiB of log before it is carried over, so that a page that many transactions change goes over once.
            .pragma("wal_autocheckpoint", "16000")
            // Rows come from a thread of the driver, which waits for us when so many are on their way.
            .row_buffer_size(1024)
            .statement_cache_capacity(STATEMENTS)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
    });
    // A full disk can end a transaction behind the driver's back. It would take the next one for a part of
    // that one, and say that it was committed when it was not: such a connection is not used again.
    connect.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _| {
            Box::pin(async {
                // A rollback on its way comes first.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
    });
    sea_orm::Database::connect(connect).await
}

async fn postgres(url: &str, options: &Options, service: &str) -> Result<DatabaseConnection, DbErr> {
    make_schema(url, options, service).await?;
    let mut connect = ConnectOptions::new(url);
    connect
        .max_connections(options.max_connections)
        .acquire_timeout(options.timeout)
        .connect_timeout(options.timeout)
        .idle_timeout(Duration::from_secs(300))
        .set_schema_search_path(service)
        .set_application_name(format!("capstan-{service}"))
        .sqlx_logging(false);
    sea_orm::Database::connect(connect).await
}

async fn make_schema(url: &str, options: &Options, service: &str) -> Result<(), DbErr> {
    let mut connection = reach(url, options).await?;
    // A role without the right to create schemas can work in one that was made for it.
    if !has_schema(&mut connection, service).await? {
        let create = format!("CREATE SCHEMA IF NOT EXISTS \"{service}\"");
        sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .map_err(|error| refusal(&error))?;
    }
    connection.close().await.map_err(|error| refusal(&error))
}

async fn has_schema(connection: &mut PgConnection, service: &str) -> Result<bool, DbErr> {
    let found = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(service);
    let found = found.fetch_optional(connection).await.map_err(|error| refusal(&error))?;
    Ok(found.is_some())
}

/// Connects once: a pool would try again until its patience ends, and then not say why.
async fn reach(url: &str, options: &Options) -> Result<PgConnection, DbErr> {
    let patience = options.timeout.min(Duration::from_secs(3));
    match tokio::time::timeout(patience, PgConnection::connect(url)).await {
        Ok(connected) => connected.map_err(|error| refusal(&error)),
        Err(_) => Err(DbErr::Custom(format!("no answer within {} s", patience.as_secs()))),
    }
}

fn refusal(error: &sqlx::Error) -> DbErr {
    DbErr::Custom(error.to_string())
}

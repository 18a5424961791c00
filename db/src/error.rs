//! What can go wrong between a service and its store.

use std::path::PathBuf;

use sea_orm::DbErr;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is neither of SQLite nor of PostgreSQL.
    #[error("database url {url:?}: expected sqlite://<directory> or postgres://<user>@<host>/<database>")]
    Url {
        /// The URL, without a password.
        url: String,
    },
    /// The data directory cannot be made or written.
    #[error(
        "data directory {}: {source}; make it writable for this user, or name another with --data-dir or [database] url",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The server or file cannot be opened.
    #[error("database {url} of {service}: {source}")]
    Connect {
        /// The URL, without a password.
        url: String,
        /// The service.
        service: String,
        /// What the database says.
        source: DbErr,
    },
    /// The schema was written by a newer Capstan.
    #[error(
        "the database of {service} has migration {migration}, which this version does not know: \
         it was written by a newer capstan; run that version, or restore an older backup"
    )]
    NewerSchema {
        /// The service.
        service: String,
        /// The first unknown migration.
        migration: String,
    },
    /// A migration failed.
    #[error("migrating the database of {service}: {source}")]
    Migrate {
        /// The service.
        service: String,
        /// What the database says.
        source: DbErr,
    },
}

//! Where the state of a service lives.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::Error;

/// A directory of SQLite files or a PostgreSQL server.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// One file per service in this directory.
    Sqlite(PathBuf),
    /// One schema per service in this database.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    /// Reads `sqlite://directory` or `postgres://user:password@host:port/database`.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(directory) = text.strip_prefix("sqlite://").filter(|directory| !directory.is_empty()) {
            return Ok(Self::Sqlite(directory.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(Error::Url { url: without_password(text) })
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "sqlite://{}", directory.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn without_password(url: &str) -> String {
    let masked = || {
        let (scheme, rest) = url.split_once("://")?;
        let (credentials, place) = rest.rsplit_once('@')?;
        let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
        Some(format!("{scheme}://{user}:***@{place}"))
    };
    masked().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url: DatabaseUrl = "postgres://capstan:s3cr@et@db:5432/capstan".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://capstan:***@db:5432/capstan");
    }

    #[test]
    fn another_scheme_is_refused() {
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
        assert!("sqlite://".parse::<DatabaseUrl>().is_err());
    }
}

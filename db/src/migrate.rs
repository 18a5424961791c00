//! Bringing the schema of a service up to date, and back.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use crate::{Database, Error};

/// How far a schema is migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Migrations that were applied, oldest first.
    pub applied: Vec<String>,
    /// Migrations that this version has and the schema has not.
    pub pending: Vec<String>,
}

/// Refuses a schema of a newer version and applies what is pending.
///
/// # Errors
/// [`Error::NewerSchema`] and [`Error::Migrate`].
pub async fn prepare<M: MigratorTrait>(database: &Database, service: &str) -> Result<(), Error> {
    let failed = |source| Error::Migrate { service: service.to_owned(), source };
    let lock = Lock::take(database, service).await.map_err(failed)?;
    let state = state::<M>(database, service).await?;
    if !state.pending.is_empty() {
        M::up(database.writer(), None).await.map_err(failed)?;
        tracing::info!(service, migrations = state.pending.len(), "migrated the database");
    }
    lock.release().await.map_err(failed)
}

/// Takes back the newest `steps` migrations.
///
/// # Errors
/// As [`prepare`].
pub async fn down<M: MigratorTrait>(database: &Database, service: &str, steps: u32) -> Result<(), Error> {
    state::<M>(database, service).await?;
    let failed = |source| Error::Migrate { service: service.to_owned(), source };
    M::down(database.writer(), Some(steps)).await.map_err(failed)
}

/// Says which migrations are applied and which are pending.
///
/// # Errors
/// [`Error::NewerSchema`] when one is applied that this version does not have.
pub async fn state<M: MigratorTrait>(database: &Database, service: &str) -> Result<MigrationState, Error> {
    let failed = |source| Error::Migrate { service: service.to_owned(), source };
    M::install(database.writer()).await.map_err(failed)?;
    let models = M::get_migration_models(database.writer()).await.map_err(failed)?;
    let applied: Vec<String> = models.into_iter().map(|model| model.version).collect();
    let known: Vec<String> = M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    if let Some(migration) = applied.iter().find(|version| !known.contains(version)) {
        return Err(Error::NewerSchema { service: service.to_owned(), migration: migration.clone() });
    }
    let pending = known.into_iter().filter(|version| !applied.contains(version)).collect();
    Ok(MigrationState { applied, pending })
}

/// Keeps replicas that start together from migrating the same schema twice.
struct Lock(Option<sea_orm::DatabaseTransaction>);

impl Lock {
    async fn take(database: &Database, service: &str) -> Result<Self, DbErr> {
        if database.backend() != DatabaseBackend::Postgres {
            return Ok(Self(None));
        }
        let transaction = database.writer().begin().await?;
        let statement = format!("SELECT pg_advisory_xact_lock(hashtext('capstan.migrate.{service}'))");
        transaction.execute_unprepared(&statement).await?;
        Ok(Self(Some(transaction)))
    }

    async fn release(self) -> Result<(), DbErr> {
        match self.0 {
            Some(transaction) => transaction.commit().await,
            None => Ok(()),
        }
    }
}

//! `capstan migrate`: schemas up, down, and how far they are.

use std::io::Write;

use capstan_db::{Database, MigrationState, Options};
use sea_orm_migration::MigratorTrait;

use crate::{
    cli::{Direction, Migrate, Stateful},
    configuration,
};

/// Does what the command line says and prints how far the schema then is.
pub(crate) async fn migrate(migrate: Migrate) -> anyhow::Result<()> {
    let platform = configuration::load(migrate.config.as_deref())?.platform()?;
    let options = Options::new(platform.database.url.parse()?);
    let state = match migrate.service {
        Stateful::Indexer => {
            apply::<capstan_db::indexer::Migrator>(&options, "indexer", migrate.direction).await?
        }
        Stateful::Market => {
            apply::<capstan_db::market::Migrator>(&options, "market", migrate.direction).await?
        }
    };
    let mut out = std::io::stdout();
    for version in state.applied {
        writeln!(out, "applied  {version}")?;
    }
    for version in state.pending {
        writeln!(out, "pending  {version}")?;
    }
    Ok(())
}

async fn apply<M: MigratorTrait>(
    options: &Options,
    service: &str,
    direction: Direction,
) -> anyhow::Result<MigrationState> {
    let database = Database::open(options, service).await?;
    match direction {
        Direction::Status => {}
        Direction::Up => capstan_db::prepare::<M>(&database, service).await?,
        Direction::Down => capstan_db::down::<M>(&database, service, 1).await?,
    }
    let state = capstan_db::state::<M>(&database, service).await?;
    database.close().await?;
    Ok(state)
}

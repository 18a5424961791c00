//! The indexer's tables: the event log and what is needed to keep it right.

pub mod entities;
mod migrations;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The migrations of the indexer, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(migrations::m0001_event_log::Migration),
            Box::new(migrations::m0002_raw_log::Migration),
            Box::new(migrations::m0003_watched_transaction::Migration),
            Box::new(migrations::m0004_pool::Migration),
            Box::new(migrations::m0005_added_contract::Migration),
            Box::new(migrations::m0006_pool_horizon::Migration),
            Box::new(migrations::m0007_forgotten_fork::Migration),
            Box::new(migrations::m0008_pool_gap::Migration),
            Box::new(migrations::m0009_contract_tokens::Migration),
        ]
    }
}

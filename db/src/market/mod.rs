//! The market's tables: markets, pools and balances, and what takes them back.

pub mod entities;
mod migrations;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The migrations of the market, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(migrations::m0001_projection::Migration),
            Box::new(migrations::m0002_markets::Migration),
            Box::new(migrations::m0003_history::Migration),
            Box::new(migrations::m0004_candles::Migration),
            Box::new(migrations::m0005_block_times::Migration),
            Box::new(migrations::m0006_costs::Migration),
            Box::new(migrations::m0007_reads::Migration),
            Box::new(migrations::m0008_lists::Migration),
            Box::new(migrations::m0009_interest::Migration),
            Box::new(migrations::m0010_names::Migration),
            Box::new(migrations::m0011_clustered::Migration),
        ]
    }
}

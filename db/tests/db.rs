//! Every migration goes up, down and up again, and columns keep what they are given, on both databases.
#![allow(clippy::unwrap_used, reason = "tests")]

use capstan_db::{Database, Error, Options, columns::AmountColumn, testing::TestStore};
use capstan_primitives::{Amount, U256};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::MigratorTrait;

async fn up_down_up<M: MigratorTrait>(service: &str) {
    for store in TestStore::both().await {
        let database = Database::open(&Options::new(store.url.clone()), service).await.unwrap();
        capstan_db::prepare::<M>(&database, service).await.unwrap();
        let all = capstan_db::state::<M>(&database, service).await.unwrap();
        assert!(all.pending.is_empty() && !all.applied.is_empty());
        let steps = u32::try_from(all.applied.len()).unwrap();
        capstan_db::down::<M>(&database, service, steps).await.unwrap();
        assert_eq!(capstan_db::state::<M>(&database, service).await.unwrap().pending, all.applied);
        capstan_db::prepare::<M>(&database, service).await.unwrap();
        assert_eq!(capstan_db::state::<M>(&database, service).await.unwrap(), all);
        database.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_indexers_migrations_go_up_down_up() {
    up_down_up::<capstan_db::indexer::Migrator>("indexer").await;
}

#[tokio::test]
async fn the_markets_migrations_go_up_down_up() {
    up_down_up::<capstan_db::market::Migrator>("market").await;
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    for store in TestStore::both().await {
        let database = Database::open(&Options::new(store.url.clone()), "indexer").await.unwrap();
        capstan_db::prepare::<capstan_db::indexer::Migrator>(&database, "indexer").await.unwrap();
        let write = database.write().await.unwrap();
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
        write.execute_unprepared(newer).await.unwrap();
        write.commit().await.unwrap();
        let refused =
            capstan_db::prepare::<capstan_db::indexer::Migrator>(&database, "indexer").await.unwrap_err();
        assert!(
            matches!(&refused, Error::NewerSchema { migration, .. } if migration == "m9999_from_the_future")
        );
        assert!(refused.to_string().contains("written by a newer capstan"), "{refused}");
    }
}

#[tokio::test]
async fn every_amount_survives_the_database() {
    for store in TestStore::both().await {
        let database = Database::open(&Options::new(store.url.clone()), "amounts").await.unwrap();
        let write = database.write().await.unwrap();
        let kind =
            if matches!(store.url, capstan_db::DatabaseUrl::Sqlite(_)) { "TEXT" } else { "NUMERIC(78,0)" };
        write.execute_unprepared(&format!("CREATE TABLE amounts (amount {kind} NOT NULL)")).await.unwrap();
        for amount in [U256::ZERO, U256::from(1), U256::from(10).pow(U256::from(77)), U256::MAX].map(Amount) {
            write.execute_unprepared("DELETE FROM amounts").await.unwrap();
            let insert = Statement::from_sql_and_values(
                database.backend(),
                "INSERT INTO amounts (amount) VALUES ($1)",
                [AmountColumn(amount).into()],
            );
            write.execute_raw(insert).await.unwrap();
            let select = Statement::from_string(database.backend(), "SELECT amount FROM amounts");
            let row = write.query_one_raw(select).await.unwrap().unwrap();
            assert_eq!(row.try_get::<AmountColumn>("", "amount").unwrap().0, amount);
        }
    }
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_refused_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data");
    std::fs::write(&file, "").unwrap();
    let url = format!("sqlite://{}", file.display()).parse().unwrap();
    let refused = Database::open(&Options::new(url), "indexer").await.unwrap_err().to_string();
    assert!(refused.contains(&file.display().to_string()) && refused.contains("--data-dir"), "{refused}");
}

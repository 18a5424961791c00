//! Every migration goes up, down and up again, and columns keep what they are given, on both databases.
#![allow(clippy::unwrap_used, reason = "tests")]

use capstan_db::{
    Database, Error, Options,
    bulk::{insert_all, replace_all},
    columns::AmountColumn,
    market::entities::{balance, block},
    testing::TestStore,
};
use capstan_primitives::{Address, Amount, Hash, U256};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder, Statement};
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

fn block_row(number: i64, time: i64) -> block::ActiveModel {
    block::ActiveModel {
        chain_id: Set(1),
        number: Set(number),
        hash: Set(Hash::ZERO.into()),
        time: Set(time),
        position: Set(number),
    }
}

#[tokio::test]
async fn rows_of_any_number_are_there_once_and_can_be_replaced() {
    for store in TestStore::both().await {
        let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
        capstan_db::prepare::<capstan_db::market::Migrator>(&database, "market").await.unwrap();
        let mut first = 0;
        for count in [0, 1, 2, 3, 511, 512, 513, 1_663] {
            let write = database.write().await.unwrap();
            insert_all(&write, (first..first + count).map(|number| block_row(number, 0)).collect())
                .await
                .unwrap();
            first += count;
            let half = first / 2;
            replace_all(&write, (half..=first).map(|number| block_row(number, 9)).collect()).await.unwrap();
            first += 1;
            write.commit().await.unwrap();
            let read = database.read().await.unwrap();
            let rows = block::Entity::find().order_by_asc(block::Column::Number).all(&read).await.unwrap();
            let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
            assert_eq!(numbers, (0..first).collect::<Vec<_>>());
            assert!(rows.iter().all(|row| row.number < half || row.time == 9), "{first}");
        }
        let write = database.write().await.unwrap();
        assert!(insert_all(&write, vec![block_row(0, 0)]).await.is_err(), "a key that is there");
        let without = block::ActiveModel { chain_id: Set(1), ..Default::default() };
        assert!(insert_all(&write, vec![without]).await.is_err(), "a row that lacks columns");
    }
}

#[tokio::test]
async fn making_tables_anew_keeps_their_rows_and_indexes() {
    let store = TestStore::sqlite();
    let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
    capstan_db::prepare::<capstan_db::market::Migrator>(&database, "market").await.unwrap();
    let write = database.write().await.unwrap();
    let row = |holder: u8| balance::ActiveModel {
        chain_id: Set(1),
        contract: Set(Address::from([1; 20]).into()),
        position_id: Set(Hash::ZERO.into()),
        holder: Set(Address::from([holder; 20]).into()),
        amount: Set(AmountColumn(Amount(U256::from(holder)))),
    };
    insert_all(&write, (1..=100).map(row).collect()).await.unwrap();
    write.commit().await.unwrap();
    let schema = async || {
        let select = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name";
        let read = database.read().await.unwrap();
        let rows = read.query_all_raw(Statement::from_string(database.backend(), select)).await.unwrap();
        let text = |row: &sea_orm::QueryResult| -> [Option<String>; 3] {
            [0, 1, 2].map(|column| row.try_get_by_index(column).unwrap())
        };
        rows.iter().map(text).collect::<Vec<_>>()
    };
    let (before, clustered) = (schema().await, "m0011_clustered");
    let migrations = capstan_db::market::Migrator::migrations();
    let at = migrations.iter().position(|migration| migration.name() == clustered).unwrap();
    let steps = u32::try_from(migrations.len() - at).unwrap();
    capstan_db::down::<capstan_db::market::Migrator>(&database, "market", steps).await.unwrap();
    assert_ne!(schema().await, before);
    // As if it had been killed after its first change.
    let write = database.write().await.unwrap();
    write.execute_unprepared("DROP INDEX cost_basis_by_holder").await.unwrap();
    write.commit().await.unwrap();
    capstan_db::prepare::<capstan_db::market::Migrator>(&database, "market").await.unwrap();
    assert_eq!(schema().await, before);
    let read = database.read().await.unwrap();
    assert_eq!(balance::Entity::find().count(&read).await.unwrap(), 100);
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

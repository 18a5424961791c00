//! Cursors that consumers leave here.

use capstan_db::columns::signed;
use capstan_db::indexer::entities::{chain, consumer};
use capstan_primitives::ChainId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, Set, sea_query::OnConflict,
};

use super::Store;
use crate::error::Error;

/// What the names begin with that the indexer keeps here of its own publications.
pub const PUBLICATIONS: &str = "kafka:";

/// How far a consumer is.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// Its name.
    pub consumer_id: &'a str,
    /// Its cursor.
    pub cursor: &'a str,
    /// When it said so, milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// Keeps the cursor of a consumer, in place of an earlier one; false when it is new and there are `most`
    /// already.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn commit_cursor(&self, commit: Commit<'_>, most: u64) -> Result<bool, Error> {
        let write = self.database.write().await?;
        let known = consumer::Entity::find_by_id(commit.consumer_id.to_owned()).one(&write).await?;
        if known.is_none() && u64::try_from(of_others(&write).await?.len()).is_ok_and(|count| count >= most) {
            return Ok(false);
        }
        keep(&write, commit).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Consumers that committed a cursor since `oldest`, milliseconds since 1970, with their cursors. The
    /// others are forgotten.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn consumers_since(&self, oldest: i64) -> Result<Vec<(String, String)>, Error> {
        let rows = of_others(&self.database.read().await?).await?;
        let (old, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.committed_at < oldest);
        if !old.is_empty() {
            let write = self.database.write().await?;
            consumer::Entity::delete_many()
                .filter(consumer::Column::Id.is_in(old.into_iter().map(|row| row.id)))
                .filter(consumer::Column::CommittedAt.lt(oldest))
                .exec(&write)
                .await?;
            write.commit().await?;
        }
        Ok(kept.into_iter().map(|row| (row.id, row.cursor)).collect())
    }

    /// Keeps the cursor of a consumer that is the writer of a chain's log, as long as it has this
    /// number; false when it has another one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn commit_as_writer(
        &self,
        chain_id: ChainId,
        writer: u64,
        commit: Commit<'_>,
    ) -> Result<bool, Error> {
        let write = self.database.write().await?;
        let row =
            chain::Entity::find_by_id(signed(chain_id.0)).filter(chain::Column::Writer.eq(signed(writer)));
        // On SQLite the transaction itself keeps others out.
        let row = match write.get_database_backend() {
            DatabaseBackend::Postgres => row.lock_shared(),
            _ => row,
        };
        if row.one(&write).await?.is_none() {
            return Ok(false);
        }
        keep(&write, commit).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The cursor that a consumer committed last, and when, milliseconds since 1970.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn committed_cursor(&self, consumer_id: &str) -> Result<Option<(String, i64)>, Error> {
        let read = self.database.read().await?;
        let row = consumer::Entity::find_by_id(consumer_id.to_owned()).one(&read).await?;
        Ok(row.map(|row| (row.cursor, row.committed_at)))
    }
}

impl Store {
    /// Consumers whose names begin with `first`, with their cursors.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn consumers(&self, first: &str) -> Result<Vec<(String, String)>, Error> {
        let read = self.database.read().await?;
        let found = consumer::Entity::find().filter(consumer::Column::Id.starts_with(first));
        let rows = found.all(&read).await?.into_iter();
        // The database takes some characters for any.
        Ok(rows.filter(|row| row.id.starts_with(first)).map(|row| (row.id, row.cursor)).collect())
    }
}

/// All but the indexer's own; there are few.
async fn of_others(connection: &impl ConnectionTrait) -> Result<Vec<consumer::Model>, DbErr> {
    let mut rows = consumer::Entity::find().all(connection).await?;
    rows.retain(|row| !row.id.starts_with(PUBLICATIONS));
    Ok(rows)
}

async fn keep(write: &DatabaseTransaction, commit: Commit<'_>) -> Result<(), DbErr> {
    let Commit { consumer_id, cursor, at } = commit;
    let row = consumer::ActiveModel {
        id: Set(consumer_id.to_owned()),
        cursor: Set(cursor.to_owned()),
        committed_at: Set(at),
    };
    let newer = OnConflict::column(consumer::Column::Id)
        .update_columns([consumer::Column::Cursor, consumer::Column::CommittedAt])
        .to_owned();
    consumer::Entity::insert(row).on_conflict(newer).exec_without_returning(write).await?;
    Ok(())
}

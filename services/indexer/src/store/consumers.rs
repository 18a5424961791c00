//! Cursors that consumers leave here.

use capstan_db::indexer::entities::consumer;
use sea_orm::{EntityTrait, Set, sea_query::OnConflict};

use super::Store;
use crate::error::Error;

impl Store {
    /// Keeps the cursor of a consumer, in place of an earlier one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn commit_cursor(&self, consumer_id: &str, cursor: &str, now: i64) -> Result<(), Error> {
        let write = self.database.write().await?;
        let row = consumer::ActiveModel {
            id: Set(consumer_id.to_owned()),
            cursor: Set(cursor.to_owned()),
            committed_at: Set(now),
        };
        let newer = OnConflict::column(consumer::Column::Id)
            .update_columns([consumer::Column::Cursor, consumer::Column::CommittedAt])
            .to_owned();
        consumer::Entity::insert(row).on_conflict(newer).exec_without_returning(&write).await?;
        write.commit().await?;
        Ok(())
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

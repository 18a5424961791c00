//! Cursors that consumers without a database of their own leave here.

use sea_orm::entity::prelude::*;

/// One consumer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consumer")]
pub struct Model {
    /// Name that the consumer gave itself.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Cursor, as it was sent.
    pub cursor: String,
    /// When, milliseconds since 1970, wall time.
    pub committed_at: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! Kinds of logs by number, so that rows and indexes stay narrow.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One kind of log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_type")]
pub struct Model {
    /// Number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The contracts that emit it: a protocol, or `abi:` and the configured name.
    pub source: String,
    /// First topic; zero for a log without topics.
    pub topic: HashColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

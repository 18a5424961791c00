//! Kinds of logs and the numbers that rows carry for them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use capstan_db::columns::HashColumn;
use capstan_db::indexer::entities::event_type;
use sea_orm::{EntityTrait, QueryOrder, Set, sea_query::OnConflict};

use super::Store;
use crate::{domain::EventType, error::Error};

/// What is known of the table; it only grows.
#[derive(Debug, Default)]
pub(super) struct Types(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    by_type: HashMap<EventType, i32>,
    by_id: HashMap<i32, EventType>,
}

impl Types {
    fn id(&self, of: &EventType) -> Option<i32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_type.get(of).copied()
    }

    fn of(&self, id: i32) -> Option<EventType> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }

    fn learn(&self, rows: Vec<event_type::Model>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let of = EventType { source: Arc::from(row.source), topic: row.topic.0 };
            known.by_type.insert(of.clone(), row.id);
            known.by_id.insert(row.id, of);
        }
    }
}

impl Store {
    /// The numbers of `types`, in their order; those that have none yet are given one.
    pub(super) async fn type_ids(&self, types: &[&EventType]) -> Result<Vec<i32>, Error> {
        let mut ids = Vec::with_capacity(types.len());
        for of in types {
            ids.push(match self.types.id(of) {
                Some(id) => id,
                None => self.add_type(of).await?,
            });
        }
        Ok(ids)
    }

    /// Every kind of log that has a number.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn all_types(&self) -> Result<Vec<(i32, EventType)>, Error> {
        let read = self.database.read().await?;
        let rows = event_type::Entity::find().order_by_asc(event_type::Column::Id).all(&read).await?;
        self.types.learn(rows);
        let known = self.types.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(known.by_id.iter().map(|(id, of)| (*id, of.clone())).collect())
    }

    /// The kind of log behind a number.
    pub(super) async fn type_of(&self, id: i32) -> Result<EventType, Error> {
        if let Some(of) = self.types.of(id) {
            return Ok(of);
        }
        self.all_types().await?;
        self.types.of(id).ok_or_else(|| Error::Row(format!("event type {id} does not exist")))
    }

    /// Two indexers of different chains may add one at a time: the one that comes second reads on.
    async fn add_type(&self, of: &EventType) -> Result<i32, Error> {
        loop {
            self.all_types().await?;
            if let Some(id) = self.types.id(of) {
                return Ok(id);
            }
            let write = self.database.write().await?;
            let newest = event_type::Entity::find()
                .order_by_desc(event_type::Column::Id)
                .one(&write)
                .await?
                .map_or(0, |row| row.id);
            let row = event_type::ActiveModel {
                id: Set(newest.saturating_add(1)),
                source: Set(of.source.to_string()),
                topic: Set(HashColumn(of.topic)),
            };
            event_type::Entity::insert(row)
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(&write)
                .await?;
            write.commit().await?;
        }
    }
}

//! Who may write the log of a chain: one process at a time, for as long as it renews its lease.

use std::time::Duration;

use capstan_db::columns::signed;
use capstan_db::indexer::entities::chain;
use capstan_primitives::ChainId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, LockBehavior, LockType, SimpleExpr},
};

use super::{Store, rows};
use crate::{domain::ChainProgress, error::Error};

impl Store {
    /// Takes the log of a chain for `lease` when nobody has it, under a new number. A log that is being
    /// written to is not waited for.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn acquire(&self, chain_id: ChainId, lease: Duration) -> Result<Option<ChainProgress>, Error> {
        let free = chain::Column::WriterUntil.into_expr().lte(self.now());
        let row = chain::Entity::find_by_id(signed(chain_id.0)).filter(free.clone());
        let read = self.database.read().await?;
        if row.clone().one(&read).await?.is_none() {
            return Ok(None);
        }
        drop(read);
        let write = self.database.write().await?;
        if write.get_database_backend() == DatabaseBackend::Postgres {
            let locked = row.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
            if locked.one(&write).await?.is_none() {
                return Ok(None);
            }
        }
        let taken = chain::Entity::update_many()
            .col_expr(chain::Column::Writer, chain::Column::Writer.into_expr().add(1))
            .col_expr(chain::Column::WriterUntil, self.after(lease))
            .filter(chain::Column::ChainId.eq(signed(chain_id.0)))
            .filter(free)
            .exec(&write)
            .await?;
        let row = chain::Entity::find_by_id(signed(chain_id.0)).one(&write).await?;
        write.commit().await?;
        Ok(row.filter(|_| taken.rows_affected == 1).map(rows::progress))
    }

    /// Has `writer` keep the log of a chain for another `lease`; false when another one has it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn renew(&self, chain_id: ChainId, writer: u64, lease: Duration) -> Result<bool, Error> {
        let write = self.database.write().await?;
        let renewed = chain::Entity::update_many()
            .col_expr(chain::Column::WriterUntil, self.after(lease))
            .filter(chain::Column::ChainId.eq(signed(chain_id.0)))
            .filter(chain::Column::Writer.eq(signed(writer)))
            .exec(&write)
            .await?;
        write.commit().await?;
        Ok(renewed.rows_affected == 1)
    }

    /// Gives back the log of a chain, if `writer` still has it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn give_up(&self, chain_id: ChainId, writer: u64) -> Result<(), Error> {
        let write = self.database.write().await?;
        chain::Entity::update_many()
            .set(chain::ActiveModel { writer_until: Set(0), ..Default::default() })
            .filter(chain::Column::ChainId.eq(signed(chain_id.0)))
            .filter(chain::Column::Writer.eq(signed(writer)))
            .exec(&write)
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Milliseconds since 1970 by the one clock that all writers share: the database's.
    fn now(&self) -> SimpleExpr {
        match self.database.backend() {
            DatabaseBackend::Postgres => Expr::cust("(extract(epoch FROM clock_timestamp()) * 1000)::bigint"),
            _ => Expr::cust("CAST((julianday('now') - 2440587.5) * 86400000 AS integer)"),
        }
    }

    fn after(&self, lease: Duration) -> SimpleExpr {
        self.now().add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
    }
}

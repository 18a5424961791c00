//! What is known of where readers of the log stand.

use capstan_db::columns::{HashColumn, signed};
use capstan_db::indexer::entities::{block, reorg};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{Store, read::junction};
use crate::{
    domain::{ChainProgress, Position, place},
    error::Error,
};

impl Store {
    /// Whether the log has, or may have had, a block that a cursor was made for.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn knows(&self, progress: &ChainProgress, at: Position) -> Result<bool, Error> {
        Ok(knows(&self.database.read().await?, progress, at).await?)
    }

    /// Whether a reorg took back something of what was delivered through `at`, and of which blocks is
    /// forgotten.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forgot(&self, progress: &ChainProgress, at: Position) -> Result<bool, Error> {
        Ok(forgot(&self.database.read().await?, progress, at).await?)
    }
}

async fn knows(read: &DatabaseTransaction, progress: &ChainProgress, at: Position) -> Result<bool, DbErr> {
    let number = place::number_of(at.place);
    // Of a block that is not kept nothing is known, but perhaps an orphan beside it.
    if at.mark == 0 || !progress.keeps_from(number) {
        return Ok(true);
    }
    let hashes: Vec<HashColumn> = block::Entity::find()
        .select_only()
        .column(block::Column::Hash)
        .filter(block::Column::ChainId.eq(signed(progress.chain_id.0)))
        .filter(block::Column::Number.eq(signed(number)))
        .into_tuple()
        .all(read)
        .await?;
    let is_there = hashes.iter().any(|hash| Position::mark_of(&hash.0) == at.mark);
    Ok(is_there || hashes.is_empty() || forgot(read, progress, at).await?)
}

/// [`Store::forgot`] in a snapshot.
pub(super) async fn forgot(
    read: &DatabaseTransaction,
    progress: &ChainProgress,
    at: Position,
) -> Result<bool, DbErr> {
    if at.is_unread() || at.fork >= progress.forgotten_fork {
        return Ok(false);
    }
    let below = reorg::Entity::find()
        .filter(reorg::Column::ChainId.eq(signed(progress.chain_id.0)))
        .filter(reorg::Column::Fork.gt(signed(at.fork)))
        .filter(reorg::Column::Fork.lte(signed(progress.forgotten_fork)))
        .filter(reorg::Column::LastValidNumber.lt(signed(place::number_of(at.place))));
    Ok(below.one(read).await?.is_some())
}

/// Checks that a list can go on whose pages so far reach to `at`.
///
/// # Errors
/// [`Error::PageOfOtherLog`], and [`Error::PageReorged`] when blocks at or below `at` left the chain since.
pub(super) async fn check_page(
    read: &DatabaseTransaction,
    progress: &ChainProgress,
    at: Position,
) -> Result<(), Error> {
    let end = progress.indexed.map_or(0, |block| place::end_of(block.number));
    let is_ahead = at.fork == progress.fork && at.place > end;
    if at.log_id != progress.log_id || at.fork > progress.fork || is_ahead {
        return Err(Error::PageOfOtherLog);
    }
    let lowest = junction(read, progress, at.fork).await?;
    let is_void = lowest.is_some_and(|undo| at.place > place::end_of(undo.last_valid.number));
    if is_void || at.fork < progress.earliest_fork {
        return Err(Error::PageReorged);
    }
    if knows(read, progress, at).await? { Ok(()) } else { Err(Error::PageOfOtherLog) }
}

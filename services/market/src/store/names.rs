//! Slugs: which market they mean, and which markets go without one.

use std::collections::HashMap;

use capstan_db::{columns::signed, market::entities::market};
use capstan_primitives::ChainId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{CHUNK, Error, Read, rows};
use crate::domain::{
    market::{Announcement, MarketId, Place},
    name::{Name, Slug},
};

impl Read {
    /// The markets that slugs mean on a chain: of each the oldest that has it.
    async fn oldest_of(
        &self,
        chain: ChainId,
        slugs: &[&Slug],
    ) -> Result<HashMap<Slug, (Place, MarketId)>, Error> {
        let mut oldest = HashMap::new();
        for slugs in slugs.chunks(CHUNK) {
            let wanted = rows::padded(slugs.iter().map(|slug| slug.as_str()));
            let found = market::Entity::find()
                .filter(market::Column::ChainId.eq(signed(chain.0)))
                .filter(market::Column::Slug.is_in(wanted))
                .order_by_asc(market::Column::BlockNumber)
                .order_by_asc(market::Column::LogIndex)
                .all(&self.transaction)
                .await?;
            for row in found {
                let Some(slug) = rows::slug(row.slug)? else { continue };
                let market = (
                    rows::place(row.block_number, row.log_index),
                    rows::market_id("market", &row.market_id)?,
                );
                oldest.entry(slug).or_insert(market);
            }
        }
        Ok(oldest)
    }

    /// The ids of those of `names` that can mean a market of a chain.
    pub(crate) async fn ids_of(
        &self,
        chain: ChainId,
        names: &[Name],
    ) -> Result<HashMap<Name, MarketId>, Error> {
        let slugs: Vec<&Slug> = names.iter().filter_map(Name::slug).collect();
        let oldest = match slugs.is_empty() {
            true => HashMap::new(),
            false => self.oldest_of(chain, &slugs).await?,
        };
        let id = |name: &Name| match name {
            Name::Id(id) => Some(*id),
            Name::Slug(slug) => oldest.get(slug).map(|(_, id)| *id),
        };
        Ok(names.iter().filter_map(|name| Some((name.clone(), id(name)?))).collect())
    }

    /// Leaves a slug to the oldest market that has it: a younger one would be taken for that.
    pub(super) async fn without_taken_slugs(
        &self,
        chain: ChainId,
        announcements: &mut [Announcement],
    ) -> Result<(), Error> {
        let slugs: Vec<&Slug> = announcements.iter().filter_map(|market| market.slug.as_ref()).collect();
        if slugs.is_empty() {
            return Ok(());
        }
        let oldest = self.oldest_of(chain, &slugs).await?;
        for market in announcements {
            let is_oldest = |slug: &Slug| oldest.get(slug).is_none_or(|(place, _)| *place >= market.place);
            market.slug = market.slug.take().filter(is_oldest);
        }
        Ok(())
    }
}

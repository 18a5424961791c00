//! Slugs: which market they mean, and which markets go without one.

use std::collections::HashMap;

use capstan_db::{columns::signed, market::entities::market};
use capstan_primitives::ChainId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, FromQueryResult, Order,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::{CHUNK, Error, Read, rows};
use crate::domain::{
    market::{Announcement, MarketId},
    name::{Name, Slug},
};

/// A slug and the oldest market that has it.
#[derive(Debug, FromQueryResult)]
struct Oldest {
    slug: String,
    market_id: Option<Vec<u8>>,
}

/// One look into the index for each slug.
fn oldest_with(chain: ChainId, slugs: Vec<&str>) -> SelectStatement {
    let wanted = ("wanted", "column1");
    let oldest = Query::select()
        .column(market::Column::MarketId)
        .from(market::Entity)
        .and_where(market::Column::ChainId.eq(signed(chain.0)))
        .and_where(Expr::col(market::Column::Slug).equals(wanted))
        .order_by(market::Column::BlockNumber, Order::Asc)
        .order_by(market::Column::LogIndex, Order::Asc)
        .limit(1)
        .take();
    Query::select()
        .expr_as(Expr::col(wanted), market::Column::Slug)
        .expr_as(Expr::SubQuery(None, Box::new(oldest.into())), market::Column::MarketId)
        .from_values(slugs, "wanted")
        .take()
}

impl Read {
    /// The markets that slugs mean on a chain: of each the oldest that has it, however many others have it, too.
    async fn oldest_of(&self, chain: ChainId, slugs: &[&Slug]) -> Result<HashMap<Slug, MarketId>, Error> {
        let mut oldest = HashMap::new();
        for slugs in slugs.chunks(CHUNK) {
            let wanted = rows::padded(slugs.iter().map(|slug| slug.as_str()));
            let statement = self.transaction.get_database_backend().build(&oldest_with(chain, wanted));
            for Oldest { slug, market_id } in
                Oldest::find_by_statement(statement).all(&self.transaction).await?
            {
                let (Some(slug), Some(id)) = (rows::slug(Some(slug))?, market_id) else { continue };
                oldest.insert(slug, rows::market_id("market", &id)?);
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
            Name::Slug(slug) => oldest.get(slug).copied(),
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
            market.slug = market.slug.take().filter(|slug| oldest.get(slug) == Some(&market.id));
        }
        Ok(())
    }
}

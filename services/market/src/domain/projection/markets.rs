//! Markets that a factory announced.

use capstan_primitives::{Address, Amount};

use super::{AnnouncedResolution, Effect, Projection, contradiction};
use crate::domain::{
    event::{MarketCreated, Origin},
    market::{Announcement, MarketId, Tokens},
    name::Slug,
    state::{KnownMarket, Link},
};

impl Projection<'_> {
    pub(super) fn market_created(&mut self, origin: &Origin, created: &MarketCreated) -> Effect {
        if let Some(known) = self.state.markets.get(&created.market_id) {
            return Err(contradiction(format!("the market id is taken by a market of {}", known.factory)));
        }
        let oldest = self.state.conditions.get(&created.condition_id).and_then(|known| known.first());
        let tokens = match oldest {
            Some(condition) => Some(Self::tokens_of(condition, created.collateral)?),
            None => None,
        };
        self.state.factories.insert(origin.address);
        self.state.markets.insert(
            created.market_id,
            KnownMarket {
                factory: origin.address,
                condition_id: created.condition_id,
                collateral: created.collateral,
                tokens: None,
                pool: None,
            },
        );
        if let Some(tokens) = tokens {
            self.give_tokens(created.market_id, tokens, origin.block.number);
        }
        self.changes.markets.push(announcement(origin, created));
        Ok(())
    }

    pub(super) fn pool_announced(&mut self, origin: &Origin, market_id: MarketId, pool: Address) -> Effect {
        let tokens = self.tokens_for_link(origin, market_id, pool)?;
        let market = self.state.markets.get_mut(&market_id);
        let without_tokens = market.is_some_and(|market| {
            market.pool = Some(pool);
            market.tokens.is_none()
        });
        if without_tokens {
            self.give_tokens(market_id, tokens, origin.block.number);
        }
        self.state.links.insert(pool, market_id);
        self.changes.links.push(Link { market_id, pool, place: origin.place() });
        Ok(())
    }

    /// The tokens of the pool, when it may become the market's.
    fn tokens_for_link(
        &self,
        origin: &Origin,
        market_id: MarketId,
        pool: Address,
    ) -> Result<Tokens, super::Unusable> {
        let refuse = |reason: String| Err(contradiction(reason));
        let Some(market) =
            self.state.markets.get(&market_id).filter(|market| market.factory == origin.address)
        else {
            return refuse(format!("this factory announced no market {market_id}"));
        };
        if let Some(pool) = market.pool {
            return refuse(format!("the market has the pool {pool} already"));
        }
        if let Some(other) = self.state.links.get(&pool) {
            return refuse(format!("the pool belongs to the market {other} already"));
        }
        let Some(known) = self.state.pools.get(&pool) else {
            return refuse(format!("the log has no creation of the pool {pool}"));
        };
        let same_tokens = market.tokens.as_ref().is_none_or(|tokens| *tokens == known.pool.tokens);
        if known.pool.condition_ids != [market.condition_id]
            || known.pool.collateral != market.collateral
            || !same_tokens
        {
            return refuse(format!("the pool {pool} trades other tokens than the market"));
        }
        Ok(known.pool.tokens.clone())
    }

    pub(super) fn market_resolved(&mut self, origin: &Origin, market_id: MarketId, payouts: &[Amount]) {
        let payouts = payouts.to_vec();
        self.announced_resolutions.push(AnnouncedResolution { origin: origin.clone(), market_id, payouts });
    }

    /// The resolution of the condition is the truth; what a factory says can only agree with it.
    pub(super) fn compare_announced_resolutions(&mut self) {
        for announced in std::mem::take(&mut self.announced_resolutions) {
            if let Err(reason) = self.agrees(&announced) {
                self.changes.quarantined.push((announced.origin, contradiction(reason)));
            }
        }
    }

    fn agrees(&self, announced: &AnnouncedResolution) -> Result<(), String> {
        let known = self.state.markets.get(&announced.market_id);
        let market = known
            .filter(|market| market.factory == announced.origin.address)
            .ok_or_else(|| format!("this factory announced no market {}", announced.market_id))?;
        let contract = market.tokens.as_ref().map(|tokens| tokens.contract);
        let payouts =
            contract.and_then(|contract| self.state.resolutions.get(&(contract, market.condition_id)));
        match payouts {
            None => Err("the condition of the market is not resolved".into()),
            Some(payouts) if *payouts != announced.payouts => {
                Err(format!("the condition was resolved otherwise, with payouts {payouts:?}"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn announcement(origin: &Origin, created: &MarketCreated) -> Announcement {
    let created = created.clone();
    let slug = Slug::of_market(created.market_id, created.slug.as_deref(), created.question.as_deref());
    Announcement {
        id: created.market_id,
        factory: origin.address,
        creator: created.creator,
        condition_id: created.condition_id,
        collateral: created.collateral,
        question_id: created.question_id,
        question: created.question,
        outcomes: created.outcomes,
        resolution_time: created.resolution_time,
        place: origin.place(),
        time: origin.block.time,
        slug,
        category: created.category,
    }
}

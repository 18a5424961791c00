//! Quotes held against what the contracts say in the same block.

use capstan_primitives::{Address, U256};

use super::{Chain, Snapshot};
use crate::{
    adapters::lenses::{Question, Told},
    domain::{
        claim::{Claim, ClaimedHop},
        pool::Way,
        route::Side,
    },
    error::Error,
    metrics,
};

/// A hop and what the chain says of it.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) route: usize,
    pub(crate) place: usize,
    pub(crate) hop: ClaimedHop,
    /// What the quote says that was not given.
    pub(crate) quoted: U256,
    pub(crate) told: Told,
}

impl Verified {
    /// Whether the contract says the same; none when it was not asked.
    pub(crate) fn is_equal(&self) -> Option<bool> {
        self.told.contract.map(|_| self.told.amount == Ok(self.quoted))
    }
}

impl Chain {
    /// Asks the contracts for every hop of a quote, in the quote's own block.
    ///
    /// # Errors
    /// When a hop names a pool or token that there is not, and when the node does not answer or does not know the block.
    pub(crate) async fn verify(&self, claim: &Claim) -> Result<Vec<Verified>, Error> {
        let snapshot = self.snapshot()?;
        let mut questions = Vec::new();
        for (route, place, hop, is_fresh) in claim.hops() {
            let asked = question(&snapshot, claim.side, hop)
                .map_err(|problem| Error::field(format!("quote.routes[{route}].hops[{place}]"), problem))?;
            questions.extend(is_fresh.then_some(asked));
        }
        let chain = self.live.chain;
        let told = self.lenses.ask(claim.block, &questions).await;
        let told = told.map_err(|source| Error::Node { chain, source })?;
        let mut told = told.into_iter();
        let verified = claim.hops().map(|(route, place, hop, is_fresh)| {
            let told = is_fresh.then(|| told.next()).flatten();
            let quoted = if claim.side == Side::In { hop.amount_out } else { hop.amount_in };
            Verified { route, place, hop: *hop, quoted, told: told.unwrap_or_else(changed_before) }
        });
        let verified: Vec<Verified> = verified.collect();
        let is_different = verified.iter().any(|hop| hop.is_equal() == Some(false));
        metrics::verified(chain, is_different);
        Ok(verified)
    }
}

fn changed_before() -> Told {
    let problem = "an earlier route changes this pool, and the contracts know the block's state only";
    Told { contract: None, amount: Err(problem.to_owned()) }
}

fn question(snapshot: &Snapshot, side: Side, hop: &ClaimedHop) -> Result<Question, String> {
    let entry = snapshot.pools.get(&hop.pool).ok_or_else(|| format!("there is no pool {}", hop.pool))?;
    let tokens = entry.pool.tokens();
    let place = |token: Address| {
        let place = tokens.iter().position(|known| *known == token);
        let place = place.and_then(|place| u8::try_from(place).ok());
        place.ok_or_else(|| format!("pool {} does not trade {token}", hop.pool))
    };
    let way = Way { from: place(hop.from)?, to: place(hop.to)? };
    let amount = if side == Side::In { hop.amount_in } else { hop.amount_out };
    Ok(Question { entry: entry.clone(), way, side, amount })
}

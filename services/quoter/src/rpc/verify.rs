//! `VerifyQuote`: a quote as a caller has it, and what the chain says of it.

use capstan_primitives::{Hash, U256};
use capstan_proto::quoter as wire;

use super::{Rpc, convert, request::Fields};
use crate::{
    domain::{
        claim::{Claim, ClaimedHop},
        route::{MOST_HOPS, Side},
    },
    error::Error,
    operations::Verified,
};

const AT: Fields<'_> = Fields("quote.");
/// Most routes of a quote.
const MOST_ROUTES: usize = 16;

pub(super) async fn verify(
    rpc: &Rpc,
    request: wire::VerifyQuoteRequest,
) -> Result<wire::VerifyQuoteResponse, Error> {
    let quote = request.quote.ok_or_else(|| Error::field("quote", "must be given"))?;
    let claim = claim(&quote)?;
    let as_of = quote.as_of.unwrap_or_default();
    let verified = rpc.quoter.chain(as_of.chain_id)?.verify(&claim).await?;
    Ok(wire::VerifyQuoteResponse {
        verdict: verdict(&verified).into(),
        hops: verified.iter().map(hop).collect(),
        block: as_of.block,
    })
}

/// Reads a quote, whose hops must pass amounts on and sum to the whole.
fn claim(quote: &wire::Quote) -> Result<Claim, Error> {
    if quote.status() != wire::QuoteStatus::Ok {
        return Err(AT.wrong("status", "is not QUOTE_STATUS_OK: there is nothing to verify"));
    }
    if quote.routes.is_empty() || quote.routes.len() > MOST_ROUTES {
        return Err(AT.wrong("routes", format!("has not 1 to {MOST_ROUTES} items")));
    }
    let block = quote.as_of.as_ref().and_then(|as_of| as_of.block.as_ref());
    let hash = block.map(|block| block.hash.as_str()).unwrap_or_default();
    let block: Hash = hash.parse().map_err(|problem| AT.wrong("as_of.block.hash", problem))?;
    let routes = quote.routes.iter().enumerate().map(|(place, route)| hops(quote, (place, route)));
    let routes = routes.collect::<Result<Vec<_>, _>>()?;
    for (field, text, amount) in [
        ("amount_in", &quote.amount_in, sum(&routes, |hops| hops.first().map(|hop| hop.amount_in))),
        ("amount_out", &quote.amount_out, sum(&routes, |hops| hops.last().map(|hop| hop.amount_out))),
    ] {
        if Some(AT.number(field, text)?) != amount {
            return Err(AT.wrong(field, "is not the sum of the routes"));
        }
    }
    let side = if quote.max_amount_in.is_some() { Side::Out } else { Side::In };
    Ok(Claim { side, block, routes })
}

fn sum(routes: &[Vec<ClaimedHop>], of: fn(&[ClaimedHop]) -> Option<U256>) -> Option<U256> {
    routes.iter().try_fold(U256::ZERO, |sum, hops| sum.checked_add(of(hops)?))
}

/// The hops of a route, from the quote's first token to its last.
fn hops(quote: &wire::Quote, (place, route): (usize, &wire::Route)) -> Result<Vec<ClaimedHop>, Error> {
    let at = format!("quote.routes[{place}].");
    if route.hops.is_empty() || route.hops.len() > MOST_HOPS {
        return Err(Fields(&at).wrong("hops", format!("has not 1 to {MOST_HOPS} items")));
    }
    let mut before = (AT.address("token_in", &quote.token_in)?, None);
    let mut hops = Vec::with_capacity(route.hops.len());
    for (number, hop) in route.hops.iter().enumerate() {
        let at = format!("{at}hops[{number}].");
        let fields = Fields(&at);
        let read = ClaimedHop {
            pool: super::request::pool(&fields, "pool_id", &hop.pool_id)?,
            from: fields.address("token_in", &hop.token_in)?,
            to: fields.address("token_out", &hop.token_out)?,
            amount_in: fields.number("amount_in", &hop.amount_in)?,
            amount_out: fields.number("amount_out", &hop.amount_out)?,
        };
        let (token, amount) = before;
        if read.from != token || amount.is_some_and(|amount| amount != read.amount_in) {
            return Err(fields.wrong("amount_in", "is not what the hop before gives"));
        }
        before = (read.to, Some(read.amount_out));
        hops.push(read);
    }
    if before.0 != AT.address("token_out", &quote.token_out)? {
        return Err(Fields(&at).wrong("hops", "do not end at the quote's token_out"));
    }
    Ok(hops)
}

fn verdict(verified: &[Verified]) -> wire::Verdict {
    let mut equal = verified.iter().map(Verified::is_equal);
    if verified.iter().any(|hop| hop.is_equal() == Some(false)) {
        return wire::Verdict::Different;
    }
    if equal.all(|is_equal| is_equal.is_some()) { wire::Verdict::Equal } else { wire::Verdict::PartlyEqual }
}

fn hop(verified: &Verified) -> wire::VerifiedHop {
    let Verified { route, place, hop, quoted, told } = verified;
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let amount = told.amount.as_ref().ok();
    let difference = amount.map(|amount| match amount.checked_sub(*quoted) {
        Some(more) => convert::signed(more, false),
        None => convert::signed(quoted.saturating_sub(*amount), true),
    });
    wire::VerifiedHop {
        route: number(*route),
        hop: number(*place),
        pool_id: hop.pool.to_string(),
        contract: told.contract.map(|contract| contract.to_string()).unwrap_or_default(),
        quoted: quoted.to_string(),
        on_chain: amount.map(U256::to_string),
        difference,
        problem: told.amount.as_ref().err().cloned().unwrap_or_default(),
    }
}

//! Routes as a router takes them: runs of pools of one protocol.

use capstan_primitives::{Address, U256};

use super::{Unexecutable, abi, coin};
use crate::domain::{
    pool::{Pool, Protocol, State},
    route::{Hop, Route},
    state::Pools,
};

/// A route of the quote.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) segments: Vec<Segment>,
    pub(super) amount_in: U256,
    pub(super) amount_out: U256,
    /// With an exact output: the most that may go in.
    pub(super) most_in: U256,
}

/// Pools of one protocol in a row; wrapping and unwrapping stand alone.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) protocol: Protocol,
    /// One more than there are pools.
    pub(super) tokens: Vec<Address>,
    pub(super) tiers: Vec<Tier>,
}

/// What a pool's contract tells it from others of its tokens by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tier {
    pub(super) fee: u32,
    pub(super) spacing: i32,
}

impl Leg {
    pub(super) fn new(route: &Route, pools: &Pools) -> Result<Self, Unexecutable> {
        let mut segments: Vec<Segment> = Vec::new();
        for hop in &route.hops {
            let next = Segment::new(hop, pools)?;
            match segments.last_mut() {
                Some(last) if last.protocol == next.protocol && !next.is_wrap() => last.extend(next),
                _ => segments.push(next),
            }
        }
        let (amount_in, amount_out) = (route.amount_in(), route.amount_out());
        Ok(Self { segments, amount_in, amount_out, most_in: amount_in })
    }

    /// The one swap of a leg with an exact output and the wrapping before and after it.
    pub(super) fn parts(&self) -> Result<Parts<'_>, Unexecutable> {
        let mut parts = Parts::default();
        for segment in &self.segments {
            let place = match (segment.is_wrap(), parts.swap, parts.before) {
                (false, None, _) => &mut parts.swap,
                (true, None, None) => &mut parts.before,
                (true, Some(_), _) if parts.after.is_none() => &mut parts.after,
                _ => return Err(Unexecutable::Route(format!("of {}", segment.protocol.name()))),
            };
            *place = Some(segment);
        }
        Ok(parts)
    }
}

#[derive(Default, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) before: Option<&'a Segment>,
    pub(super) swap: Option<&'a Segment>,
    pub(super) after: Option<&'a Segment>,
}

impl Segment {
    fn new(hop: &Hop, pools: &Pools) -> Result<Self, Unexecutable> {
        let unknown = || Unexecutable::Route(hop.edge.pool.to_string());
        let entry = pools.at(hop.edge.pool).ok_or_else(unknown)?;
        let token = |place: u8| entry.pool.tokens().get(usize::from(place)).copied().ok_or_else(unknown);
        let tokens = vec![token(hop.edge.way.from)?, token(hop.edge.way.to)?];
        let segment =
            Self { protocol: entry.pool.protocol(), tokens, tiers: vec![tier(entry.pool.as_ref())] };
        // What the router will compute from the key must be this pool.
        let is_other = segment.protocol == Protocol::UniswapV4 && abi::pool_id(&segment) != Some(entry.id);
        if is_other { Err(Unexecutable::Route(entry.id.to_string())) } else { Ok(segment) }
    }

    fn extend(&mut self, next: Self) {
        self.tokens.extend(next.tokens.into_iter().skip(1));
        self.tiers.extend(next.tiers);
    }

    pub(super) fn is_wrap(&self) -> bool {
        self.protocol == Protocol::Weth9
    }

    /// Whether the coin goes in.
    pub(super) fn begins_with_coin(&self) -> bool {
        self.tokens.first() == Some(&coin())
    }
}

fn tier(pool: &dyn Pool) -> Tier {
    match pool.state() {
        State::Concentrated { lp_fee_ppm: fee, tick_spacing: spacing, .. } => Tier { fee, spacing },
        State::Reserves { .. } => Tier { fee: 0, spacing: 0 },
    }
}

/// Tokens of which a drained V3 pool may leave a part in the router, because that pays them: those that go into V3 pools,
/// but for the first of all, which is paid by somebody else.
pub(super) fn kept_back<'a>(segments: impl Iterator<Item = &'a Segment>) -> impl Iterator<Item = Address> {
    segments.enumerate().filter(|(_, segment)| segment.protocol == Protocol::UniswapV3).flat_map(
        |(place, segment)| {
            let inputs = segment.tokens.iter().take(segment.tiers.len());
            inputs.skip(usize::from(place == 0)).copied()
        },
    )
}

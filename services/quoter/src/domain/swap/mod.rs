//! Transactions that execute quotes: what a router can execute, and the calldata that makes it do so.

mod abi;
mod legs;
mod permit;
mod router;
mod swap_router_02;
#[cfg(test)]
mod tests;
mod universal_router;
mod v4;

use capstan_primitives::{Address, U256};

use self::legs::{Leg, Segment, Tier, kept_back};
pub use self::{
    permit::{Permit, SignedPermit},
    router::{Router, RouterKind, Version},
};
use super::{
    math::mul_div,
    quote::{Ask, Quote},
    route::Side,
    state::Pools,
    wrap::COIN,
};

/// Addresses that the routers take for others: the sender and themselves.
const SENDER: u64 = 1;
const ITSELF: u64 = 2;

/// A swap to be executed.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// By which router.
    pub router: &'a Router,
    /// Which amount is fixed.
    pub side: Side,
    /// Token that is given.
    pub token_in: Address,
    /// Token that is wanted.
    pub token_out: Address,
    /// The least that may come out, or the most that may go in.
    pub limit: U256,
    /// Who sends the transaction and pays.
    pub sender: Address,
    /// Who receives.
    pub recipient: Address,
    /// Unix seconds after which it must fail.
    pub deadline: u64,
    /// What lets Permit2 take the tokens.
    pub permit: Option<SignedPermit>,
    legs: Vec<Leg>,
}

/// A transaction without its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Contract.
    pub to: Address,
    /// Calldata.
    pub data: Vec<u8>,
    /// Wei.
    pub value: U256,
}

/// Why no transaction can be made of a quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexecutable {
    /// The routers count in fewer bits.
    #[error("the amounts are over 128 bits, which the routers do not take")]
    TooMuch,
    /// A route that the router has no call for; the search leaves them out.
    #[error("the router cannot execute the route through pool {0}")]
    Route(String),
}

/// Who is paid by whom in an order.
#[derive(Debug, Clone, Copy)]
pub struct Parties {
    /// Who sends the transaction and pays.
    pub sender: Address,
    /// Who receives.
    pub recipient: Address,
}

impl<'a> Order<'a> {
    /// An order that executes a quote, which was made for `router` as `ask` says, from the pools that it was made of.
    ///
    /// # Errors
    /// When the router's contract cannot do that.
    pub fn new(
        router: &'a Router,
        (ask, quote): (&Ask, &Quote),
        pools: &Pools,
        Parties { sender, recipient }: Parties,
        deadline: u64,
    ) -> Result<Self, Unexecutable> {
        let legs = quote.routes.iter().map(|route| Leg::new(route, pools)).collect::<Result<_, _>>()?;
        let Ask { side, token_in, token_out, .. } = *ask;
        let limit = quote.limit;
        if [limit, quote.amount_in, quote.amount_out].iter().any(|amount| amount.bit_len() > 128) {
            return Err(Unexecutable::TooMuch);
        }
        let order = Self {
            router,
            side,
            token_in,
            token_out,
            limit,
            sender,
            recipient,
            deadline,
            permit: None,
            legs,
        };
        Ok(order.limited(limit))
    }

    /// The same with another limit, which legs with an exact output share by their amounts: no leg can take what is
    /// another's, so that all of them together take no more than the limit.
    fn limited(mut self, limit: U256) -> Self {
        self.limit = limit;
        if self.side == Side::In {
            return self;
        }
        let amount_in = self.amount_in();
        let slack = limit.saturating_sub(amount_in);
        let mut left = slack;
        for leg in &mut self.legs {
            let share = mul_div(slack, leg.amount_in, amount_in).unwrap_or_default().min(left);
            left -= share;
            leg.most_in = leg.amount_in.saturating_add(share);
        }
        if let Some(first) = self.legs.first_mut() {
            first.most_in = first.most_in.saturating_add(left);
        }
        self
    }

    /// The same with a permit: what goes in is at most what that allows, and the transaction fails when it ends.
    #[must_use]
    pub fn permitted(self, permit: SignedPermit) -> Self {
        let Permit { amount, expiration, sig_deadline, .. } = permit.permit;
        let deadline = self.deadline.min(expiration).min(sig_deadline);
        let limit = if self.side == Side::Out { self.limit.min(amount) } else { self.limit };
        Self { deadline, permit: Some(permit), ..self }.limited(limit)
    }

    /// The permit that the transaction needs.
    #[must_use]
    pub fn permit_with(&self, nonce: u64) -> Permit {
        Permit {
            token: self.token_in,
            amount: self.most_in(),
            expiration: self.deadline,
            nonce,
            spender: self.router.address,
            sig_deadline: self.deadline,
        }
    }

    /// Whether the router takes the tokens by Permit2.
    #[must_use]
    pub fn takes_permit(&self) -> bool {
        self.router.kind == RouterKind::Universal && !self.takes_coin()
    }

    /// What goes in as quoted.
    #[must_use]
    pub fn amount_in(&self) -> U256 {
        self.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount_in))
    }

    /// The most that goes in.
    #[must_use]
    pub fn most_in(&self) -> U256 {
        if self.side == Side::In { self.amount_in() } else { self.limit }
    }

    /// Whether the chain's coin is given, which needs no approval.
    #[must_use]
    pub fn takes_coin(&self) -> bool {
        self.token_in == coin()
    }

    fn gives_coin(&self) -> bool {
        self.token_out == coin()
    }

    /// The transaction.
    ///
    /// # Errors
    /// When the router has no call for a route.
    pub fn call(&self) -> Result<Call, Unexecutable> {
        let data = match self.router.kind {
            RouterKind::SwapRouter02 => swap_router_02::data(self)?,
            RouterKind::Universal => universal_router::data(self)?,
        };
        let value = if self.takes_coin() { self.most_in() } else { U256::ZERO };
        Ok(Call { to: self.router.address, data, value })
    }

    /// Whether the one leg itself can pay the recipient and see to the limit.
    fn is_direct(&self) -> bool {
        matches!(self.legs.as_slice(), [leg] if leg.segments.last().is_some_and(|last| !last.is_wrap()))
    }
}

fn coin() -> Address {
    Address::from(COIN)
}

//! Calldata of the Universal Router: commands, each with its input, for every leg, then what pays the recipient.

use alloy::{
    primitives::{Address as Word20, Bytes},
    sol,
    sol_types::{SolCall, SolValue},
};
use capstan_primitives::{Address, U256};

use super::{
    ITSELF, Leg, Order, Segment, Unexecutable, Version,
    abi::{evm, pairs, pools, small},
    kept_back,
    v4::{v4_in, v4_out},
};
use crate::domain::{pool::Protocol, route::Side};

sol! {
    function execute(bytes commands, bytes[] inputs, uint256 deadline);
}

/// Commands of the router.
mod command {
    pub(super) const V3_SWAP_EXACT_IN: u8 = 0x00;
    pub(super) const V3_SWAP_EXACT_OUT: u8 = 0x01;
    pub(super) const PERMIT2_TRANSFER_FROM: u8 = 0x02;
    pub(super) const SWEEP: u8 = 0x04;
    pub(super) const V2_SWAP_EXACT_IN: u8 = 0x08;
    pub(super) const V2_SWAP_EXACT_OUT: u8 = 0x09;
    pub(super) const PERMIT2_PERMIT: u8 = 0x0a;
    pub(super) const WRAP_ETH: u8 = 0x0b;
    pub(super) const UNWRAP_WETH: u8 = 0x0c;
    pub(super) const V4_SWAP: u8 = 0x10;
}

/// Stands for all that the router has of a token.
pub(super) const ALL: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);
/// The coin, to the router.
pub(super) const NATIVE: Word20 = Word20::ZERO;

/// Limits of single hops, which there are none of. Routers before 2.1.1 do not look so far.
const fn no_hops() -> Vec<U256> {
    Vec::new()
}

/// A swap's amount, its limit, who pays the first pool and who receives.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) amount: U256,
    pub(super) limit: U256,
    pub(super) by_sender: bool,
    pub(super) to: Address,
}

pub(super) fn data(order: &Order<'_>) -> Result<Vec<u8>, Unexecutable> {
    let mut program = Program::default();
    if let Some(permit) = &order.permit {
        program.add(command::PERMIT2_PERMIT, permit.input());
    }
    for leg in &order.legs {
        match order.side {
            Side::In => program.exact_in(order, leg),
            Side::Out => program.exact_out(order, leg)?,
        }
    }
    match order.side {
        Side::In => {
            program.pay(order);
            program.give_back_parts(order);
        }
        Side::Out => program.give_back_rest(order)?,
    }
    let Program { commands, inputs } = program;
    let deadline = U256::from(order.deadline);
    Ok(executeCall { commands: commands.into(), inputs, deadline }.abi_encode())
}

#[derive(Default)]
struct Program {
    commands: Vec<u8>,
    inputs: Vec<Bytes>,
}

impl Program {
    fn add(&mut self, command: u8, input: Vec<u8>) {
        self.commands.push(command);
        self.inputs.push(input.into());
    }

    /// A leg whose output stays in the router unless it is the only one.
    fn exact_in(&mut self, order: &Order<'_>, leg: &Leg) {
        let last = leg.segments.len().saturating_sub(1);
        for (place, segment) in leg.segments.iter().enumerate() {
            let is_first = place == 0;
            let amount = if is_first { leg.amount_in } else { ALL };
            if segment.is_wrap() {
                // What is unwrapped last is unwrapped where it is paid.
                self.wrap_or_unwrap(order, segment, (amount, is_first, place == last));
                continue;
            }
            let is_paid = place == last && order.is_direct();
            let (to, limit) =
                if is_paid { (order.recipient, order.limit) } else { (small(ITSELF), U256::ZERO) };
            let by_sender = is_first && !order.takes_coin();
            self.swap_in(order.router.version, segment, Terms { amount, limit, by_sender, to });
        }
    }

    fn wrap_or_unwrap(
        &mut self,
        order: &Order<'_>,
        segment: &Segment,
        (amount, is_first, is_last): (U256, bool, bool),
    ) {
        if segment.begins_with_coin() {
            return self.wrap(small(ITSELF), amount);
        }
        if is_first {
            self.take_from_sender(order, amount);
        }
        if !is_last {
            self.unwrap(small(ITSELF), U256::ZERO);
        }
    }

    fn swap_in(&mut self, version: Version, segment: &Segment, terms: Terms) {
        let Terms { amount, limit, by_sender, to } = terms;
        match segment.protocol {
            Protocol::UniswapV2 => {
                let input = (evm(to), amount, limit, pairs(segment), by_sender, no_hops());
                self.add(command::V2_SWAP_EXACT_IN, input.abi_encode_params());
            }
            Protocol::UniswapV3 => {
                let input = (evm(to), amount, limit, pools(segment, false), by_sender, no_hops());
                self.add(command::V3_SWAP_EXACT_IN, input.abi_encode_params());
            }
            _ => self.add(command::V4_SWAP, v4_in(version, segment, terms)),
        }
    }

    /// A leg that pays the recipient itself.
    fn exact_out(&mut self, order: &Order<'_>, leg: &Leg) -> Result<(), Unexecutable> {
        let parts = leg.parts()?;
        let only_wraps = parts.swap.is_none();
        let amount = if only_wraps { leg.amount_out } else { leg.most_in };
        let to = if only_wraps { order.recipient } else { small(ITSELF) };
        match parts.before {
            Some(wrap) if wrap.begins_with_coin() => self.wrap(to, amount),
            Some(_) => {
                self.take_from_sender(order, amount);
                self.unwrap(to, U256::ZERO);
            }
            None => {}
        }
        if let Some(segment) = parts.swap {
            let by_sender = parts.before.is_none() && !order.takes_coin();
            let to = if parts.after.is_some() { small(ITSELF) } else { order.recipient };
            let terms = Terms { amount: leg.amount_out, limit: leg.most_in, by_sender, to };
            self.swap_out(order.router.version, segment, terms);
        }
        match parts.after {
            Some(wrap) if wrap.begins_with_coin() => self.wrap(order.recipient, leg.amount_out),
            Some(_) => self.unwrap(order.recipient, leg.amount_out),
            None => {}
        }
        Ok(())
    }

    fn swap_out(&mut self, version: Version, segment: &Segment, terms: Terms) {
        let Terms { amount, limit, by_sender, to } = terms;
        match segment.protocol {
            Protocol::UniswapV2 => {
                let input = (evm(to), amount, limit, pairs(segment), by_sender, no_hops());
                self.add(command::V2_SWAP_EXACT_OUT, input.abi_encode_params());
            }
            Protocol::UniswapV3 => {
                let input = (evm(to), amount, limit, pools(segment, true), by_sender, no_hops());
                self.add(command::V3_SWAP_EXACT_OUT, input.abi_encode_params());
            }
            _ => self.add(command::V4_SWAP, v4_out(version, segment, terms)),
        }
    }

    /// Pays what is in the router, if it is not less than it may be.
    fn pay(&mut self, order: &Order<'_>) {
        if order.is_direct() {
            return;
        }
        if !order.gives_coin() {
            return self.sweep(evm(order.token_out), order.recipient, order.limit);
        }
        let is_unwrapped = |leg: &&Leg| leg.segments.last().is_some_and(Segment::is_wrap);
        let unwrapped = order.legs.iter().filter(is_unwrapped).count();
        if unwrapped == order.legs.len() {
            return self.unwrap(order.recipient, order.limit);
        }
        if unwrapped > 0 {
            self.unwrap(small(ITSELF), U256::ZERO);
        }
        self.sweep(NATIVE, order.recipient, order.limit);
    }

    /// Gives back what drained pools did not take of an exact input.
    fn give_back_parts(&mut self, order: &Order<'_>) {
        let kept = order.legs.iter().flat_map(|leg| kept_back(leg.segments.iter()));
        let mut tokens: Vec<Address> = kept.filter(|token| *token != order.token_out).collect();
        tokens.sort();
        tokens.dedup();
        for token in tokens {
            if order.takes_coin() && Some(token) == order.router.weth9 {
                self.unwrap(order.sender, U256::ZERO);
            } else {
                self.sweep(evm(token), order.sender, U256::ZERO);
            }
        }
        if order.takes_coin() {
            self.sweep(NATIVE, order.sender, U256::ZERO);
        }
    }

    /// Gives back what an exact output did not take of the coin that was sent along, or of the wrapped coin that was
    /// unwrapped.
    fn give_back_rest(&mut self, order: &Order<'_>) -> Result<(), Unexecutable> {
        let parts = order.legs.iter().map(Leg::parts).collect::<Result<Vec<_>, _>>()?;
        let is_changed = parts.iter().any(|parts| parts.before.is_some() && parts.swap.is_some());
        match order.takes_coin() {
            true if is_changed => self.unwrap(small(ITSELF), U256::ZERO),
            false if is_changed => self.wrap(order.sender, ALL),
            _ => {}
        }
        if order.takes_coin() {
            self.sweep(NATIVE, order.sender, U256::ZERO);
        }
        Ok(())
    }

    fn wrap(&mut self, to: Address, amount: U256) {
        self.add(command::WRAP_ETH, (evm(to), amount).abi_encode_params());
    }

    /// Unwraps all that the router has.
    fn unwrap(&mut self, to: Address, least: U256) {
        self.add(command::UNWRAP_WETH, (evm(to), least).abi_encode_params());
    }

    fn sweep(&mut self, token: Word20, to: Address, least: U256) {
        self.add(command::SWEEP, (token, evm(to), least).abi_encode_params());
    }

    fn take_from_sender(&mut self, order: &Order<'_>, amount: U256) {
        let input = (evm(order.token_in), evm(small(ITSELF)), amount).abi_encode_params();
        self.add(command::PERMIT2_TRANSFER_FROM, input);
    }
}

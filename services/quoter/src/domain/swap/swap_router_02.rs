//! Calldata of SwapRouter02: a multicall of one call for each run of pools, then what pays the recipient.
//!
//! The coin is never wrapped ahead of a swap: the router pays for the wrapped coin with what it was sent, and would else
//! take it from the sender's allowance.

use alloy::{primitives::Bytes, sol, sol_types::SolCall};
use capstan_primitives::{Address, U256};

use super::{
    ITSELF, Leg, Order, Segment, Unexecutable,
    abi::{evm, pairs, pools, small},
    kept_back,
};
use crate::domain::{pool::Protocol, route::Side};

sol! {
    struct ExactInput { bytes path; address recipient; uint256 amountIn; uint256 amountOutMinimum; }
    struct ExactOutput { bytes path; address recipient; uint256 amountOut; uint256 amountInMaximum; }
    function exactInput(ExactInput swap);
    function exactOutput(ExactOutput swap);
    function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to);
    function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] path, address to);
    function wrapETH(uint256 value);
    function unwrapWETH9(uint256 amountMinimum, address recipient);
    function sweepToken(address token, uint256 amountMinimum, address recipient);
    function pull(address token, uint256 value);
    function refundETH();
    function multicall(uint256 deadline, bytes[] data);
}

/// Stands for all that the router has of a token.
const ALL: U256 = U256::ZERO;

pub(super) fn data(order: &Order<'_>) -> Result<Vec<u8>, Unexecutable> {
    let mut calls = Calls(Vec::new());
    for leg in &order.legs {
        match order.side {
            Side::In => calls.exact_in(order, leg),
            Side::Out => calls.exact_out(order, leg)?,
        }
    }
    calls.pay(order);
    calls.give_back(order);
    let deadline = U256::from(order.deadline);
    Ok(multicallCall { deadline, data: calls.0 }.abi_encode())
}

struct Calls(Vec<Bytes>);

impl Calls {
    fn add(&mut self, call: &impl SolCall) {
        self.0.push(call.abi_encode().into());
    }

    /// A leg whose output stays in the router unless it is the only one; the first swap is paid by the sender.
    fn exact_in(&mut self, order: &Order<'_>, leg: &Leg) {
        let mut amount = leg.amount_in;
        let mut swaps = swaps(leg).peekable();
        if swaps.peek().is_none() {
            return self.wrap(order, amount);
        }
        while let Some(segment) = swaps.next() {
            let is_paid = swaps.peek().is_none() && order.is_direct();
            let (recipient, least) =
                if is_paid { (order.recipient, order.limit) } else { (small(ITSELF), U256::ZERO) };
            self.swap_in(segment, (amount, least), recipient);
            amount = ALL;
        }
    }

    fn swap_in(&mut self, segment: &Segment, (amount, least): (U256, U256), recipient: Address) {
        let recipient = evm(recipient);
        if segment.protocol == Protocol::UniswapV2 {
            return self.add(&swapExactTokensForTokensCall {
                amountIn: amount,
                amountOutMin: least,
                path: pairs(segment),
                to: recipient,
            });
        }
        let path = pools(segment, false);
        let swap = ExactInput { path, recipient, amountIn: amount, amountOutMinimum: least };
        self.add(&exactInputCall { swap });
    }

    /// A leg that pays the recipient itself, unless the coin is wanted.
    fn exact_out(&mut self, order: &Order<'_>, leg: &Leg) -> Result<(), Unexecutable> {
        let Some(segment) = leg.parts()?.swap else {
            self.wrap(order, leg.amount_out);
            return Ok(());
        };
        let recipient = evm(if order.gives_coin() { small(ITSELF) } else { order.recipient });
        let (amount, most) = (leg.amount_out, leg.most_in);
        if segment.protocol == Protocol::UniswapV2 {
            let path = pairs(segment);
            self.add(&swapTokensForExactTokensCall {
                amountOut: amount,
                amountInMax: most,
                path,
                to: recipient,
            });
        } else {
            let path = pools(segment, true);
            let swap = ExactOutput { path, recipient, amountOut: amount, amountInMaximum: most };
            self.add(&exactOutputCall { swap });
        }
        Ok(())
    }

    /// A leg that only wraps or unwraps; what it gives stays in the router.
    fn wrap(&mut self, order: &Order<'_>, amount: U256) {
        if order.takes_coin() {
            self.add(&wrapETHCall { value: amount });
        } else {
            self.add(&pullCall { token: evm(order.token_in), value: amount });
        }
    }

    /// Pays what is in the router, if it is not less than it may be.
    fn pay(&mut self, order: &Order<'_>) {
        let recipient = evm(order.recipient);
        let only_wraps = |leg: &Leg| swaps(leg).next().is_none();
        let least = match order.side {
            Side::In => order.limit,
            Side::Out => order.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount_out)),
        };
        if order.gives_coin() {
            return self.add(&unwrapWETH9Call { amountMinimum: least, recipient });
        }
        let wrapped = order.legs.iter().filter(|leg| only_wraps(leg));
        let least = match order.side {
            Side::In => least,
            Side::Out => wrapped.clone().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount_out)),
        };
        let is_held = order.side == Side::In && !order.is_direct();
        if is_held || wrapped.count() > 0 {
            self.add(&sweepTokenCall { token: evm(order.token_out), amountMinimum: least, recipient });
        }
    }

    /// Gives back what was sent along and not taken, and what drained pools did not take.
    fn give_back(&mut self, order: &Order<'_>) {
        let kept = order.legs.iter().filter(|_| order.side == Side::In).flat_map(|leg| kept_back(swaps(leg)));
        // The wrapped coin was paid out with the coin.
        let paid = |token: &Address| order.gives_coin() && Some(*token) == order.router.weth9;
        let mut tokens: Vec<Address> =
            kept.filter(|token| *token != order.token_out && !paid(token)).collect();
        tokens.sort();
        tokens.dedup();
        for token in tokens {
            let recipient = evm(order.sender);
            self.add(&sweepTokenCall { token: evm(token), amountMinimum: U256::ZERO, recipient });
        }
        if order.takes_coin() {
            self.add(&refundETHCall {});
        }
    }
}

/// The segments that swap: wrapping before them and unwrapping after them is what paying does.
fn swaps(leg: &Leg) -> impl Iterator<Item = &Segment> {
    leg.segments.iter().filter(|segment| !segment.is_wrap())
}

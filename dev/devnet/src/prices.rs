//! Hidden "true" prices that the traffic trades towards, so that charts move without drifting away.
//!
//! Value noise of plain arithmetic: the same on every machine, unlike sines.

use alloy::primitives::{Address, keccak256};

/// Symbol, name, decimals and base price in US dollars; the order of `Deployment::tokens`.
pub(crate) const TOKENS: [(&str, &str, u8, u64); 4] = [
    ("tUSD", "Test Dollar", 6, 1),
    ("tBTC", "Test Bitcoin", 8, 60_000),
    ("tDAI", "Test Dai", 18, 1),
    ("WETH", "Wrapped Ether", 18, 3_000),
];

/// Dollars a token is worth at a block.
pub(crate) fn usd(seed: u64, token: usize, block: u64) -> f64 {
    let Some((_, _, _, base)) = TOKENS.get(token) else { return 0.0 };
    if *base == 1 {
        return 1.0;
    }
    let stream = token as u64;
    let swing = 0.06 * noise(&[seed, stream, 0], block, 700) + 0.015 * noise(&[seed, stream, 1], block, 60);
    *base as f64 * (1.0 + swing)
}

/// The probability that informed traders give to each outcome of a market at a block.
pub(crate) fn belief(seed: u64, amm: Address, outcomes: usize, block: u64) -> Vec<f64> {
    let market = number(amm.as_slice());
    let weights: Vec<f64> = (0..outcomes as u64)
        .map(|outcome| {
            let slow = noise(&[seed, market, outcome, 0], block, 500);
            let fast = noise(&[seed, market, outcome, 1], block, 45);
            0.04 + (1.0 + 0.8 * slow + 0.15 * fast).powi(2)
        })
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Wei per gas of a block: around one gwei. Left alone, the base fee of a nearly empty chain falls to nothing.
pub(crate) fn base_fee(seed: u64, block: u64) -> u64 {
    let percent =
        100.0 + 45.0 * noise(&[seed, u64::MAX, 0], block, 80) + 15.0 * noise(&[seed, u64::MAX, 1], block, 7);
    // Between 40 % and 160 %: neither negative nor large.
    percent as u64 * 10_000_000
}

/// Between -1 and 1: random values every `period` blocks, smooth in between.
fn noise(stream: &[u64], block: u64, period: u64) -> f64 {
    let knot = block / period;
    let along = (block % period) as f64 / period as f64;
    let eased = along * along * (3.0 - 2.0 * along);
    let (from, to) = (value(stream, knot), value(stream, knot + 1));
    from + (to - from) * eased
}

fn value(stream: &[u64], knot: u64) -> f64 {
    let bytes: Vec<u8> = stream.iter().chain([&knot]).flat_map(|part| part.to_be_bytes()).collect();
    (number(keccak256(bytes).as_slice()) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beliefs_are_probabilities_that_move() {
        let at = |block| belief(7, Address::repeat_byte(3), 3, block);
        let mut first = Vec::new();
        for block in (0..3_000).step_by(50) {
            assert!((at(block).iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(at(block).iter().all(|probability| *probability > 0.0));
            first.push(at(block)[0]);
        }
        let spread = first.iter().copied().fold(0.0, f64::max) - first.iter().copied().fold(1.0, f64::min);
        assert!(spread > 0.2, "{spread}");
    }
}

//! Which kind of rollup a chain is, if one.

use capstan_primitives::ChainId;

/// How a chain charges for what it has to keep on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RollupKind {
    /// It is no rollup, or does not charge apart from gas.
    #[default]
    None,
    /// As Optimism since Fjord.
    OpStack,
    /// As Arbitrum.
    Arbitrum,
}

impl RollupKind {
    /// The kind of a well-known chain; none of others, which have to be configured.
    #[must_use]
    pub const fn of(chain: ChainId) -> Self {
        match chain.0 {
            // OP Mainnet, Unichain, World Chain, Base, Ink, and the test chains of OP Mainnet and Base.
            10 | 130 | 480 | 8_453 | 57_073 | 11_155_420 | 84_532 => Self::OpStack,
            // Arbitrum One, Nova, and the test chain.
            42_161 | 42_170 | 421_614 => Self::Arbitrum,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_chains_need_no_configuration() {
        let known = [(1, RollupKind::None), (10, RollupKind::OpStack), (8_453, RollupKind::OpStack)];
        for (chain, kind) in known.into_iter().chain([(42_161, RollupKind::Arbitrum)]) {
            assert_eq!(RollupKind::of(ChainId(chain)), kind, "{chain}");
        }
    }
}

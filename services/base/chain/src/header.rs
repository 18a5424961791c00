//! Block headers, as far as following a chain needs them.

use capstan_primitives::{Address, Amount, BlockRef, Hash};

/// One block and the block that it builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Number, hash and time.
    pub block: BlockRef,
    /// Hash of the block before; [`Hash::ZERO`] for the first block of a chain.
    pub parent_hash: Hash,
}

/// What a header says of who made its block, and of its gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockDetails {
    /// The block.
    pub header: Header,
    /// Who is paid for the block; zero where nodes do not say.
    pub miner: Address,
    /// Most gas that the transactions of the block may use.
    pub gas_limit: u64,
    /// Gas that they used.
    pub gas_used: u64,
    /// Price of one unit of gas that is burnt, in the smallest unit of the coin (EIP-1559); absent before
    /// London, and on chains that have none.
    pub base_fee_per_gas: Option<Amount>,
}

/// A block that the node names by how certain it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// The newest block that an honest majority has attested.
    Safe,
    /// The newest block that can never be taken back.
    Finalized,
}

impl Tag {
    /// The tag's name in JSON-RPC.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        }
    }
}

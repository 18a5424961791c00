//! Block headers, as far as following a chain needs them.

use capstan_primitives::{BlockRef, Hash};

/// One block and the block that it builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Number, hash and time.
    pub block: BlockRef,
    /// Hash of the block before; [`Hash::ZERO`] for the first block of a chain.
    pub parent_hash: Hash,
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

//! How the largest providers refuse a range of blocks, by the texts that their users report.

use serde_json::{Value, json};

/// A provider and its words for too large a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the companies")]
pub enum Provider {
    Alchemy,
    Infura,
    QuickNode,
    Ankr,
    Cloudflare,
    Chainstack,
    BlockPi,
    PublicNode,
    Base,
    BnbChain,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Alchemy,
        Self::Infura,
        Self::QuickNode,
        Self::Ankr,
        Self::Cloudflare,
        Self::Chainstack,
        Self::BlockPi,
        Self::PublicNode,
        Self::Base,
        Self::BnbChain,
    ];

    /// The error object for a range from `from` of which `limit` blocks are allowed.
    pub(crate) fn refusal(self, from: u64, limit: u64) -> Value {
        let to = from.saturating_add(limit).saturating_sub(1);
        let (code, message) = match self {
            Self::Alchemy => (
                -32_602,
                format!(
                    "Log response size exceeded. Based on your parameters and the response size limit, \
                     this block range should work: [0x{from:x}, 0x{to:x}]"
                ),
            ),
            Self::Infura => (
                -32_005,
                format!(
                    "query returned more than 10000 results. Try with this block range [0x{from:X}, 0x{to:X}]."
                ),
            ),
            Self::QuickNode => (-32_614, format!("eth_getLogs is limited to a {limit} range")),
            Self::Ankr => (-32_600, "block range is too wide".to_owned()),
            Self::Cloudflare => (-32_047, format!("Invalid eth_getLogs request. max range: {limit}")),
            Self::Chainstack => (-32_600, "Block range limit exceeded.".to_owned()),
            Self::BlockPi => (-32_602, format!("eth_getLogs is limited to {limit} block range")),
            Self::PublicNode => (-32_701, format!("exceed maximum block range: {limit}")),
            Self::Base => (-32_614, "block range too large".to_owned()),
            Self::BnbChain => (-32_000, format!("exceed maximum block range: {limit}")),
        };
        json!({ "code": code, "message": message })
    }
}

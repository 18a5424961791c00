//! A block header with all that its hash is made of.

use alloy::{consensus, primitives::Bloom};
use capstan_primitives::Hash;

use crate::{
    ChainError, Header, answers, refusals,
    rpc::Answer,
    wire::{Fixed, WireBody, WireHeader},
};

/// A header as a node told it, and whether its hash is that of its fields.
#[derive(Debug, Clone)]
pub(crate) struct FullHeader {
    pub(crate) header: Header,
    /// Ids of the transactions, in order; bound to the hash by their contents only. Empty when the
    /// block came with the transactions themselves.
    pub(crate) transactions: Vec<[u8; 32]>,
    /// Absent when fields of Ethereum's headers are missing.
    fields: Option<consensus::Header>,
}

impl FullHeader {
    /// Reads a header; absent when the node has no such block, by an empty answer or by an error.
    pub(crate) fn read(answer: Result<Answer, ChainError>) -> Result<Option<Self>, ChainError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if refusals::is_block_not_seen(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(header) = answers::read::<Option<WireHeader>>(&answer)? else {
            return Ok(None);
        };
        Ok(Some(Self::of(header, &answer)))
    }

    /// With the fields of the answer in which `header` was found.
    pub(crate) fn of(header: WireHeader, answer: &Answer) -> Self {
        let ids = answers::read::<WireBody>(answer).map(|body| body.transactions).unwrap_or_default();
        let transactions = ids.into_iter().map(|Fixed(hash)| hash).collect();
        let fields = answers::read::<consensus::Header>(answer).ok();
        Self { header: header.into(), transactions, fields }
    }

    /// Whether the hash is the Keccak of the fields. False also on chains with other headers.
    pub(crate) fn self_verifies(&self) -> bool {
        let hash = |fields: &consensus::Header| Hash::from(fields.hash_slow().0);
        self.fields.as_ref().is_some_and(|fields| hash(fields) == self.header.block.hash)
    }

    /// Bloom of addresses and topics of all logs; all ones, which rules out nothing, when it is missing.
    pub(crate) fn logs_bloom(&self) -> Bloom {
        self.fields.as_ref().map_or(Bloom::repeat_byte(0xff), |fields| fields.logs_bloom)
    }

    /// Root of the trie of receipts.
    pub(crate) fn receipts_root(&self) -> Option<Hash> {
        self.fields.as_ref().map(|fields| Hash::from(fields.receipts_root.0))
    }

    /// Root of the trie of transactions.
    pub(crate) fn transactions_root(&self) -> Option<Hash> {
        self.fields.as_ref().map(|fields| Hash::from(fields.transactions_root.0))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use capstan_primitives::ChainId;
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;
    use crate::{
        Verification,
        evidence::{Formats, Part},
    };

    /// Ethereum's first block.
    fn genesis() -> Value {
        json!({
            "number": "0x0",
            "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
            "parentHash": Hash::ZERO,
            "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
            "miner": "0x0000000000000000000000000000000000000000",
            "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
            "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "logsBloom": format!("0x{}", "0".repeat(512)),
            "difficulty": "0x400000000",
            "gasLimit": "0x1388",
            "gasUsed": "0x0",
            "timestamp": "0x0",
            "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
            "mixHash": Hash::ZERO,
            "nonce": "0x0000000000000042",
        })
    }

    pub(crate) fn header(json: &Value) -> FullHeader {
        let json = to_raw_value(json).unwrap().into();
        FullHeader::read(Ok(Answer { method: "eth_getBlockByNumber", json })).unwrap().unwrap()
    }

    #[test]
    fn the_first_block_of_ethereum_verifies_and_an_altered_one_does_not() {
        assert!(header(&genesis()).self_verifies());
        for field in ["gasUsed", "timestamp", "difficulty"] {
            let mut altered = genesis();
            altered[field] = "0x7".into();
            assert!(!header(&altered).self_verifies(), "{field}");
            altered.as_object_mut().unwrap().remove("mixHash");
            assert!(!header(&altered).self_verifies(), "{field}");
        }
    }

    #[test]
    fn a_chain_that_proved_a_header_cannot_be_switched_off() {
        let mut other = genesis();
        other["gasUsed"] = "0x7".into();
        for (chain, proves) in [(1, false), (31_337, true)] {
            let formats = Formats::new(ChainId(chain));
            assert!(!proves || formats.proves(&header(&genesis())).unwrap());
            formats.are_other(Part::Headers, vec![0], (1, 1));
            formats.receipts_proved();
            formats.are_other(Part::Receipts, vec![0], (1, 1));
            assert_eq!(formats.verification(), Verification::Receipts);
            assert!(formats.proves(&header(&other)).is_err());
        }
    }

    #[test]
    fn a_chain_of_other_headers_is_not_verified() {
        let mut other = genesis();
        other["gasUsed"] = "0x7".into();
        for chain in [137, 31_337] {
            let formats = Formats::new(ChainId(chain));
            formats.are_other(Part::Headers, vec![0], (1, 1));
            assert_eq!(formats.verification(), Verification::Off);
            assert!(!formats.proves(&header(&other)).unwrap());
        }
    }

    #[test]
    fn those_who_can_be_asked_are_believed_until_another_endpoint_proves_a_header() {
        let mut other = genesis();
        other["gasUsed"] = "0x7".into();
        let formats = Formats::new(ChainId(31_337));
        let said = formats.proves(&header(&other));
        assert!(matches!(said, Err(ChainError::FormatUnknown { number: 0 })), "{said:?}");
        assert_eq!(formats.to_learn(Part::Headers), Some([].into()));
        formats.are_other(Part::Headers, vec![0], (2, 2));
        assert_eq!((formats.verification(), formats.knows_headers()), (Verification::Receipts, false));
        formats.are_other(Part::Headers, vec![], (1, 2));
        assert_eq!(formats.verification(), Verification::Off);
        assert!(!formats.proves(&header(&other)).unwrap());
        assert_eq!(formats.to_learn(Part::Headers), None, "not so soon again");
        assert!(formats.proves(&header(&genesis())).unwrap());
        assert_eq!(formats.verification(), Verification::Receipts);
        assert!(formats.proves(&header(&other)).is_err());
    }
}

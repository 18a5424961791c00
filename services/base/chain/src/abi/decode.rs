//! From a log to the name and the arguments of its event.

use super::{Abi, EventShape, Value, value::read_sequence};
use crate::Log;

/// A log in the words of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Name of the event as the contract declares it.
    pub name: String,
    /// All arguments, indexed or not, in the order of the declaration.
    pub arguments: Vec<Argument>,
}

/// One argument of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Declared name, or `arg` and the place from 0 when it was declared without one.
    pub name: String,
    /// Type as written in the event's signature, also when only a hash of the value is known.
    pub type_: String,
    /// Value.
    pub value: Value,
}

/// Why a log could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No event of the ABI has this first topic with this number of topics.
    #[error("no known event has this id and number of topics")]
    UnknownEvent,
    /// The event is known, but topics or data are not what its declaration says.
    #[error("malformed log: {reason}")]
    Malformed {
        /// Event, argument and what is wrong.
        reason: String,
    },
}

impl Abi {
    /// Decodes a log by its first topic and its number of topics, which tells apart events of one
    /// signature that differ in what is indexed, such as the `Transfer` of ERC-20 and of ERC-721.
    ///
    /// Any bytes are safe: work and memory are bounded by the size of the log.
    ///
    /// # Errors
    /// [`DecodeError::UnknownEvent`] or [`DecodeError::Malformed`].
    pub fn decode(&self, log: &Log) -> Result<Decoded, DecodeError> {
        let (id, topics) = log.topics.split_first().ok_or(DecodeError::UnknownEvent)?;
        let event = self
            .events
            .iter()
            .find(|event| event.id == *id && event.indexed_count() == topics.len())
            .ok_or(DecodeError::UnknownEvent)?;
        let malformed = |reason| DecodeError::Malformed { reason: format!("{}: {reason}", event.name) };
        let topics = topics.iter().map(|topic| topic.as_bytes());
        let arguments = arguments(event, topics, &log.data).map_err(malformed)?;
        Ok(Decoded { name: event.name.clone(), arguments })
    }
}

fn arguments<'a>(
    event: &EventShape,
    mut topics: impl Iterator<Item = &'a [u8; 32]>,
    data: &[u8],
) -> Result<Vec<Argument>, String> {
    let plain = event.parameters.iter().filter(|parameter| !parameter.indexed);
    let mut plain = read_sequence(plain.map(|parameter| &parameter.kind), data)?.into_iter();
    let read = event.parameters.iter().map(|parameter| {
        let value = if parameter.indexed {
            topics.next().map(|topic| Value::of_topic(&parameter.kind, topic))
        } else {
            plain.next().map(Ok)
        };
        let value = value.unwrap_or_else(|| Err("is missing".into()));
        let value = value.map_err(|reason| format!("{}: {reason}", parameter.name))?;
        Ok(Argument { name: parameter.name.clone(), type_: parameter.type_.clone(), value })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use alloy::{
        dyn_abi::{DynSolType, DynSolValue},
        primitives::{self, I256, U256},
    };
    use capstan_primitives::{Address, Hash, TransactionId};
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{known_protocols, protocol};

    fn log(topics: Vec<Hash>, data: Vec<u8>) -> Log {
        Log {
            block_number: 1,
            block_hash: Hash::ZERO,
            block_time: None,
            transaction: TransactionId::try_from([0_u8; 32].as_slice()).unwrap(),
            transaction_index: 0,
            log_index: 0,
            address: Address::ZERO,
            topics,
            data,
        }
    }

    fn word(last: u8) -> [u8; 32] {
        let mut word = [0; 32];
        word[31] = last;
        word
    }

    fn hash(last: u8) -> Hash {
        Hash::from(word(last))
    }

    fn integer(value: &str) -> Value {
        Value::Integer(value.into())
    }

    fn address(last: u8) -> Value {
        let mut bytes = [0; 20];
        bytes[19] = last;
        Value::Address(Address::from(bytes))
    }

    fn values(decoded: Decoded) -> Vec<Value> {
        decoded.arguments.into_iter().map(|argument| argument.value).collect()
    }

    #[test]
    fn a_transfer_of_a_token_is_told_from_one_of_a_collectible() {
        let id: Hash = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef".parse().unwrap();
        let abi = &protocol("erc20").unwrap().abi;
        let token = log(vec![id, hash(1), hash(2)], word(3).to_vec());
        let decoded = abi.decode(&token).unwrap();
        assert_eq!(decoded.name, "Transfer");
        let named: Vec<_> =
            decoded.arguments.iter().map(|one| (one.name.as_str(), one.type_.as_str())).collect();
        assert_eq!(named, [("from", "address"), ("to", "address"), ("value", "uint256")]);
        assert_eq!(values(decoded), [address(1), address(2), integer("3")]);

        let collectible = log(vec![id, hash(1), hash(2), hash(3)], Vec::new());
        assert_eq!(abi.decode(&collectible), Err(DecodeError::UnknownEvent));
        assert_eq!(abi.decode(&log(Vec::new(), Vec::new())), Err(DecodeError::UnknownEvent));
        let both = Abi::parse_json(
            r#"["event Transfer(address indexed from, address indexed to, uint256 value)",
                "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)"]"#,
        );
        let decoded = both.unwrap().decode(&collectible).unwrap();
        assert_eq!(decoded.arguments[2].name, "tokenId");
    }

    #[test]
    fn a_split_of_conditional_tokens_keeps_the_order_of_its_declaration() {
        let id = "0x2e6bb91f8cbcda0c93623c54d0403a43514fabc40084ec96b6d5379a74786298".parse().unwrap();
        let data = [word(9), word(96), word(77), word(2), word(1), word(2)].concat();
        let split = log(vec![id, hash(1), hash(0), hash(5)], data);
        let decoded = protocol("gnosis.conditional_tokens").unwrap().abi.decode(&split).unwrap();
        assert_eq!(decoded.name, "PositionSplit");
        let expected = [
            address(1),
            address(9),
            Value::Bytes(word(0).to_vec()),
            Value::Bytes(word(5).to_vec()),
            Value::List(vec![integer("1"), integer("2")]),
            integer("77"),
        ];
        assert_eq!(values(decoded), expected);
    }

    #[test]
    fn the_ids_of_events_are_those_seen_on_chains() {
        let seen = [
            ("erc20", "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"),
            ("erc4626", "0xdcbc1c05240f31ff3ad067ef1ee35ce4997762752e3a095284754544f4c709d7"),
            ("erc4626", "0xfbde797d201c681b91056529119e0b02407c7bb96a4a2c75c01fc9667232c8db"),
            ("weth9", "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c"),
            ("uniswap.v2.factory", "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"),
            ("uniswap.v2.pair", "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"),
            ("uniswap.v2.pair", "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"),
            ("uniswap.v3.factory", "0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118"),
            ("uniswap.v3.pool", "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"),
            (
                "gnosis.conditional_tokens",
                "0xab3760c3bd2bb38b5bcf54dc79802ed67338b4cf29f3054ded67ed24661e4177",
            ),
            (
                "gnosis.conditional_tokens",
                "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894",
            ),
            (
                "gnosis.conditional_tokens",
                "0x6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca",
            ),
            (
                "gnosis.conditional_tokens",
                "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d",
            ),
            (
                "gnosis.conditional_tokens",
                "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62",
            ),
            (
                "gnosis.conditional_tokens",
                "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb",
            ),
            ("gnosis.fpmm", "0xec2dc3e5a3bb9aa0a1deb905d2bd23640d07f107e6ceb484024501aad964a951"),
            ("gnosis.fpmm", "0x8b4b2c8ebd04c47fc8bce136a85df9b93fcb1f47c8aa296457d4391519d190e7"),
            ("gnosis.fpmm", "0x4f62630f51608fc8a7603a9391a5101e58bd7c276139366fc107dc3b67c3dcf8"),
            ("gnosis.fpmm", "0xadcf2a240ed9300d681d9a3f5382b6c1beed1b7e46643e0c7b42cbe6e2d766b4"),
            ("gnosis.fpmm_factory", "0x92e0912d3d7f3192cad5c7ae3b47fb97f9c465c1dd12a5c24fd901ddb3905f43"),
            ("chainlink.aggregator", "0x0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f"),
        ];
        for (name, id) in seen {
            let topics = protocol(name).unwrap().abi.topics();
            assert!(topics.contains(&id.parse().unwrap()), "{name} {id}");
        }
    }

    fn decode_one(kind: &str, data: Vec<u8>) -> Result<Value, DecodeError> {
        let abi = Abi::parse_json(&format!(r#"["event A({kind} a)"]"#)).unwrap();
        Ok(values(abi.decode(&log(abi.topics(), data))?).remove(0))
    }

    #[test]
    fn a_value_out_of_the_range_of_its_type_is_malformed() {
        let dirty = [
            ("bool", word(2)),
            ("uint8", [1; 32]),
            ("int8", word(200)),
            ("address", [1; 32]),
            ("bytes4", [1; 32]),
        ];
        for (kind, data) in dirty {
            let error = decode_one(kind, data.to_vec()).unwrap_err();
            assert!(matches!(error, DecodeError::Malformed { .. }), "{kind}");
        }
        assert_eq!(decode_one("int8", [0xff; 32].to_vec()), Ok(integer("-1")));
        let mut lowest = [0xff; 32];
        lowest[31] = 0x80;
        assert_eq!(decode_one("int8", lowest.to_vec()), Ok(integer("-128")));
    }

    #[test]
    fn a_text_that_no_database_takes_as_text_is_kept_as_bytes() {
        let data = |bytes: [u8; 3]| {
            let mut padded = [0; 32];
            padded[..3].copy_from_slice(&bytes);
            [word(32), word(3), padded].concat()
        };
        assert_eq!(decode_one("string", data(*b"yes")), Ok(Value::Text("yes".into())));
        assert_eq!(decode_one("string", data([b'a', 0xff, b'b'])), Ok(Value::Bytes(vec![b'a', 0xff, b'b'])));
        assert_eq!(decode_one("string", data([b'a', 0, b'b'])), Ok(Value::Bytes(vec![b'a', 0, b'b'])));
    }

    #[test]
    fn offsets_that_point_at_one_text_again_and_again_are_malformed() {
        let copies = 64_u8;
        let mut data = [word(32), word(copies)].concat();
        data.extend((0..copies).flat_map(|_| U256::from(usize::from(copies) * 32).to_be_bytes::<32>()));
        data.extend([word(32), [b'x'; 32]].concat());
        assert!(matches!(decode_one("string[]", data), Err(DecodeError::Malformed { .. })));
        let endless = [word(32), [0xff; 32]].concat();
        assert!(matches!(decode_one("uint256[]", endless), Err(DecodeError::Malformed { .. })));
    }

    #[test]
    fn of_an_indexed_text_only_its_hash_is_known() {
        let abi = Abi::parse_json(r#"["event A(string indexed a, uint8[2] indexed b)"]"#).unwrap();
        let decoded = abi.decode(&log([abi.topics(), vec![hash(7), hash(8)]].concat(), Vec::new())).unwrap();
        assert_eq!(decoded.arguments[0].type_, "string");
        assert_eq!(values(decoded), [Value::Bytes(word(7).to_vec()), Value::Bytes(word(8).to_vec())]);
    }

    fn any_value() -> impl Strategy<Value = DynSolValue> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(DynSolValue::Bool),
            any::<u64>().prop_map(|number| DynSolValue::Uint(U256::from(number), 64)),
            any::<i64>().prop_map(|number| DynSolValue::Int(I256::try_from(number).unwrap(), 64)),
            any::<[u8; 32]>().prop_map(|bytes| DynSolValue::Int(I256::from_be_bytes(bytes), 256)),
            any::<[u8; 20]>().prop_map(|bytes| DynSolValue::Address(primitives::Address::from(bytes))),
            any::<[u8; 32]>().prop_map(|bytes| DynSolValue::FixedBytes(bytes.into(), 32)),
            vec(any::<u8>(), 0..70).prop_map(DynSolValue::Bytes),
            "[a-z]{0,40}".prop_map(DynSolValue::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 1..4).prop_map(DynSolValue::Tuple),
                (inner.clone(), 1_usize..4).prop_map(|(one, n)| DynSolValue::FixedArray(vec![one; n])),
                (inner, 1_usize..4).prop_map(|(one, n)| DynSolValue::Array(vec![one; n])),
            ]
        })
    }

    fn ours(value: &DynSolValue) -> Value {
        match value {
            DynSolValue::Bool(value) => Value::Bool(*value),
            DynSolValue::Uint(value, _) => integer(&value.to_string()),
            DynSolValue::Int(value, _) => integer(&value.to_string()),
            DynSolValue::Address(value) => Value::Address(Address::from(value.into_array())),
            DynSolValue::FixedBytes(value, size) => Value::Bytes(value[..*size].to_vec()),
            DynSolValue::Bytes(value) => Value::Bytes(value.clone()),
            DynSolValue::String(value) => Value::Text(value.clone()),
            DynSolValue::Tuple(values) | DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
                Value::List(values.iter().map(ours).collect())
            }
            other => panic!("not made here: {other:?}"),
        }
    }

    fn kinds_of(tuple: &DynSolValue) -> Vec<DynSolType> {
        tuple.as_tuple().unwrap().iter().map(|one| one.as_type().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_alloy_encodes_is_decoded_exactly(value in vec(any_value(), 1..4).prop_map(DynSolValue::Tuple)) {
            let kinds: Vec<DynSolType> = value.as_tuple().unwrap().iter().map(|one| one.as_type().unwrap()).collect();
            let read = read_sequence(kinds.iter(), &value.abi_encode_sequence().unwrap());
            prop_assert_eq!(read.map(Value::List), Ok(ours(&value)));
        }

        #[test]
        fn any_bytes_are_safe_to_decode(topics in vec(any::<[u8; 32]>(), 0..5), data in vec(any::<u8>(), 0..400)) {
            for name in known_protocols() {
                let abi = &protocol(name).unwrap().abi;
                for id in abi.topics() {
                    let mut topics: Vec<Hash> = topics.iter().copied().map(Hash::from).collect();
                    if let Some(first) = topics.first_mut() {
                        *first = id;
                    }
                    let _ = abi.decode(&log(topics, data.clone()));
                }
            }
        }

        #[test]
        fn a_damaged_encoding_is_safe_to_decode(
            value in vec(any_value(), 1..4).prop_map(DynSolValue::Tuple),
            damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let kinds = kinds_of(&value);
            let mut data = value.abi_encode_sequence().unwrap();
            for (place, byte) in damage {
                let place = place.index(data.len());
                data[place] = byte;
            }
            let _ = read_sequence(kinds.iter(), &data);
        }

        #[test]
        fn an_encoding_that_was_cut_off_is_never_read_as_another_value(
            value in vec(any_value(), 1..4).prop_map(DynSolValue::Tuple),
            cut in any::<prop::sample::Index>(),
        ) {
            let kinds = kinds_of(&value);
            let mut data = value.abi_encode_sequence().unwrap();
            data.truncate(cut.index(data.len()));
            if let Ok(read) = read_sequence(kinds.iter(), &data) {
                prop_assert_eq!(Value::List(read), ours(&value)); // only padding was lost
            }
        }
    }
}

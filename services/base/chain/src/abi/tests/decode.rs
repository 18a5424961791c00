//! From topics and data to names and values.

use capstan_primitives::{Address, Hash, U256};

use super::super::{Abi, DecodeError, Value, protocol};
use super::{hash, integer, values, word};

fn address(last: u8) -> Value<'static> {
    let mut bytes = [0; 20];
    bytes[19] = last;
    Value::Address(Address::from(bytes))
}

#[test]
fn a_transfer_of_a_token_is_told_from_one_of_a_collectible() {
    let id: Hash = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef".parse().unwrap();
    let abi = &protocol("erc20").unwrap().abi;
    let (topics, data) = ([id, hash(1), hash(2)], word(3));
    let decoded = abi.decode(&topics, &data).unwrap();
    assert_eq!(decoded.name, "Transfer");
    let named: Vec<_> = decoded.arguments.iter().map(|one| (one.name, one.type_)).collect();
    assert_eq!(named, [("from", "address"), ("to", "address"), ("value", "uint256")]);
    assert_eq!(values(decoded), [address(1), address(2), integer("3")]);

    let collectible = [id, hash(1), hash(2), hash(3)];
    assert_eq!(abi.decode(&collectible, &[]), Err(DecodeError::UnknownEvent));
    assert_eq!(abi.decode(&[] as &[Hash], &[]), Err(DecodeError::UnknownEvent));
    let both = Abi::parse_json(
        r#"["event Transfer(address indexed from, address indexed to, uint256 value)",
            "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)"]"#,
    );
    let both = both.unwrap();
    assert_eq!(both.decode(&collectible, &[]).unwrap().arguments[2].name, "tokenId");
    assert_eq!(
        both.check(&collectible, &[]).map(|event| event.signature()),
        Ok("Transfer(address,address,uint256)".into())
    );
}

#[test]
fn a_split_of_conditional_tokens_keeps_the_order_of_its_declaration() {
    let id = "0x2e6bb91f8cbcda0c93623c54d0403a43514fabc40084ec96b6d5379a74786298".parse().unwrap();
    let data = [word(9), word(96), word(77), word(2), word(1), word(2)].concat();
    let topics = [id, hash(1), hash(0), hash(5)];
    let decoded = protocol("gnosis.conditional_tokens").unwrap().abi.decode(&topics, &data).unwrap();
    assert_eq!(decoded.name, "PositionSplit");
    let expected = [
        address(1),
        address(9),
        Value::Bytes(&word(0)),
        Value::Bytes(&word(5)),
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
        ("gnosis.conditional_tokens", "0xab3760c3bd2bb38b5bcf54dc79802ed67338b4cf29f3054ded67ed24661e4177"),
        ("gnosis.conditional_tokens", "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894"),
        ("gnosis.conditional_tokens", "0x6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca"),
        ("gnosis.conditional_tokens", "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d"),
        ("gnosis.conditional_tokens", "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"),
        ("gnosis.conditional_tokens", "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"),
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

/// Decodes the only argument of an event and hands it to `see`; `check` has to agree.
fn decode_one<T>(kind: &str, data: &[u8], see: impl FnOnce(Value) -> T) -> Result<T, DecodeError> {
    let abi = Abi::parse_signatures(&[&format!("A({kind} a)")]).unwrap();
    let topics = abi.topics();
    let decoded = abi.decode(&topics, data);
    assert_eq!(abi.check(&topics, data).err().as_ref(), decoded.as_ref().err());
    decoded.map(|decoded| see(values(decoded).remove(0)))
}

fn is_malformed(kind: &str, data: &[u8]) -> bool {
    matches!(decode_one(kind, data, |_| ()), Err(DecodeError::Malformed { .. }))
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
        assert!(is_malformed(kind, &data), "{kind}");
    }
    let mut lowest = [0xff; 32];
    lowest[31] = 0x80;
    for (data, number) in [([0xff; 32], "-1"), (lowest, "-128"), (word(127), "127")] {
        assert_eq!(decode_one("int8", &data, |value| value.to_string()), Ok(number.into()));
    }
    let reason = decode_one("uint8", &[1; 32], |_| ()).unwrap_err().to_string();
    assert!(reason.starts_with("malformed log: A: a: 0x0101") && reason.ends_with(" uint8"), "{reason}");
}

#[test]
fn a_text_that_no_database_takes_as_text_is_kept_as_bytes() {
    let check = |bytes: [u8; 3], expected: Value| {
        let mut padded = [0; 32];
        padded[..3].copy_from_slice(&bytes);
        let data = [word(32), word(3), padded].concat();
        decode_one("string", &data, |value| assert_eq!(value, expected)).unwrap();
    };
    check(*b"yes", Value::Text("yes"));
    check([b'a', 0xff, b'b'], Value::Bytes(&[b'a', 0xff, b'b']));
    check([b'a', 0, b'b'], Value::Bytes(&[b'a', 0, b'b']));
}

#[test]
fn offsets_that_point_at_one_text_again_and_again_are_malformed() {
    let copies = 64_u8;
    let mut data = [word(32), word(copies)].concat();
    data.extend((0..copies).flat_map(|_| U256::from(usize::from(copies) * 32).to_be_bytes::<32>()));
    data.extend([word(32), [b'x'; 32]].concat());
    assert!(is_malformed("string[]", &data));
    assert!(is_malformed("uint256[]", &[word(32), [0xff; 32]].concat()));
}

#[test]
fn of_an_indexed_text_only_its_hash_is_known() {
    let abi = Abi::parse_signatures(&["event A(string indexed a, uint8[2] indexed b)"]).unwrap();
    let topics = [abi.topics()[0], hash(7), hash(8)];
    let decoded = abi.decode(&topics, &[]).unwrap();
    assert_eq!(decoded.arguments[0].type_, "string");
    assert_eq!(values(decoded), [Value::Bytes(&word(7)), Value::Bytes(&word(8))]);
}

const NOTE: &str = "Note(address indexed who, uint8 grade) anonymous";

#[test]
fn a_log_without_an_id_is_the_only_anonymous_event_of_its_form() {
    let abi =
        Abi::parse_signatures(&["A(uint256 a)", NOTE, "Text(bytes32 indexed key, string text) anonymous"]);
    let abi = abi.unwrap();
    assert_eq!((abi.topics().len(), abi.has_anonymous()), (1, true));
    let (who, grade) = ([word(9)], word(3));
    let decoded = abi.decode(&who, &grade).unwrap();
    assert_eq!(decoded.name, "Note");
    assert_eq!(values(decoded), [address(9), integer("3")]);
    assert_eq!(abi.check(&who, &grade).map(|event| (event.name(), event.id())), Ok(("Note", None)));
    assert_eq!(abi.decode(&[[9; 32]], &grade), Err(DecodeError::UnknownEvent));
    assert_eq!(abi.decode(&[word(9), word(9)], &grade), Err(DecodeError::UnknownEvent));
    assert!(matches!(abi.decode(&abi.topics(), &[]), Err(DecodeError::Malformed { .. })), "has an id");
}

#[test]
fn a_log_of_the_form_of_several_anonymous_events_is_ambiguous() {
    let abi = Abi::parse_signatures(&[NOTE, "Mark(bytes32 indexed key, uint256 value) anonymous"]).unwrap();
    let topics = [word(9)];
    let events = vec!["Note(address,uint8)".to_owned(), "Mark(bytes32,uint256)".to_owned()];
    let expected = DecodeError::Ambiguous { events };
    assert_eq!(abi.decode(&topics, &word(3)), Err(expected.clone()));
    assert_eq!(abi.check(&topics, &word(3)), Err(expected));
    assert_eq!(abi.decode(&topics, &[1; 32]).map(|decoded| decoded.name), Ok("Mark"));
}

#[test]
fn an_anonymous_event_may_have_no_topic_or_four() {
    let none = Abi::parse_signatures(&["A(bool a) anonymous"]).unwrap();
    let data = word(0);
    let decoded = none.decode(&[] as &[Hash], &data).unwrap();
    assert_eq!(values(decoded), [Value::Bool(false)]);
    let four = "A(bool indexed a, bool indexed b, bool indexed c, bool indexed d) anonymous";
    let abi = Abi::parse_signatures(&[four]).unwrap();
    assert_eq!(abi.decode(&[word(1); 4], &[]).unwrap().arguments.len(), 4);
    assert_eq!(abi.decode(&[word(1); 5], &[]), Err(DecodeError::UnknownEvent));
}

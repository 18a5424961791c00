//! The forms in which definitions are published.

use super::super::{Abi, AbiError};

const ITEM: &str = r#"{"type":"event","name":"Made","inputs":[
    {"name":"","type":"tuple[]","indexed":false,"components":[{"name":"a","type":"address"}]}]}"#;

#[test]
fn the_published_forms_are_read() {
    let array = format!(r#"[{ITEM},{{"type":"constructor","inputs":[]}},{{"inputs":[]}}]"#);
    let artifact = format!(r#"{{"contractName":"X","abi":{array},"bytecode":"0x"}}"#);
    let signatures = r#"["event Made((address)[])", "function f()", "struct S { uint a; }"]"#;
    for text in [array.as_str(), artifact.as_str(), signatures] {
        let abi = Abi::parse_json(text).unwrap();
        assert_eq!(abi.event_names(), ["Made"], "{text}");
        let parameter = &abi.events[0].parameters[0];
        assert_eq!((parameter.name.as_str(), parameter.type_.as_str()), ("arg0", "(address)[]"));
    }
}

#[test]
fn what_is_no_abi_is_refused_with_the_place() {
    const EXPECTED: &str = "expected an array of definitions, or an object with one under \"abi\"";
    let event = |fields: &str| format!(r#"[{{"type":"event",{fields}}}]"#);
    let input = |fields: &str| event(&format!(r#""name":"A","inputs":[{{{fields}}}]"#));
    let refused = [
        ("[\n{]".into(), "is not json: key must be a string at line 2 column 2".into()),
        ("3".into(), format!("the text is a number; {EXPECTED}")),
        ("{}".into(), format!("abi is missing; {EXPECTED}")),
        (r#"{"abi":"[]"}"#.into(), format!("abi is a string; {EXPECTED}")),
        ("[]".into(), "defines no event".into()),
        (r#"["function f()"]"#.into(), "defines no event".into()),
        ("[1]".into(), "abi[0]: is a number, expected a definition".into()),
        (event(r#""inputs":[]"#), "abi[0].name: is missing, expected a string".into()),
        (event(r#""name":"a b","inputs":[]"#), "abi[0] (event a b): the name is not an identifier".into()),
        (event(r#""name":"A""#), "abi[0] (event A).inputs: is missing, expected an array".into()),
        (
            event(r#""name":"A","inputs":[],"anonymous":0"#),
            "abi[0] (event A).anonymous: is a number, expected true or false".into(),
        ),
        (input(r#""type":"bool""#), "abi[0] (event A).inputs[0].indexed: is missing".into()),
        (
            input(r#""type":"uint7","indexed":true"#),
            "abi[0] (event A).inputs[0].type: \"uint7\" is not a type".into(),
        ),
        (
            input(r#""type":"tuple","indexed":true,"components":[]"#),
            "abi[0] (event A).inputs[0].type: a tuple without parts holds nothing".into(),
        ),
        (
            input(r#""type":"tuple","indexed":true,"components":[{"type":"int[0]"}]"#),
            "abi[0] (event A).inputs[0].components[0].type: an array of length 0 holds nothing".into(),
        ),
    ];
    for (text, expected) in refused {
        assert_eq!(Abi::parse_json(&text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn signatures_are_read_as_people_write_them() {
    let read = [
        (
            "event Transfer(address indexed from, address indexed to, uint256 value)",
            "Transfer(address,address,uint256)",
        ),
        ("Transfer(address,address,uint)", "Transfer(address,address,uint256)"),
        ("  Nothing ( ) ; ", "Nothing()"),
        ("event(uint8 a)", "event(uint8)"),
        ("A((uint256 a, address b)[] indexed xs, int[2][] ys)", "A((uint256,address)[],int256[2][])"),
        ("A(tuple(bytes4 a, tuple(string, bytes) b) c, function f)", "A((bytes4,(string,bytes)),function)"),
        ("event _$1(bool [ 3 ] a)", "_$1(bool[3])"),
    ];
    for (text, expected) in read {
        let abi = Abi::parse_signatures(&[text]).unwrap();
        assert_eq!(abi.events[0].signature(), expected, "{text}");
    }
    let abi =
        Abi::parse_signatures(&["A(bool indexed a, bool)", "event B((bool) indexed x) anonymous;"]).unwrap();
    let a = &abi.events[0].parameters;
    assert_eq!(
        (a[0].name.as_str(), a[0].indexed, a[1].name.as_str(), a[1].indexed),
        ("a", true, "arg1", false)
    );
    assert_eq!((abi.event_names(), abi.anonymous[0].indexed), (vec!["A", "B"], 1));
}

#[test]
fn a_signature_is_refused_with_itself_and_what_is_wrong() {
    let deep = format!("A(bool{})", "[]".repeat(32));
    let refused = [
        ("", "expected the name of the event at the end"),
        ("event ", "expected the name of the event at the end"),
        ("3A()", "expected the name of the event at \"3A()\""),
        ("A", "expected \"(\" behind the name at the end"),
        ("A(", "argument 1: expected a type at the end"),
        ("A(bool a", "argument 1: expected \",\" or \")\" at the end"),
        ("A(bool a,)", "argument 2: expected a type at \")\""),
        ("A(bool a b)", "argument 1: expected \",\" or \")\" at \"b)\""),
        ("A(bool a, uint7x b)", "argument 2: \"uint7x\" is not a type"),
        ("A(uint264 a)", "argument 1: \"uint264\" is not a type"),
        ("A(bytes33 a)", "argument 1: \"bytes33\" is not a type"),
        ("A(bytes01 a)", "argument 1: \"bytes01\" is not a type"),
        ("A(Order order)", "argument 1: \"Order\" is not a type"),
        ("A(bool[0] a)", "argument 1: an array of length 0 holds nothing"),
        ("A(bool[x] a)", "argument 1: \"x\" is not the length of an array"),
        ("A(bool[ a)", "argument 1: \"[a)\" is not an array suffix"),
        ("A(() a)", "argument 1: a tuple without parts holds nothing"),
        ("A((bool indexed a) a)", "argument 1: a part of a tuple cannot be indexed"),
        ("A() anon", "\"anon\" behind the arguments is not \"anonymous\""),
        ("A() anonymous x", "ends before \"x\""),
        (&deep, "argument 1: is nested 32 deep or deeper"),
    ];
    for (text, reason) in refused {
        let expected = AbiError::Event { event: format!("`{}`", text.trim()), reason: reason.into() };
        assert_eq!(Abi::parse_signatures(&[text]).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let tuples = format!("A({}", "(".repeat(100_000));
    let arrays = format!("A(bool{})", "[]".repeat(100_000));
    for text in [tuples, arrays] {
        let reason = Abi::parse_signatures(&[&text]).unwrap_err().to_string();
        assert!(reason.ends_with("argument 1: is nested 32 deep or deeper"), "{}", reason.len());
    }
}

#[test]
fn an_event_has_at_most_as_many_indexed_arguments_as_a_log_has_room_for() {
    let four = "A(uint indexed a, uint indexed b, uint indexed c, uint indexed d)";
    let error = Abi::parse_signatures(&[four]).unwrap_err();
    assert_eq!(error.to_string(), "event A: has 4 indexed arguments, at most 3 fit into a log");
    assert!(Abi::parse_signatures(&[&format!("{four} anonymous")]).is_ok());
}

#[test]
fn an_event_may_be_repeated_but_not_with_other_arguments_indexed() {
    let same = ["A(uint indexed a, uint b)", "A(uint indexed a, uint b)", "N() anonymous", "N() anonymous"];
    let abi = Abi::parse_signatures(&same).unwrap();
    assert_eq!((abi.events.len(), abi.anonymous.len()), (1, 1));
    let more = Abi::parse_signatures(&["A(uint indexed a, uint b)", "A(uint indexed a, uint indexed b)"]);
    assert_eq!(more.unwrap().topics().len(), 1);
    let other = Abi::parse_signatures(&["A(uint indexed a, uint b)", "A(uint a, uint indexed b)"]);
    assert_eq!(other.unwrap_err(), AbiError::Ambiguous { event: "A(uint256,uint256)".into() });
}

//! The JSON reader against another one, and against noise.

use proptest::prelude::*;

use super::*;

fn fails(text: &str) -> String {
    read_with(text.as_bytes(), Duplicates::Refused).expect_err(text).to_string()
}

/// Whether both readers saw the same document.
fn same(ours: &Node, theirs: &serde_json::Value) -> bool {
    match (&ours.value, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => near(a, b),
        (Value::String(a), serde_json::Value::String(b)) => a.as_str() == b,
        (Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, node)| b.get(&key.name).is_some_and(|b| same(node, b)))
        }
        _ => false,
    }
}

/// Whether both read the same number; theirs may be off in the last bit.
fn near(ours: &str, theirs: &serde_json::Number) -> bool {
    let (Ok(ours), Some(theirs)) = (ours.parse::<f64>(), theirs.as_f64()) else { return false };
    (ours - theirs).abs() <= ours.abs() * 1e-14
}

fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        (-1e9..1e9_f64).prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn values_know_where_they_were_written() {
    let text = "{\r\n  \"aé\": [1,\n \"ü\", true],\n\t\"b\": null }";
    let node = read(text.as_bytes()).expect("valid");
    let at = |pointer: &str| node.pointer(pointer).map(|node| (node.line, node.column));
    assert_eq!(at(""), Some((1, 1)));
    assert_eq!(at("/aé"), Some((2, 9)));
    assert_eq!(at("/aé/1"), Some((3, 2)));
    assert_eq!(at("/aé/2"), Some((3, 7)));
    assert_eq!(at("/b"), Some((4, 7)));
    assert_eq!((node.members()[1].0.line, node.members()[1].0.column), (4, 2));
}

#[test]
fn every_escape_is_read() {
    let node = read(br#""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00\u0000""#).expect("valid");
    assert_eq!(node.as_str(), Some("\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{1f600}\0"));
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (text, error) in [
        ("", "line 1, column 1: the document ends where a value should be"),
        ("{\n \"a\" 1}", "line 2, column 6: expected `:` after a key"),
        ("{\"a\": 1,}", "line 1, column 9: expected a key in double quotes"),
        ("{a: 1}", "line 1, column 2: expected a key in double quotes"),
        ("[1 2]", "line 1, column 4: expected `,` or `]` after a value"),
        ("[1,]", "line 1, column 4: expected a value"),
        ("{\"a\": 1 \"b\": 2}", "line 1, column 9: expected `,` or `}` after a value"),
        ("{\"é\": tru}", "line 1, column 7: expected a value"),
        ("\"abc", "line 1, column 5: a string is not closed"),
        ("\"a\nb\"", "line 1, column 3: a control character in a string must be escaped"),
        ("\"\\x\"", "line 1, column 2: not an escape that JSON knows"),
        ("\"\\u12g4\"", "line 1, column 2: expected `\\u` and four hexadecimal digits"),
        ("\"\\u+123\"", "line 1, column 2: expected `\\u` and four hexadecimal digits"),
        ("\"\\ud800\\u0041\"", "line 1, column 2: half of a surrogate pair"),
        ("\"\\ud800\"", "line 1, column 2: expected `\\u` and four hexadecimal digits"),
        ("\"\\udc00\"", "line 1, column 2: half of a surrogate pair"),
        ("01", "line 1, column 2: more after the end of the document"),
        ("-", "line 1, column 2: expected a digit"),
        ("1.", "line 1, column 3: expected a digit"),
        ("1e+", "line 1, column 4: expected a digit"),
        ("+1", "line 1, column 1: expected a value"),
        ("NaN", "line 1, column 1: expected a value"),
        ("null null", "line 1, column 6: more after the end of the document"),
        ("{\"a\": 1,\n \"b\": 2,\n \"a\": 3, \"b\": 4}", "line 3, column 2: the key `a` comes twice"),
        ("<html>", "line 1, column 1: expected a value"),
    ] {
        assert_eq!(fails(text), error, "{text:?}");
    }
    assert_eq!(read(b"\"ab\n\xff\"").expect_err("bytes").to_string(), "line 2, column 1: not UTF-8");
}

#[test]
fn of_keys_that_come_twice_in_an_answer_the_last_counts() {
    let node = read(br#"{"a": 1, "b": 2, "a": 3, "a": 4, "c": {"x": 1, "x": 2}}"#).expect("valid");
    assert_eq!(node.members().len(), 3);
    assert_eq!(node.pointer("/a").and_then(Node::as_u64), Some(4));
    assert_eq!(node.pointer("/c/x").and_then(Node::as_u64), Some(2));
}

#[test]
fn nesting_ends_at_sixty_four() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(nested(65).as_bytes()).is_ok(), "64 levels below the outermost list");
    assert_eq!(fails(&nested(66)), "line 1, column 66: nested too deep (64 levels are read)");
    assert_eq!(fails(&"[".repeat(1_000_000)), "line 1, column 66: nested too deep (64 levels are read)");
}

#[test]
fn debug_shows_shapes_and_no_values() {
    let node = read(br#"{"token": "planted-secret", "n": [987654]}"#).expect("valid");
    let shown = format!("{node:?}");
    assert!(!shown.contains("planted") && !shown.contains("987654"), "{shown}");
    assert_eq!(shown, r#"1:1 {"token": 1:11 a string, "n": 1:34 [1:35 a number]}"#);
}

proptest! {
    #[test]
    fn what_another_writer_wrote_is_read_the_same(document in documents(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.expect("writes");
        let ours = read_with(text.as_bytes(), Duplicates::Refused).expect("valid");
        prop_assert!(same(&ours, &document));
    }

    #[test]
    fn damaged_documents_are_judged_as_another_reader_judges_them(
        document in documents(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4)
    ) {
        let mut bytes = serde_json::to_vec(&document).expect("writes");
        for (index, byte, how) in changes {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        match (read(&bytes), serde_json::from_slice::<serde_json::Value>(&bytes)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs)),
            (Err(_), Err(_)) => {}
            // It cannot hold numbers beyond a double.
            (Ok(_), Err(error)) => prop_assert!(error.to_string().starts_with("number out of range"), "{error}"),
            (Err(error), Ok(_)) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn arbitrary_json_letters_are_judged_as_another_reader_judges_them(text in r#"[\[\]{}:,"\\u0-9a-fDn.eE+\- \t\n]{0,24}"#) {
        let (ours, theirs) = (read(text.as_bytes()), serde_json::from_str::<serde_json::Value>(&text));
        let too_large = theirs.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range"));
        prop_assert!(ours.is_ok() == theirs.is_ok() || too_large, "{text:?}");
    }
}

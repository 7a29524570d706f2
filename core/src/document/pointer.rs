//! JSON pointers (RFC 6901) over a [`Node`].

use super::{Node, Value};

impl Node {
    /// The value at this pointer: `""` is the whole document, `/a/0` the first item of the list under `a`.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, token| {
            let token = unescaped(token)?;
            match &node.value {
                Value::Object(_) => node.member(&token),
                Value::Array(items) => items.get(index(&token)?),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            }
        })
    }
}

/// Whether this is a pointer: empty or starting with `/`, and `~` only as `~0` or `~1`.
pub fn is_pointer(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix('/').is_some_and(|tokens| tokens.split('/').all(|token| unescaped(token).is_some()))
}

/// A token with `~1` read as `/` and `~0` as `~` (RFC 6901 §4).
fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first()? {
            b'0' => ('~', &part[1..]),
            b'1' => ('/', &part[1..]),
            _ => return None,
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Some(text)
}

/// A list index: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    if canonical { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::json;

    /// The document of RFC 6901 §5.
    const EXAMPLE: &str = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
        "k\"l": 6, " ": 7, "m~n": 8, "deep": {"list": [{"x": true}]}}"#;

    #[test]
    fn the_standards_examples_find_their_values() {
        let document = json::read(EXAMPLE.as_bytes()).expect("valid");
        for (pointer, text) in [
            ("/foo/0", "bar"),
            ("/foo/1", "baz"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("/deep/list/0/x", "true"),
        ] {
            assert_eq!(document.pointer(pointer).and_then(Node::text), Some(text), "{pointer}");
        }
        assert_eq!(document.pointer(""), Some(&document));
        assert_eq!(document.pointer("/foo").and_then(Node::text), None);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let document = json::read(EXAMPLE.as_bytes()).expect("valid");
        for pointer in [
            "foo",
            "/foo/2",
            "/foo/-",
            "/foo/00",
            "/foo/01",
            "/foo/+1",
            "/foo/",
            "/foo/0/x",
            "/m~n",
            "/m~2n",
            "/none",
            "/foo/99999999999999999999",
        ] {
            assert_eq!(document.pointer(pointer), None, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_is_empty_or_starts_with_a_slash_and_escapes_its_tildes() {
        for valid in ["", "/", "/a", "/a~0b/~1", "//"] {
            assert!(is_pointer(valid), "{valid}");
        }
        for invalid in ["a", "a/b", "/~", "/a~2", "#/a", "$.a"] {
            assert!(!is_pointer(invalid), "{invalid}");
        }
    }
}

//! TOML, read into the same [`Node`] that JSON gives, lines included.

use ::toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue};
use zeroize::Zeroizing;

use super::{DEPTH, Key, Node, ReadError, Value, position};

/// Reads a document; dates, infinities and numbers beyond 128 bits are refused, since JSON has none of them.
pub fn read(text: &str) -> Result<Node, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let places = Places::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let (line, column) = places.of(error.span().map_or(0, |span| span.start));
        ReadError { line, column, what: error.message().trim().to_owned().into() }
    })?;
    places.table(table.get_ref(), 0, 0)
}

/// Where each line starts.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    /// Line and column, both from 1.
    fn of(&self, offset: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = self.lines[line - 1];
        let rest = self.text.get(start..).unwrap_or_default();
        (line as u32, position(rest, offset - start).1)
    }

    fn value(&self, value: &DeValue<'_>, offset: usize, depth: u32) -> Result<Node, ReadError> {
        if depth > DEPTH {
            return Err(self.error(offset, "nested too deep (64 levels are read)"));
        }
        let value = match value {
            DeValue::String(text) => Value::String(Zeroizing::new(text.clone().into_owned())),
            DeValue::Integer(number) => Value::Number(self.integer(number, offset)?),
            DeValue::Float(number) => Value::Number(self.float(number, offset)?),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(_) => return Err(self.error(offset, "dates are not used here; put it in quotes")),
            DeValue::Array(items) => self.array(items, depth)?,
            DeValue::Table(table) => return self.table(table, offset, depth),
        };
        let (line, column) = self.of(offset);
        Ok(Node { value, line, column })
    }

    fn table(&self, table: &DeTable<'_>, offset: usize, depth: u32) -> Result<Node, ReadError> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let members = entries.into_iter().map(|(key, value)| {
            let (line, column) = self.of(key.span().start);
            let key = Key { name: key.get_ref().clone().into_owned(), line, column };
            Ok((key, self.value(value.get_ref(), value.span().start, depth + 1)?))
        });
        let (line, column) = self.of(offset);
        Ok(Node { value: Value::Object(members.collect::<Result<_, _>>()?), line, column })
    }

    fn array(&self, items: &DeArray<'_>, depth: u32) -> Result<Value, ReadError> {
        let items = items.iter().map(|item| self.value(item.get_ref(), item.span().start, depth + 1));
        Ok(Value::Array(items.collect::<Result<_, _>>()?))
    }

    fn integer(&self, number: &DeInteger<'_>, offset: usize) -> Result<String, ReadError> {
        let read = i128::from_str_radix(number.as_str(), number.radix());
        read.map(|number| number.to_string()).map_err(|_| self.error(offset, "a number too large to read"))
    }

    fn float(&self, number: &DeFloat<'_>, offset: usize) -> Result<String, ReadError> {
        match number.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(number.as_str().trim_start_matches('+').to_owned()),
            Ok(_) | Err(_) => Err(self.error(offset, "a number must be finite")),
        }
    }

    fn error(&self, offset: usize, what: &'static str) -> ReadError {
        let (line, column) = self.of(offset);
        ReadError { line, column, what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::json;

    #[test]
    fn toml_and_json_give_the_same_tree() {
        let toml = read("a = 1\nb = [\"x\", true]\n[c.d]\ne = 0x1F\nf = -1_000\ng = 1.5\n[[h]]\ni = 'j'\n[[h]]\n")
            .expect("valid");
        let json = br#"{"a":1,"b":["x",true],"c":{"d":{"e":31,"f":-1000,"g":1.5}},"h":[{"i":"j"},{}]}"#;
        let json = json::read(json).expect("valid");
        assert!(same(&toml, &json), "{toml:?}");
    }

    fn same(a: &Node, b: &Node) -> bool {
        match (&a.value, &b.value) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k.name == l.name && same(a, b))
            }
            (a, b) => a == b,
        }
    }

    #[test]
    fn values_tables_and_their_keys_know_their_lines() {
        let node = read("# é\na = 1\n\n[b.c]\n  d = [1,\n 2]\n[[e]]\nf = 1\n[[e]]\n").expect("valid");
        let line = |pointer: &str| node.pointer(pointer).map(|node| node.line);
        assert_eq!(line(""), Some(1));
        assert_eq!(line("/a"), Some(2));
        assert_eq!(line("/b/c"), Some(4));
        assert_eq!(line("/b/c/d/1"), Some(6));
        assert_eq!(line("/e/0/f"), Some(8));
        assert_eq!(line("/e/1"), Some(9));
        let keys: Vec<_> = node.members().iter().map(|(key, _)| (key.name.as_str(), key.line)).collect();
        assert_eq!(keys, [("a", 2), ("b", 4), ("e", 7)]);
    }

    #[test]
    fn what_is_not_toml_or_not_json_is_refused_with_its_place() {
        for (text, error) in [
            ("a = 1\nb =\n", "line 2, column 4: string values must be quoted, expected literal string"),
            ("a = 1\na = 2\n", "line 2, column 1: duplicate key"),
            ("a = 1\nb = 2026-11-23\n", "line 2, column 5: dates are not used here; put it in quotes"),
            ("x = inf\n", "line 1, column 5: a number must be finite"),
            ("x = 1e999\n", "line 1, column 5: a number must be finite"),
        ] {
            assert_eq!(read(text).expect_err(text).to_string(), error);
        }
        let huge = format!("x = {}\n", "9".repeat(60));
        assert_eq!(read(&huge).expect_err("huge").to_string(), "line 1, column 5: a number too large to read");
        assert!(read(&format!("x = {}{}", "[".repeat(70), "]".repeat(70))).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[\\[\\]a-c=\"'.#{},0-9\\-+:TZ\n é]{0,60}") {
            let _ = read(&text);
        }
    }
}

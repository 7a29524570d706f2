//! JSON (RFC 8259), read strictly into a [`Node`].
//!
//! **Invariant:** work and memory are linear in the input (times the logarithm of an object's keys), nesting is bounded, and no
//! input panics.

use zeroize::Zeroizing;

use super::{DEPTH, Key, Node, ReadError, Value, position};

/// What a key that comes twice in one object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The last one counts, as in JavaScript: for answers of platforms.
    LastWins,
    /// An error: for files that people write.
    Refused,
}

/// Reads an answer: of keys that come twice the last one counts.
pub fn read(bytes: &[u8]) -> Result<Node, ReadError> {
    read_with(bytes, Duplicates::LastWins)
}

/// Reads a document; a byte order mark before it is skipped (RFC 8259 §8.1).
pub fn read_with(bytes: &[u8], duplicates: Duplicates) -> Result<Node, ReadError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let (line, column) = position(valid, valid.len());
            return Err(ReadError { line, column, what: "not UTF-8".into() });
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0, line: 1, line_start: 0, inner_bytes: 0, duplicates };
    reader.skip_space();
    let node = reader.node(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.error("more after the end of the document")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
    /// Bytes of this line up to here that are not the first of their character, so that columns count characters.
    inner_bytes: usize,
    duplicates: Duplicates,
}

impl Reader<'_> {
    fn node(&mut self, depth: u32) -> Result<Node, ReadError> {
        if depth > DEPTH {
            return Err(self.error("nested too deep (64 levels are read)"));
        }
        let (line, column) = (self.line, self.column());
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(_) => return Err(self.error("expected a value")),
            None => return Err(self.error("the document ends where a value should be")),
        };
        Ok(Node { value, line, column })
    }

    fn object(&mut self, depth: u32) -> Result<Value, ReadError> {
        let mut members = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            let (line, column) = (self.line, self.column());
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let name = std::mem::take(&mut *self.string()?);
            self.skip_space();
            if !self.take(b':') {
                return Err(self.error("expected `:` after a key"));
            }
            self.skip_space();
            members.push((Key { name, line, column }, self.node(depth + 1)?));
            self.skip_space();
            if self.take(b'}') {
                self.settle(&mut members)?;
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}` after a value"));
            }
            self.skip_space();
        }
    }

    /// Deals with keys that come twice.
    fn settle(&self, members: &mut Vec<(Key, Node)>) -> Result<(), ReadError> {
        if members.len() < 2 {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|&a, &b| members[a].0.name.cmp(&members[b].0.name));
        let pairs = order.windows(2).filter(|pair| members[pair[0]].0.name == members[pair[1]].0.name);
        match self.duplicates {
            Duplicates::Refused => match pairs.map(|pair| pair[1]).min() {
                None => Ok(()),
                Some(second) => {
                    let Key { name, line, column } = &members[second].0;
                    Err(ReadError {
                        line: *line,
                        column: *column,
                        what: format!("the key `{name}` comes twice").into(),
                    })
                }
            },
            Duplicates::LastWins => {
                let mut beaten: Vec<usize> = pairs.map(|pair| pair[0]).collect();
                if !beaten.is_empty() {
                    beaten.sort_unstable();
                    let mut index = 0;
                    members.retain(|_| {
                        index += 1;
                        beaten.binary_search(&(index - 1)).is_err()
                    });
                }
                Ok(())
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value, ReadError> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.node(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `]` after a value"));
            }
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<Zeroizing<String>, ReadError> {
        self.at += 1;
        // Never longer than written, so the text is not copied to grow and leaves no remains.
        let mut text = Zeroizing::new(String::with_capacity(self.written_length()));
        loop {
            let run = self.at;
            while let Some(byte) = self.peek()
                && byte >= 0x20
                && byte != b'"'
                && byte != b'\\'
            {
                self.at += 1;
                self.inner_bytes += usize::from(byte & 0xc0 == 0x80);
            }
            text.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string must be escaped")),
                None => return Err(self.error("a string is not closed")),
            }
        }
    }

    /// Bytes up to the quote that closes the string.
    fn written_length(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let mut escaped = false;
        let end = rest.iter().position(|&byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        end.unwrap_or(0)
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let plain = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) | None => return Err(self.error("not an escape that JSON knows")),
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\u0041`, or two of them for a character beyond U+FFFF (RFC 8259 §7).
    fn unicode(&mut self) -> Result<char, ReadError> {
        let first = self.unit(self.at)?;
        let (scalar, length) = match first {
            0xd800..0xdc00 => match self.unit(self.at + 6)? {
                second @ 0xdc00..0xe000 => (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12),
                _ => return Err(self.error("half of a surrogate pair")),
            },
            _ => (first, 6),
        };
        let c = char::from_u32(scalar).ok_or_else(|| self.error("half of a surrogate pair"))?;
        self.at += length;
        Ok(c)
    }

    /// The four hexadecimal digits of the `\u` at this place.
    fn unit(&self, at: usize) -> Result<u32, ReadError> {
        let bytes = self.text.as_bytes();
        let digits = bytes.get(at + 2..at + 6).filter(|_| bytes[at..].starts_with(b"\\u"));
        digits
            .and_then(|digits| {
                digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
            })
            .ok_or_else(|| self.error("expected `\\u` and four hexadecimal digits"))
    }

    fn number(&mut self) -> Result<Value, ReadError> {
        let start = self.at;
        let _ = self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Value::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("expected a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ReadError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = self.at;
                self.inner_bytes = 0;
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn column(&self) -> u32 {
        (self.at - self.line_start - self.inner_bytes + 1) as u32
    }

    fn error(&self, what: &'static str) -> ReadError {
        ReadError { line: self.line, column: self.column(), what: what.into() }
    }
}

#[cfg(test)]
mod tests;

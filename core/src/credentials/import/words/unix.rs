//! Words as a Unix shell reads them: `'…'`, `"…"`, `$'…'` (bash's ANSI-C quoting), and a backslash before anything else.

use super::{Words, line, unclosed};
use crate::credentials::import::invalid;
use crate::error::Error;

/// Takes a text apart.
pub(super) fn words(text: &str) -> Result<Words, Error> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, words: Words::with_room_for(text), begun: None };
    while let Some(byte) = reader.next() {
        reader.take(byte)?;
    }
    reader.words.end_word(&mut reader.begun);
    Ok(reader.words)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    words: Words,
    /// Where the present word begins in the words' text.
    begun: Option<usize>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Result<(), Error> {
        match byte {
            b' ' | b'\t' | b'\r' => self.words.end_word(&mut self.begun),
            b'\n' | b';' | b'&' | b'|' | b'<' | b'>' => self.words.end_command(&mut self.begun),
            b'#' if self.begun.is_none() => {
                while self.peek().is_some_and(|byte| byte != b'\n') {
                    self.at += 1;
                }
            }
            _ => {
                self.begun.get_or_insert(self.words.text.len());
                self.take_in_word(byte)?;
            }
        }
        Ok(())
    }

    fn take_in_word(&mut self, byte: u8) -> Result<(), Error> {
        let opened = self.at - 1;
        match byte {
            b'\'' => loop {
                match self.next() {
                    None => return Err(unclosed(self.text, opened)),
                    Some(b'\'') => return Ok(()),
                    Some(byte) => self.words.push(byte),
                }
            },
            b'"' => self.take_double(opened),
            b'$' => match self.peek() {
                Some(b'\'') => {
                    self.at += 1;
                    self.take_ansi(opened)
                }
                Some(b'"') => {
                    self.at += 1;
                    self.take_double(opened)
                }
                _ => self.take_dollar(),
            },
            b'`' => Err(self.only_the_shell()),
            b'\\' => {
                self.take_escaped(|_| true);
                // A line that goes on is no word by itself.
                if self.begun == Some(self.words.text.len()) && self.bytes.get(self.at - 1) == Some(&b'\n') {
                    self.begun = None;
                }
                Ok(())
            }
            byte => {
                self.words.push(byte);
                Ok(())
            }
        }
    }

    fn take_double(&mut self, opened: usize) -> Result<(), Error> {
        loop {
            match self.next() {
                None => return Err(unclosed(self.text, opened)),
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.take_escaped(|byte| matches!(byte, b'$' | b'`' | b'"' | b'\\')),
                Some(b'$') => self.take_dollar()?,
                Some(b'`') => return Err(self.only_the_shell()),
                Some(byte) => self.words.push(byte),
            }
        }
    }

    /// What follows a backslash: nothing for a line break, otherwise the byte itself where it can be escaped here.
    fn take_escaped(&mut self, can_be: fn(u8) -> bool) {
        if self.peek() == Some(b'\r') && self.bytes.get(self.at + 1) == Some(&b'\n') {
            self.at += 1;
        }
        match self.next() {
            Some(b'\n') => {}
            Some(byte) if can_be(byte) => self.words.push(byte),
            Some(byte) => {
                self.words.push(b'\\');
                self.words.push(byte);
            }
            None => self.words.push(b'\\'),
        }
    }

    /// A dollar that is nothing but itself.
    fn take_dollar(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(byte) if byte.is_ascii_alphanumeric() || b"_{(@*#?!".contains(&byte) => Err(self.only_the_shell()),
            _ => {
                self.words.push(b'$');
                Ok(())
            }
        }
    }

    fn only_the_shell(&self) -> Error {
        let line = line(self.text, self.at);
        invalid(format!(
            "line {line} of the command uses `$` or a backquote for what only its shell knows; write it out"
        ))
    }

    /// The inside of `$'…'`.
    fn take_ansi(&mut self, opened: usize) -> Result<(), Error> {
        loop {
            match self.next() {
                None => return Err(unclosed(self.text, opened)),
                Some(b'\'') => return Ok(()),
                Some(b'\\') => self.take_ansi_escape(opened)?,
                Some(byte) => self.words.push(byte),
            }
        }
    }

    fn take_ansi_escape(&mut self, opened: usize) -> Result<(), Error> {
        let Some(byte) = self.next() else { return Err(unclosed(self.text, opened)) };
        let plain = match byte {
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' | b'E' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'\\' | b'\'' | b'"' | b'?' => byte,
            b'x' => self.digits(16, 2).unwrap_or(b'x'.into()) as u8,
            b'0'..=b'7' => {
                self.at -= 1;
                self.digits(8, 3).unwrap_or_default() as u8
            }
            b'c' => self.next().unwrap_or_default() & 0x1f,
            b'u' => return self.take_unicode(4, opened),
            b'U' => return self.take_unicode(8, opened),
            other => {
                self.words.push(b'\\');
                other
            }
        };
        self.words.push(plain);
        Ok(())
    }

    /// A character by its number; browsers write those beyond 0xFFFF as two halves (surrogates).
    fn take_unicode(&mut self, most: usize, opened: usize) -> Result<(), Error> {
        let mut number = self.digits(16, most).unwrap_or(u32::MAX);
        if (0xD800..0xDC00).contains(&number) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.digits(16, 4).filter(|low| (0xDC00..0xE000).contains(low));
            number = low.map_or(u32::MAX, |low| 0x1_0000 + ((number - 0xD800) << 10) + (low - 0xDC00));
        }
        let Some(character) = char::from_u32(number) else {
            let line = line(self.text, opened);
            return Err(invalid(format!("line {line} of the command names a character (`\\u…`) that does not exist")));
        };
        let mut utf8 = [0; 4];
        for byte in character.encode_utf8(&mut utf8).bytes() {
            self.words.push(byte);
        }
        Ok(())
    }

    /// The number written in at most `most` digits from here.
    fn digits(&mut self, base: u32, most: usize) -> Option<u32> {
        let mut number = None;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(base)) else { break };
            number = Some(number.unwrap_or(0_u32).wrapping_mul(base).wrapping_add(digit));
            self.at += 1;
        }
        number
    }
}

//! Which characters of a source file are code, and which are comments or literals?
//!
//! **Invariant:** [`Text::code`] and [`Text::comments`] have the lines of the file; what belongs to neither is blank. This is a reader of
//! tokens, not of syntax: it knows just enough of Rust and TypeScript never to take a string for code.

use std::iter::Peekable;
use std::str::Chars;

/// A file split into what is code and what is comment.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// Code with literals emptied.
    pub(crate) code: String,
    /// Comments, documentation included.
    pub(crate) comments: String,
}

/// Whose rules of comments and literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    TypeScript,
}

impl Text {
    pub(crate) fn read(source: &str, language: Language) -> Self {
        let mut reader = Reader { rest: source.chars().peekable(), text: Self::default(), language };
        reader.read_all();
        reader.text
    }

    /// The code without items that exist in tests only.
    pub(crate) fn code_outside_tests(&self) -> String {
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = end_of_item(&code, start);
            let blank: String = code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            code.replace_range(start..end, &blank);
        }
        code
    }
}

/// Where the item that begins at `start` ends: after its `;`, or after the brace that closes its body.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return start + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    text: Text,
    language: Language,
}

impl Reader<'_> {
    fn read_all(&mut self) {
        while let Some(character) = self.rest.next() {
            match (character, self.rest.peek().copied()) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.literal('"'),
                ('\'', _) if self.language == Language::TypeScript => self.literal('\''),
                ('`', _) if self.language == Language::TypeScript => self.literal('`'),
                ('/', _) if self.language == Language::TypeScript && self.expects_value() => self.literal('/'),
                ('\'', _) => self.character_or_lifetime(),
                ('r', Some('"' | '#')) if !self.ends_in_word() => self.raw_string(),
                _ => self.code(character),
            }
        }
    }

    fn code(&mut self, character: char) {
        self.text.code.push(character);
        self.text.comments.push(if character == '\n' { '\n' } else { ' ' });
    }

    fn comment(&mut self, character: char) {
        self.text.comments.push(character);
        self.text.code.push(if character == '\n' { '\n' } else { ' ' });
    }

    fn blank(&mut self, character: char) {
        let blank = if character == '\n' { '\n' } else { ' ' };
        self.text.code.push(blank);
        self.text.comments.push(blank);
    }

    fn line_comment(&mut self) {
        self.comment('/');
        while let Some(character) = self.rest.next_if(|character| *character != '\n') {
            self.comment(character);
        }
    }

    fn block_comment(&mut self) {
        self.comment('/');
        let mut depth = 0_usize;
        let mut last = '/';
        while let Some(character) = self.rest.next() {
            self.comment(character);
            match (last, character) {
                ('/', '*') if depth == 0 || self.language == Language::Rust => {
                    depth += 1;
                    last = ' ';
                }
                ('*', '/') => {
                    depth -= 1;
                    last = ' ';
                    if depth == 0 {
                        return;
                    }
                }
                _ => last = character,
            }
        }
    }

    /// A literal that a backslash escapes in and `end` ends. Its delimiters stay, so that code still looks like code.
    fn literal(&mut self, end: char) {
        self.code(end);
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => {
                    self.blank(' ');
                    if let Some(escaped) = self.rest.next() {
                        self.blank(escaped);
                    }
                }
                '[' if end == '/' => self.character_class(),
                _ if character == end => return self.code(end),
                _ => self.blank(character),
            }
        }
    }

    /// Inside `[…]` of a regular expression a slash ends nothing.
    fn character_class(&mut self) {
        self.blank('[');
        while let Some(character) = self.rest.next() {
            self.blank(character);
            match character {
                '\\' => {
                    self.rest.next();
                    self.blank(' ');
                }
                ']' | '\n' => return,
                _ => {}
            }
        }
    }

    /// `'x'` and `'\n'` are literals, `'a` in `&'a str` is code.
    fn character_or_lifetime(&mut self) {
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), _) | (Some(_), Some('\'')) => self.literal('\''),
            _ => self.code('\''),
        }
    }

    fn raw_string(&mut self) {
        let mut ahead = self.rest.clone();
        let mut hashes = 0_usize;
        while ahead.next_if_eq(&'#').is_some() {
            hashes += 1;
        }
        self.code('r');
        if ahead.next() != Some('"') {
            return;
        }
        self.take_delimiter(hashes + 1);
        while let Some(character) = self.rest.next() {
            let mut ahead = self.rest.clone();
            if character == '"' && (0..hashes).all(|_| ahead.next() == Some('#')) {
                self.code('"');
                return self.take_delimiter(hashes);
            }
            self.blank(character);
        }
    }

    fn take_delimiter(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(character) = self.rest.next() {
                self.code(character);
            }
        }
    }

    /// Whether the code so far ends inside a word, as the `r` of `for` does (`br"…"` may begin one).
    fn ends_in_word(&self) -> bool {
        let word: String = self.text.code.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        !word.is_empty() && word != "b" && word != "c"
    }

    /// Whether a slash here begins a regular expression rather than divides.
    fn expects_value(&self) -> bool {
        let before = self.text.code.trim_end();
        before.is_empty()
            || before.ends_with(|c| "([{,;:=!&|?+-*%<>~^".contains(c))
            || before.ends_with("return")
            || before.ends_with("=>")
    }
}

//! Which words does a pasted command line have? As a Unix shell reads it, or as Windows does.
//!
//! **Invariant:** nothing is guessed: what only the shell that it was meant for would know (a variable, another command's output)
//! is refused; an error says the line, never the text. The words are wiped when dropped.

mod unix;
mod windows;

use std::ops::Range;

use zeroize::Zeroizing;

use super::invalid;
use crate::error::Error;

/// The words of one or several commands.
pub(super) struct Words {
    text: Zeroizing<Vec<u8>>,
    commands: Vec<Vec<Range<usize>>>,
}

impl Words {
    /// Takes a pasted text apart.
    pub(super) fn of(text: &str) -> Result<Self, Error> {
        if is_windows(text) { windows::words(text) } else { unix::words(text) }
    }

    /// The commands that have words, in order.
    pub(super) fn commands(&self) -> Result<Vec<Vec<&str>>, Error> {
        let word = |at: &Range<usize>| {
            let word = self.text.get(at.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok());
            word.ok_or_else(|| invalid("the command has a word that is not UTF-8"))
        };
        let commands = self.commands.iter().filter(|words| !words.is_empty());
        commands.map(|words| words.iter().map(word).collect()).collect()
    }

    /// Room for all that can come of `text`, so that no copy of it stays behind.
    fn with_room_for(text: &str) -> Self {
        Self { text: Zeroizing::new(Vec::with_capacity(text.len())), commands: vec![Vec::new()] }
    }

    fn push(&mut self, byte: u8) {
        self.text.push(byte);
    }

    fn end_word(&mut self, begun: &mut Option<usize>) {
        let (Some(start), Some(words)) = (begun.take(), self.commands.last_mut()) else { return };
        words.push(start..self.text.len());
    }

    fn end_command(&mut self, begun: &mut Option<usize>) {
        self.end_word(begun);
        self.commands.push(Vec::new());
    }
}

/// Whether it was copied for the Windows command prompt, where `^` escapes and no single quote quotes.
fn is_windows(text: &str) -> bool {
    let goes_on = text.lines().any(|line| line.trim_end().ends_with('^'));
    goes_on || text.contains("^\"") || text.trim_start().starts_with("curl.exe")
}

fn unclosed(text: &str, at: usize) -> Error {
    invalid(format!(
        "line {} of the command begins a quote that nothing closes; copy the whole command",
        line(text, at)
    ))
}

/// The line (from 1) of the byte at `offset`.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

//! How many tests passed and failed, whoever ran them?
//!
//! Reads what people read: Cargo's `test result:` lines and the totals of `node:test`, in both of its formats.

use std::fmt;
use std::ops::AddAssign;

/// Counts of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Ignored or skipped: shown, never summed into either.
    pub(crate) left_out: u64,
}

impl Tally {
    /// Adds what one line of output says, if it is a line of totals.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = plain(line);
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.read_cargo(counts);
        } else if let Some(count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            self.read_node(count);
        }
    }

    /// Whether no test was run at all.
    pub(crate) fn is_empty(self) -> bool {
        self.passed + self.failed == 0
    }

    fn read_cargo(&mut self, counts: &str) {
        for part in counts.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                Some((count, "ignored")) => self.left_out += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn read_node(&mut self, count: &str) {
        let Some((name, count)) = count.split_once(' ') else { return };
        let Ok(count) = count.parse::<u64>() else { return };
        match name {
            "pass" => self.passed += count,
            "fail" | "cancelled" => self.failed += count,
            "skipped" | "todo" => self.left_out += count,
            _ => {}
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.left_out += other.left_out;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The line without colours.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tally {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.read_line(line));
        tally
    }

    #[test]
    fn totals_of_several_cargo_test_binaries_are_summed() {
        let tally = read(
            "running 4 tests\ntest a ... ok\n\
             test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.25s\n",
        );
        assert_eq!(tally, Tally { passed: 4, failed: 2, left_out: 1 });
    }

    #[test]
    fn totals_of_node_are_read_in_both_formats_and_a_cancelled_test_has_failed() {
        let expected = Tally { passed: 5, failed: 3, left_out: 2 };
        assert_eq!(
            read("# tests 10\n# pass 5\n# fail 2\n# cancelled 1\n# skipped 1\n# todo 1\n# duration_ms 3"),
            expected
        );
        assert_eq!(
            read("ℹ tests 10\n\u{1b}[34mℹ pass 5\u{1b}[39m\nℹ fail 2\nℹ cancelled 1\nℹ skipped 1\nℹ todo 1"),
            expected
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        assert!(read("# Subtest: pass 5\n    # pass 3 of them\ntest passed\n# pass many\n12 passed").is_empty());
    }
}

//! Words as Windows reads them: first the command prompt with its `^`, then the program's own C runtime with `"` and `\"`.
//!
//! Browsers of before 2023 escape with `^` inside of quotes as well, where the prompt itself would take it literally; they are
//! told by their `^\^"`.

use zeroize::Zeroizing;

use super::{Words, unclosed};
use crate::error::Error;

/// Takes a text apart.
pub(super) fn words(text: &str) -> Result<Words, Error> {
    let prompted = prompt(text);
    let bytes = prompted.as_slice();
    let mut words = Words::with_room_for(text);
    let (mut begun, mut at, mut quoted) = (None, 0, None);
    while let Some(&byte) = bytes.get(at) {
        let slashes = bytes[at..].iter().take_while(|&&byte| byte == b'\\').count();
        if slashes > 0 {
            begun.get_or_insert(words.text.len());
            at += slashes;
            let is_before_quote = bytes.get(at) == Some(&b'"');
            for _ in 0..if is_before_quote { slashes / 2 } else { slashes } {
                words.push(b'\\');
            }
            if is_before_quote && slashes % 2 == 1 {
                words.push(b'"');
                at += 1;
            }
            continue;
        }
        at += 1;
        match byte {
            END => words.end_command(&mut begun),
            b' ' | b'\t' | b'\n' | b'\r' if quoted.is_none() => words.end_word(&mut begun),
            b'"' => {
                begun.get_or_insert(words.text.len());
                if quoted.is_some() && bytes.get(at) == Some(&b'"') {
                    words.push(b'"');
                    at += 1;
                } else {
                    quoted = if quoted.is_some() { None } else { Some(at) };
                }
            }
            byte => {
                begun.get_or_insert(words.text.len());
                words.push(byte);
            }
        }
    }
    if quoted.is_some() {
        return Err(unclosed(text, text.find('"').unwrap_or_default()));
    }
    words.end_word(&mut begun);
    Ok(words)
}

/// What the command prompt passes on; [`END`] stands where a command ends.
fn prompt(text: &str) -> Zeroizing<Vec<u8>> {
    let escapes_everywhere = text.contains("^\\^\"");
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut quoted = false;
    let mut bytes = text.bytes().filter(|&byte| byte != b'\r' && byte != END);
    while let Some(byte) = bytes.next() {
        match byte {
            b'^' if !quoted || escapes_everywhere => match bytes.next() {
                // The line goes on; what begins the next one is taken as it is.
                Some(b'\n') => out.extend(bytes.next()),
                escaped => out.extend(escaped),
            },
            b'"' => {
                quoted = !quoted;
                out.push(byte);
            }
            b'\n' | b'&' | b'|' | b'<' | b'>' if !quoted => out.push(END),
            byte => out.push(byte),
        }
    }
    out
}

/// No command holds it.
const END: u8 = 0;

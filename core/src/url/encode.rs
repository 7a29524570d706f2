//! Which bytes may stand in a path or query as they are, and what becomes of the others?
//!
//! The sets are the URL standard's path and special-query percent-encode sets, so that Rust and JavaScript send the same.

const PATH: u8 = 1;
const QUERY: u8 = 2;

const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = match byte as u8 {
            b'"' | b'#' | b'<' | b'>' => 0,
            b'?' | b'`' | b'{' | b'}' | b'^' | b'\\' => QUERY,
            b'\'' => PATH,
            _ => PATH | QUERY,
        };
        byte += 1;
    }
    table
};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// A part of a URL with its own set of plain bytes.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Path,
    Query,
}

/// What to do with percent-encoded triplets that are already there.
#[derive(Clone, Copy)]
pub(super) enum Triplets {
    /// Leave them, and stray percent signs, as the URL standard does.
    Keep,
    /// Decode unreserved bytes, write the others in upper case, encode stray percent signs (RFC 3986 §6.2.2).
    Normalise,
}

/// Whether a byte may stand in `part` as it is.
pub(super) const fn is_plain(byte: u8, part: Part) -> bool {
    let bit = match part {
        Part::Path => PATH,
        Part::Query => QUERY,
    };
    CLASS[byte as usize] & bit != 0
}

/// `text` as one segment of a path or one value of a query: all but unreserved bytes encoded (RFC 3986 §2.3).
pub(crate) fn component(text: &str) -> zeroize::Zeroizing<String> {
    // Room for all of it at once, so that no copy of a secret stays behind.
    let mut out = zeroize::Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            push_encoded(&mut out, byte);
        }
    }
    out
}

/// Appends `text` to `out`, encoded for `part`.
pub(super) fn push(out: &mut String, text: &str, part: Part, triplets: Triplets) {
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        match (byte, triplets) {
            (b'%', Triplets::Normalise) => match triplet(rest) {
                Some(decoded) => {
                    bytes = &rest[2..];
                    if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
                        out.push(char::from(decoded));
                    } else {
                        push_encoded(out, decoded);
                    }
                }
                None => push_encoded(out, b'%'),
            },
            (_, Triplets::Keep | Triplets::Normalise) if is_plain(byte, part) => out.push(char::from(byte)),
            (_, Triplets::Keep | Triplets::Normalise) => push_encoded(out, byte),
        }
    }
}

/// Appends one byte as a triplet (RFC 3986 §2.1).
pub(crate) fn push_encoded(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// The byte that two hexadecimal digits after a `%` stand for (RFC 3986 §2.1).
pub(crate) fn triplet(after: &[u8]) -> Option<u8> {
    let [high, low, ..] = after else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*high)? * 16 + digit(*low)?) as u8)
}

/// Appends an absolute path without its dot segments (RFC 3986 §5.2.4), `\` read as `/` and `%2e` as a dot as browsers do.
///
/// `path` is cut at slashes; whether it starts with one does not matter, what is appended always does.
pub(super) fn push_path(out: &mut String, path: &str, triplets: Triplets) {
    let start = out.len();
    let path = path.strip_prefix(['/', '\\']).unwrap_or(path);
    let mut segments = path.split(['/', '\\']).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dots(segment) {
            Dots::None => {
                out.push('/');
                push(out, segment, Part::Path, triplets);
            }
            Dots::One => {}
            Dots::Two => {
                let cut = out[start..].rfind('/').map_or(start, |at| start + at);
                out.truncate(cut);
            }
        }
        if last && !matches!(dots(segment), Dots::None) {
            out.push('/');
        }
    }
}

#[derive(Clone, Copy)]
enum Dots {
    None,
    One,
    Two,
}

fn dots(segment: &str) -> Dots {
    let mut rest = segment.as_bytes();
    let mut count = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] if count < 2 => rest,
            _ => return Dots::None,
        };
        count += 1;
    }
    match count {
        1 => Dots::One,
        2 => Dots::Two,
        _ => Dots::None,
    }
}

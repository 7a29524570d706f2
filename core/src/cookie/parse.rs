//! What does one `Set-Cookie` line say? RFC 6265bis §5.6: nothing is decided here but syntax.

use std::time::Duration;

use super::{Reason, SameSite, date};
use crate::time::Wall;

/// No cookie outlives this, whatever it says (§5.5).
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Name and value together, in bytes (§5.6).
pub(super) const MOST_NAME_AND_VALUE: usize = 4096;
/// One attribute's value, in bytes (§5.6).
const MOST_ATTRIBUTE: usize = 1024;

/// A line taken apart. Slices are of the line; the last of equal attributes wins.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) expires: Option<Wall>,
    pub(super) domain: Option<&'a [u8]>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) is_secure: bool,
    pub(super) is_http_only: bool,
    pub(super) same_site: SameSite,
}

/// Takes `line` apart, dating it from `now`.
pub(super) fn parse(line: &[u8], now: Wall) -> Result<Line<'_>, Reason> {
    if has_control(line) {
        return Err(Reason::ControlCharacter);
    }
    let mut pieces = line.split(|&byte| byte == b';');
    let (name, value) = pair(pieces.next().unwrap_or_default())?;
    let mut parsed = Line {
        name,
        value,
        expires: None,
        domain: None,
        path: None,
        is_secure: false,
        is_http_only: false,
        same_site: SameSite::Unset,
    };
    let (mut expires, mut max_age) = (None, None);
    for piece in pieces {
        let (key, value) = match split_once(piece) {
            Some((key, value)) => (key.trim_ascii(), value.trim_ascii()),
            None => (piece.trim_ascii(), &b""[..]),
        };
        if value.len() > MOST_ATTRIBUTE {
            continue;
        }
        if key.eq_ignore_ascii_case(b"expires") {
            expires = date::parse(value).or(expires);
        } else if key.eq_ignore_ascii_case(b"max-age") {
            max_age = age(value).or(max_age);
        } else if key.eq_ignore_ascii_case(b"domain") {
            // An empty one is as good as none (RFC 6265 §5.2.3): both conformance suites want what stood before it.
            parsed.domain = Some(value).filter(|value| !value.is_empty()).or(parsed.domain);
        } else if key.eq_ignore_ascii_case(b"path") {
            parsed.path = Some(value);
        } else if key.eq_ignore_ascii_case(b"secure") {
            parsed.is_secure = true;
        } else if key.eq_ignore_ascii_case(b"httponly") {
            parsed.is_http_only = true;
        } else if key.eq_ignore_ascii_case(b"samesite") {
            parsed.same_site = SameSite::named(value);
        }
    }
    let wanted = match max_age {
        Some(Age::Over) => Some(Wall::from_millis(i64::MIN)),
        Some(Age::Lives(life)) => Some(now + life),
        None => expires,
    };
    parsed.expires = wanted.map(|at| at.min(now + LONGEST_LIFE));
    Ok(parsed)
}

/// The name and value of a `name=value` piece; a piece without `=` is all value (§5.6 steps 3 to 6).
pub(super) fn pair(piece: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    let (name, value) = split_once(piece).unwrap_or((b"", piece));
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    if name.is_empty() && value.is_empty() {
        return Err(Reason::Empty);
    }
    if name.len() + value.len() > MOST_NAME_AND_VALUE {
        return Err(Reason::TooLong);
    }
    Ok((name, value))
}

/// Whether a control character other than tab is in it; such a line is not trusted at all (§5.6 step 1).
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

fn split_once(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = piece.iter().position(|&byte| byte == b'=')?;
    Some((&piece[..at], &piece[at + 1..]))
}

#[derive(Clone, Copy)]
enum Age {
    Over,
    Lives(Duration),
}

fn age(text: &[u8]) -> Option<Age> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0_u64, |sum, byte| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    Some(if is_negative || seconds == 0 { Age::Over } else { Age::Lives(Duration::from_secs(seconds)) })
}

impl SameSite {
    fn named(value: &[u8]) -> Self {
        [(&b"strict"[..], Self::Strict), (b"lax", Self::Lax), (b"none", Self::None)]
            .into_iter()
            .find_map(|(name, same_site)| value.eq_ignore_ascii_case(name).then_some(same_site))
            .unwrap_or(Self::Unset)
    }
}

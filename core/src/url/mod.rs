//! Where does a request go? Origins that credentials are bound to, RFC 3986 references, and one spelling per URL.
//!
//! What a browser's URL parser would accept for `http` and `https` means the same here, or is refused; it never means
//! another place. Deliberate refusals: userinfo, a scheme without `//host`, hosts that are not ASCII, percent-encoded, or
//! numbers other than a dotted quad.

mod encode;
mod host;
mod normalise;
mod origin;
mod resolve;
#[cfg(test)]
mod tests;

pub(crate) use encode::{component, push_encoded, triplet};
pub use host::is_loopback;
pub use normalise::normalise;
pub use origin::{Origin, Scheme};
pub use resolve::{resolve, target};

use crate::error::{Error, Kind};

fn invalid(detail: String) -> Error {
    Error::new(Kind::RequestInvalid, detail)
}

/// As much of a URL as an error may repeat: no query, no fragment, nothing that may hold userinfo.
fn shown(text: &str) -> &str {
    if text.contains('@') {
        return "the URL";
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let mut end = end.min(120);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

//! What is the one spelling of a URL, for keys that must be equal when the URLs are?

use http::Uri;

use super::encode::{Part, Triplets, push, push_path};
use super::{Origin, invalid};
use crate::error::Error;

/// The same URL in one spelling (RFC 3986 §6.2): scheme and host in lower case, no default port, no dot segments, a path of
/// at least `/`, triplets in upper case and only where needed. Idempotent; an empty query stays.
///
/// # Errors
///
/// `request_invalid` where [`Origin::of`] says so.
pub fn normalise(uri: &Uri) -> Result<Uri, Error> {
    let mut text = Origin::of(uri)?.to_string();
    push_path(&mut text, uri.path(), Triplets::Normalise);
    if let Some(query) = uri.query() {
        text.push('?');
        push(&mut text, query, Part::Query, Triplets::Normalise);
    }
    Uri::try_from(text).map_err(|fault| invalid(format!("the URL cannot be normalised: {fault}")))
}

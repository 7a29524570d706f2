//! Which request, or which answer, do these lines describe?
//!
//! Names and values of headers take turns; a value has a character for each byte, as JavaScript has it.

use std::borrow::Cow;

use hallpass_core::error::{Error, Kind};
use hallpass_core::machine::Head;
use hallpass_core::platform::Compiled;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// A call's head: method, address (relative or absolute), headers.
pub(crate) fn read(text: &str, compiled: &Compiled) -> Result<Head, Error> {
    let mut lines = text.split('\n');
    let method = lines.next().unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Error::new(Kind::RequestInvalid, format!("`{}` is not a method", method.escape_debug())))?;
    let uri = compiled.resolve(lines.next().unwrap_or_default())?;
    let mut head = Head::new(method, uri);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        let Some((name, value)) = header(name, value) else {
            let what = format!("the header `{}` cannot be sent", name.escape_debug());
            return Err(Error::new(Kind::RequestInvalid, what));
        };
        head.headers.append(name, value);
    }
    Ok(head)
}

/// An answer's headers; one that is none is left out, as other clients do.
pub(crate) fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut lines = text.split('\n');
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if let Some((name, value)) = header(name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// A header as JavaScript writes it, a character for a byte.
fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let bytes: Cow<'_, [u8]> = if value.is_ascii() {
        Cow::Borrowed(value.as_bytes())
    } else {
        Cow::Owned(value.chars().map(u8::try_from).collect::<Result<_, _>>().ok()?)
    };
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&bytes).ok()?))
}

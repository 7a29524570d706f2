//! What of a recorded request belongs to its account, and what to that one request alone?
//!
//! **Invariant:** a header that is not known to belong to one request is kept: it may be what the platform knows a device by.

use http::HeaderName;

use super::{Imported, invalid, place, shown};
use crate::error::Error;
use crate::url::Origin;

impl Imported {
    /// Takes a header of a recorded request.
    pub(super) fn take_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let name = name.trim().to_ascii_lowercase();
        if name.starts_with(':') {
            // What HTTP/2 calls the request line.
            return Ok(());
        }
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            // It may be anything, even a secret.
            return Err(invalid(format!("a header of the request {}", place::NO_NAME)));
        }
        let what = || format!("the header `{}`", shown(&name));
        if value.is_empty() {
            self.leave_out(what(), "it has no value");
        } else if is_of_one_request(&name) {
            self.leave_out(what(), "it belongs to one request");
        } else if let Err(problem) = place::header(&mut self.credentials, &name, value) {
            return Err(invalid(format!("the header `{}` {problem}", shown(&name))));
        }
        Ok(())
    }

    /// Takes where a request went, and a user name and password that stand in the address.
    pub(super) fn take_address(&mut self, address: &str) -> Result<(), Error> {
        let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let mut host = &rest[..end];
        if let Some((user, after)) = host.rsplit_once('@') {
            host = after;
            self.take_user(user)?;
        }
        let origin = format!("{scheme}://{host}/").parse().ok().and_then(|uri| Origin::of(&uri).ok());
        if origin.is_none() {
            self.leave_out("the address", "it cannot be read");
        }
        self.origin = origin;
        Ok(())
    }

    /// Takes `NAME:PASSWORD`, or a name alone.
    pub(super) fn take_user(&mut self, pair: &str) -> Result<(), Error> {
        let (name, password) = pair.split_once(':').unwrap_or((pair, ""));
        for (field, text) in [("username", name), ("password", password)] {
            if !text.is_empty() {
                place::field(&mut self.credentials, field, text)
                    .map_err(|problem| invalid(format!("the {field} of the command {problem}")))?;
            }
        }
        Ok(())
    }
}

/// Whether a header says something about one request: its body, what it was asked for, the connection, the page around it.
fn is_of_one_request(name: &str) -> bool {
    ["content-", "if-", "proxy-", "sec-fetch-", "sec-websocket-"].iter().any(|start| name.starts_with(start))
        || OF_ONE_REQUEST.contains(&name)
}

const OF_ONE_REQUEST: [&str; 24] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "cache-control",
    "connection",
    "date",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "purpose",
    "range",
    "referer",
    "sec-purpose",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "via",
];

//! Which request of an HTTP archive (HAR 1.2) shows the account best?
//!
//! **Invariant:** one request is taken, never a mixture of several.

use zeroize::Zeroizing;

use super::{Form, Imported, invalid, place};
use crate::credentials::Credentials;
use crate::document::{Node, Value, json};
use crate::error::Error;
use crate::platform::Compiled;

impl Credentials {
    /// Reads an HTTP archive, as browsers export it: of the requests to the platform's origins that carry something of an
    /// account, the one that lacks least of what the platform needs, and of those the newest.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` where it is no HAR, or holds no such request (browsers leave out what is secret unless they are
    /// told otherwise); never with a value.
    pub fn from_har(text: &str, platform: &Compiled) -> Result<Imported, Error> {
        let node = json::read(text.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        of_node(&node, platform)
    }
}

pub(super) fn of_node(node: &Node, platform: &Compiled) -> Result<Imported, Error> {
    let Some(Value::Array(entries)) = node.pointer("/log/entries").map(|entries| &entries.value) else {
        return Err(invalid("it is no HAR file: it has no list `log.entries`"));
    };
    let mut best: Option<(Imported, usize, &str)> = None;
    let (mut to_platform, mut others) = (0, 0);
    for entry in entries {
        let Some(imported) = of_entry(entry)? else { continue };
        if imported.origin.is_none() || imported.foreign_to(platform).is_some() {
            continue;
        }
        to_platform += 1;
        if !shows_an_account(&imported.credentials) {
            continue;
        }
        others += usize::from(best.is_some());
        let lacks = imported.credentials.missing_for(platform.platform()).len();
        // Browsers date all entries alike, so that the order of the texts is that of time.
        let started = entry.member("startedDateTime").and_then(Node::text).unwrap_or_default();
        let is_better = best.as_ref().is_none_or(|(_, known, at)| lacks < *known || lacks == *known && started >= *at);
        if is_better {
            best = Some((imported, lacks, started));
        }
    }
    let Some((mut imported, ..)) = best else {
        let what = match to_platform {
            0 => "the HAR file holds no request to this platform".to_owned(),
            count => format!(
                "the HAR file holds {count} requests to this platform, but none with cookies or an authorization; export it \
                 with sensitive data"
            ),
        };
        return Err(invalid(what));
    };
    if others > 0 {
        imported.leave_out(format!("{others} more requests"), "credentials are taken from one request");
    }
    Ok(imported)
}

fn of_entry(entry: &Node) -> Result<Option<Imported>, Error> {
    let Some(request) = entry.member("request") else { return Ok(None) };
    let mut imported = Imported::new(Form::Har);
    if let Some(address) = request.member("url").and_then(Node::text) {
        imported.take_address(address)?;
    }
    for header in items(request.member("headers")) {
        if let (Some(name), Some(value)) = named(header) {
            imported.take_header(name, value.trim())?;
        }
    }
    if imported.credentials.cookies.is_none() {
        let mut line = Zeroizing::new(String::new());
        for (name, value) in items(request.member("cookies")).iter().filter_map(|cookie| match named(cookie) {
            (Some(name), Some(value)) => Some((name, value)),
            _ => None,
        }) {
            for part in [if line.is_empty() { "" } else { "; " }, name, "=", value] {
                line.push_str(part);
            }
        }
        if !line.is_empty() {
            place::cookies(&mut imported.credentials, line)
                .map_err(|problem| invalid(format!("line {}: `cookies` {problem}", request.line)))?;
        }
    }
    Ok(Some(imported))
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}

fn named(node: &Node) -> (Option<&str>, Option<&str>) {
    (node.member("name").and_then(Node::text), node.member("value").and_then(Node::text))
}

/// Cookies, a token, or a header of one's own: more than every visitor's browser sends.
fn shows_an_account(credentials: &Credentials) -> bool {
    let is_own = |name: &String| !(name.starts_with("sec-") || name == "accept-language" || name == "dnt");
    credentials.cookies.is_some() || !credentials.fields.is_empty() || credentials.headers.keys().any(is_own)
}

//! Credentials from a file: our own shape, and the `auth.json` that browsers' exports and scripts use.
//!
//! ```json
//! {"auth": {"id": 123, "cookie": "sid=…; b=…", "user_agent": "Mozilla/5.0 …", "x-bc": "…", "active": true}}
//! {"username": "…", "password": "…", "headers": {"x-device": "…"}}
//! ```
//!
//! **Invariant:** whatever is unknown is kept, what says two things at once is refused, and no error shows a value.

use http::HeaderName;
use zeroize::Zeroizing;

use super::place;
use crate::credentials::Credentials;
use crate::document::{Duplicates, Key, Node, Value, json};
use crate::error::{Error, Kind};

impl Credentials {
    /// Reads credentials from JSON, flat or under `auth`.
    ///
    /// `cookie` (a line as a browser sends it, an object, or a list of objects with `name` and `value`), `user_agent`, `id`, and
    /// `authorization` (`Bearer …` is the access token) are what they say; `headers` and `fields` hold more of either. Of other
    /// names those with a dash, and those that begin with `x_`, are headers; the rest are fields. `active`, nulls and empty
    /// texts are passed over.
    ///
    /// # Errors
    ///
    /// [`Kind::CredentialsInvalid`] with the line and the key at fault, never a value.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let document = json::read_with(text.as_bytes(), Duplicates::Refused)
            .map_err(|error| Error::new(Kind::CredentialsInvalid, error.to_string()))?;
        let mut draft = Self::default();
        let top = table(&document, None)?;
        for (key, node) in top {
            match (key.name.as_str(), &node.value) {
                ("auth", Value::Object(members)) => members.iter().try_for_each(|(key, node)| draft.take(key, node))?,
                _ => draft.take(key, node)?,
            }
        }
        Ok(draft)
    }

    fn take(&mut self, key: &Key, node: &Node) -> Result<(), Error> {
        let name = key.name.to_ascii_lowercase();
        match name.as_str() {
            "active" => Ok(()),
            "cookie" | "cookies" => self.take_cookies(key, node),
            "headers" => table(node, Some(key))?
                .iter()
                .try_for_each(|(key, node)| self.take_header(&key.name.to_ascii_lowercase(), key, node)),
            "fields" => table(node, Some(key))?.iter().try_for_each(|(key, node)| self.take_field(key, node)),
            "id" | "account_id" => match scalar(key, node)? {
                None => Ok(()),
                Some(id) => place::account_id(self, id).map_err(|problem| invalid(key, problem)),
            },
            "user_agent" => self.take_header("user-agent", key, node),
            "authorization" => self.take_header("authorization", key, node),
            name if name.starts_with("x_") => self.take_header(&name.replace('_', "-"), key, node),
            name if name.contains('-') && HeaderName::from_bytes(name.as_bytes()).is_ok() => {
                self.take_header(name, key, node)
            }
            _ => self.take_field(key, node),
        }
    }

    fn take_field(&mut self, key: &Key, node: &Node) -> Result<(), Error> {
        let Some(text) = scalar(key, node)? else { return Ok(()) };
        place::field(self, &key.name, text).map_err(|problem| invalid(key, problem))
    }

    /// A header under its lower-case name; some have a place of their own.
    fn take_header(&mut self, name: &str, key: &Key, node: &Node) -> Result<(), Error> {
        if name == "cookie" {
            return self.take_cookies(key, node);
        }
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(invalid(key, place::NO_NAME));
        }
        let Some(text) = scalar(key, node)? else { return Ok(()) };
        place::header(self, name, text).map_err(|problem| invalid(key, problem))
    }

    fn take_cookies(&mut self, key: &Key, node: &Node) -> Result<(), Error> {
        let mut line = Zeroizing::new(String::with_capacity(written(node)));
        match &node.value {
            Value::Object(members) => {
                for (name, value) in members {
                    push_cookie(&mut line, &name.name, value.text().ok_or_else(|| invalid(name, TEXT))?);
                }
            }
            Value::Array(items) => {
                for item in items {
                    let named = |member: &str| item.member(member).and_then(Node::text);
                    let (Some(name), Some(value)) = (named("name"), named("value")) else {
                        return Err(invalid(
                            &Key { line: item.line, ..key.clone() },
                            "lists something without `name` and `value`",
                        ));
                    };
                    push_cookie(&mut line, name, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let Some(text) = scalar(key, node)? else { return Ok(()) };
                line.push_str(place::without_name(text));
            }
        }
        if line.is_empty() {
            return Ok(());
        }
        place::cookies(self, line).map_err(|problem| invalid(key, problem))
    }
}

fn push_cookie(line: &mut String, name: &str, value: &str) {
    if !line.is_empty() {
        line.push_str("; ");
    }
    line.push_str(name);
    line.push('=');
    line.push_str(value);
}

/// Room enough for a cookie line made of this, so that no copy of it stays behind.
fn written(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Bool(_) => 8,
        Value::Number(text) => text.len() + 3,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(written).sum(),
        Value::Object(members) => members.iter().map(|(key, node)| key.name.len() + 3 + written(node)).sum(),
    }
}

/// A text, a number or a boolean, without the blanks around it; nothing for null and empty texts.
fn scalar<'a>(key: &Key, node: &'a Node) -> Result<Option<&'a str>, Error> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => Err(invalid(key, TEXT)),
        // A blank may be part of a password, but a line break at the end is a slip of copying.
        Value::String(text) => Ok(Some(text.trim_end_matches(['\r', '\n'])).filter(|text| !text.is_empty())),
        Value::Bool(_) | Value::Number(_) => Ok(node.text()),
    }
}

fn table<'a>(node: &'a Node, key: Option<&Key>) -> Result<&'a [(Key, Node)], Error> {
    match (&node.value, key) {
        (Value::Object(members), _) => Ok(members),
        (_, Some(key)) => Err(invalid(key, "must be an object of names and texts")),
        (_, None) => {
            let detail = format!("line {}: credentials must be an object of names and texts", node.line);
            Err(Error::new(Kind::CredentialsInvalid, detail))
        }
    }
}

fn invalid(key: &Key, problem: &str) -> Error {
    Error::new(Kind::CredentialsInvalid, format!("line {}: `{}` {problem}", key.line, key.name.escape_debug()))
}

const TEXT: &str = "must be a text, a number or a boolean";

#[cfg(test)]
mod tests;

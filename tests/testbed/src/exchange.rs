//! One request as the platform reads it: head, whole body, and the views that sign-ins take of them.

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use serde::de::DeserializeOwned;

/// A request whose body has arrived.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a request carried that could sign it in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    pub(crate) authorization: bool,
    pub(crate) cookie: bool,
    pub(crate) device: bool,
}

impl Exchange {
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The first value of a query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        field(self.uri.query()?.as_bytes(), name)
    }

    /// A query parameter that is a number; absent and not a number are the same.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.query(name)?.parse().ok()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        strip_scheme(value, "bearer")
    }

    /// The user id and password of HTTP Basic, as RFC 6749 §2.3.1 encodes a client's.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let (user, password) = self.user_and_password()?;
        Some((form_decoded(&user), form_decoded(&password)))
    }

    /// The user id and password of HTTP Basic as they are (RFC 7617).
    pub(crate) fn user_and_password(&self) -> Option<(String, String)> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let decoded = Base64::decode_vec(strip_scheme(value, "basic")?).ok()?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// Every cookie sent, in order.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
    }

    /// The first cookie of that name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The first field of that name in a urlencoded body.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        field(&self.body, name)
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub(crate) fn carried(&self) -> Carried {
        Carried::of(&self.headers)
    }

    /// The host and port that the client believes to talk to.
    pub(crate) fn host(&self) -> &str {
        self.header("host").unwrap_or("")
    }
}

impl Carried {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self {
            authorization: headers.contains_key(header::AUTHORIZATION),
            cookie: headers.contains_key(header::COOKIE),
            device: headers.contains_key(DEVICE_HEADER),
        }
    }

    pub(crate) fn anything(self) -> bool {
        self.authorization || self.cookie || self.device
    }
}

/// The header that binds a bundle to its device.
pub(crate) const DEVICE_HEADER: &str = "x-bc";

fn strip_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (given, rest) = value.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn field(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn form_decoded(text: &str) -> String {
    let pair = [b"x=", text.replace('&', "%26").as_bytes()].concat();
    field(&pair, "x").unwrap_or_default()
}

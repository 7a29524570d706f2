//! What proves an account: one bundle, never mixed with another's, and never shown.
//!
//! **Invariant:** secrets are zeroized when dropped, have no `Display`, and `Debug` redacts them.

mod drift;
mod import;
mod need;
mod totp;

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

pub use totp::Totp;

use crate::cookie::Jar;
pub use drift::Drift;
pub use import::{Form, Imported, LeftOut};

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// What an account signs in with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Named secrets: `username`, `password`, `access_token`, `refresh_token`, `client_secret`, `redirect_uri` (where a
    /// browser that signs in comes back to), and whatever a recipe's templates name.
    pub fields: BTreeMap<String, Secret>,
    /// A `Cookie` line as a browser sends it.
    pub cookies: Option<Secret>,
    /// Cookies with their attributes, as a `cookies.txt` has them; those for other hosts than the platform's are never sent.
    pub jar: Jar,
    /// The user agent that belongs to these credentials.
    pub user_agent: Option<String>,
    /// Further headers that belong to these credentials, by lower-case name, such as `x-bc`.
    pub headers: BTreeMap<String, Secret>,
    /// The account's id at the platform, where the bundle tells.
    pub account_id: Option<String>,
}

impl Secret {
    /// Takes a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, to be sent or sealed, never shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Credentials {
    /// A user name and a password.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::default().with("username", username).with("password", password)
    }

    /// An access token that does not change.
    pub fn bearer(access_token: impl Into<String>) -> Self {
        Self::default().with("access_token", access_token)
    }

    /// A refresh token.
    pub fn refresh_token(refresh_token: impl Into<String>) -> Self {
        Self::default().with("refresh_token", refresh_token)
    }

    /// The same credentials with one more named secret.
    pub fn with(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.fields.insert(name.into(), Secret::new(secret));
        self
    }

    /// The named secret.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(Secret::expose)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("fields", &self.fields.keys())
            .field("cookies", &self.cookies.is_some())
            .field("jar", &self.jar)
            .field("user_agent", &self.user_agent.is_some())
            .field("headers", &self.headers.keys())
            .finish_non_exhaustive()
    }
}

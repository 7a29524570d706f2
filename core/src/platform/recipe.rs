//! How an account signs in and how its session is renewed, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::steps::{ApiKey, Element, Steps};

use super::oauth::{AuthorizationCode, ClientCredentials, DeviceCode};

/// A sign-in recipe; in TOML a table named after it, such as `[sign_in.json]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SignIn {
    /// Credentials exported from a browser: cookies, user agent and device headers, used as they are.
    Bundle(Bundle),
    /// An HTML form: urlencoded fields, usually cookies in the answer.
    Form(Login),
    /// A JSON document: tokens or cookies in the answer.
    Json(Login),
    /// A refresh token that is exchanged for an access token (RFC 6749 §6), as [`Platform::renew`](super::Platform::renew) says.
    Oauth2Refresh {},
    /// A program that signs in as itself (RFC 6749 §4.4).
    ClientCredentials(ClientCredentials),
    /// A person who signs in on another device (RFC 8628).
    DeviceCode(DeviceCode),
    /// A person who signs in with a browser (RFC 6749 §4.1, RFC 7636).
    AuthorizationCode(AuthorizationCode),
    /// An access token that does not change.
    Bearer {},
    /// Requests one after the other, as many as the platform wants.
    Steps(Steps),
    /// A user name and a password that every attempt carries (RFC 7617, UTF-8).
    Basic {},
    /// An API key that every attempt carries.
    ApiKey(ApiKey),
    /// Nobody in particular: no credentials, and steps only where the platform wants a session of everybody.
    Guest(Steps),
    /// The program's own function: it is asked [`Question::Custom`](crate::effect::Question::Custom), and what it answers is taken
    /// like a bundle.
    Custom {},
}

/// What a bundle must hold to be of use.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Bundle {
    /// Headers that must be present, lower case, such as `x-bc`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_headers: Vec<String>,
    /// Cookies that must be present.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_cookies: Vec<String>,
}

/// A sign-in by one request, after an optional one that fetches a token against cross-site requests.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Where the request goes; resolved against the platform's base.
    pub path: String,
    /// Its method.
    #[serde(default = "post")]
    pub method: String,
    /// Its fields: names and templates, where `{username}` stands for that field of the credentials.
    pub fields: BTreeMap<String, String>,
    /// Further headers of the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The token against cross-site requests, if the platform wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<Csrf>,
    /// What success looks like.
    #[serde(default)]
    pub success: Success,
    /// Where the tokens are in the answer, if it holds any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPointers>,
}

/// What a successful sign-in looks like. A 4xx that is not listed as success (408, 425 and 429 apart) refuses the credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Success {
    /// Statuses that can be a success.
    pub status: Vec<u16>,
    /// The exact body of a success, where one status serves both outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A cookie that a success sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// Statuses that say that nobody may sign in for a while, such as after too many wrong passwords: `throttled`, which says
    /// nothing about the credentials.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<u16>,
}

/// A token against cross-site requests: fetched first, sent along.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Csrf {
    /// Where it is fetched with GET.
    pub path: String,
    /// Where it is in that answer.
    pub from: Source,
    /// Where it goes in the sign-in request.
    pub to: Place,
}

/// Where a value is in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The value of this cookie.
    Cookie(String),
    /// The value of this header.
    Header(String),
    /// The string at this JSON pointer (RFC 6901).
    Json(String),
    /// The `value` of the HTML `input` with this `name`.
    Input(String),
    /// An attribute of the first HTML element that is like this.
    Html(Element),
}

/// Where a value goes in a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// This field of the form or JSON document.
    Field(String),
    /// This header.
    Header(String),
}

/// Where tokens are in a JSON answer, as JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TokenPointers {
    /// The access token; must be there.
    pub access_token: String,
    /// The refresh token; may be absent.
    pub refresh_token: String,
    /// Seconds until the access token ends; may be absent.
    pub expires_in: String,
}

/// The token endpoint, what a client shows itself with there, and renewal with a refresh token (RFC 6749 §6).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OAuthRefresh {
    /// The token endpoint; resolved against the platform's base. The issuer's metadata names it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// The client's id, if the endpoint wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How the client shows itself; its secret is the credentials' field `client_secret`.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The scope to ask for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether each use of a refresh token may replace it.
    #[serde(default = "yes")]
    pub rotates: bool,
    /// Whether sending the same refresh token twice is harmless at this issuer.
    #[serde(default)]
    pub reuse_safe: bool,
}

/// How a client shows itself at a token endpoint (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientAuth {
    /// By its id alone.
    #[default]
    None,
    /// By HTTP Basic.
    Basic,
    /// By fields of the body.
    Body,
}

impl Default for Success {
    fn default() -> Self {
        Self { status: vec![200, 201, 204, 302, 303], body: None, cookie: None, throttled: Vec::new() }
    }
}

impl Default for TokenPointers {
    fn default() -> Self {
        Self {
            access_token: "/access_token".to_owned(),
            refresh_token: "/refresh_token".to_owned(),
            expires_in: "/expires_in".to_owned(),
        }
    }
}

fn post() -> String {
    "POST".to_owned()
}

const fn yes() -> bool {
    true
}

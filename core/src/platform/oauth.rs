//! OAuth 2 sign-in recipes and where their endpoints are learned, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where an OAuth 2 platform's endpoints are learned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The issuer's identifier, exactly as the issuer itself writes it. Its metadata (RFC 8414, then OpenID Connect Discovery)
    /// names the endpoints that this file does not; those that see credentials must be at origins that this file names.
    pub issuer: String,
}

/// A program that signs in as itself (RFC 6749 §4.4), with `renew.client_id` and the credentials' field `client_secret`.
///
/// Renewal is the same request again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ClientCredentials {
    /// The scope to ask for; `renew.scope` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Further fields of the request, such as `audience`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A person who signs in on another device (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DeviceCode {
    /// The device authorization endpoint; resolved against the platform's base. The issuer's metadata names it when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
    /// The scope to ask for; `renew.scope` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Further fields of the device authorization request, such as `audience`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A person who signs in with a browser (RFC 6749 §4.1), with PKCE (RFC 7636, S256) always.
///
/// The browser is sent back to the credentials' field `redirect_uri`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuthorizationCode {
    /// The authorization endpoint; resolved against the platform's base. The issuer's metadata names it when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// The scope to ask for; `renew.scope` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Further parameters of the authorization request, such as `prompt`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

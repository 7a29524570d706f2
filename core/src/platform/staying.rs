//! How a session is kept alive, how long it may last and how it is ended at the platform, as data.

use std::time::Duration;

use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use super::{Platform, duration};
use crate::error::{Error, Kind};
use crate::url;

/// A session that is asked after while nobody uses it, so that a platform which ends idle sessions does not end this one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeepAlive {
    /// How long after the last answer that proved the session it is asked after.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub every: Duration,
    /// By how many per cent of `every` each wait is shortened or prolonged at random, so that sessions do not ask all at once.
    #[serde(default = "jitter")]
    pub jitter: u8,
    /// Where it is asked with GET; the identity probe when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// How long a session may last, whatever the platform says of its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Lifetime {
    /// Ends this long after its last successful call; keep-alive is no use of it.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Written>"))]
    pub idle: Option<Duration>,
    /// Ends this long after the sign-in, whatever happens; renewals do not prolong it.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Written>"))]
    pub absolute: Option<Duration>,
}

/// How the platform is told that a session is over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    /// Where a request with the session's credentials ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The method of that request.
    #[serde(default = "post")]
    pub method: String,
    /// Where tokens are revoked (RFC 7009): the refresh token first, then the access token. The client shows itself as in `renew`. When
    /// absent, it is where the issuer's metadata says (`oauth.issuer`), if that names such an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<String>,
}

/// What can tell when a session's credential ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpirySource {
    /// The lifetime that comes with a token (RFC 6749 §5.1).
    ExpiresIn,
    /// The date of the cookie that is the credential (`credential.cookie`).
    Cookie,
    /// The claim `exp` of an access token that is a JWT (RFC 7519 §4.1.4): it is read and not trusted, so it says when to renew, but a
    /// session that cannot be renewed is not ended by it.
    Jwt,
    /// The lifetime that the platform file declares (`credential.lifetime`).
    Lifetime,
}

/// The same, resolved.
#[derive(Debug)]
pub(super) struct Staying {
    pub(super) keep_alive: Option<Uri>,
    pub(super) sign_out: Option<(Method, Uri)>,
    pub(super) revoke: Option<Uri>,
}

impl ExpirySource {
    /// The order in which they are asked when the platform file says nothing.
    pub const USUAL: &'static [Self] = &[Self::ExpiresIn, Self::Cookie, Self::Jwt, Self::Lifetime];
}

impl Staying {
    pub(super) fn new(platform: &Platform, base: &Uri) -> Result<Self, Error> {
        let resolve = |text: Option<&String>| text.map(|text| url::resolve(base, text)).transpose();
        let keep_alive = resolve(platform.keep_alive.as_ref().and_then(|keep| keep.path.as_ref()))?;
        let Some(rules) = &platform.sign_out else { return Ok(Self { keep_alive, sign_out: None, revoke: None }) };
        let method = rules.method.parse::<Method>().map_err(|_| {
            Error::new(Kind::PlatformInvalid, format!("`sign_out.method`: `{}` cannot be used", rules.method))
        })?;
        let sign_out = resolve(rules.path.as_ref())?.map(|uri| (method, uri));
        Ok(Self { keep_alive, sign_out, revoke: resolve(rules.revoke.as_ref())? })
    }
}

const fn jitter() -> u8 {
    20
}

fn post() -> String {
    "POST".to_owned()
}

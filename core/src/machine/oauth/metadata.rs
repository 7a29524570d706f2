//! What an issuer says of itself: where it says it, and which of its endpoints may be used (RFC 8414, OpenID Connect Discovery).
//!
//! **Invariant:** a document counts only if its `issuer` is the platform's, letter by letter, and an endpoint that would see
//! credentials only if the platform names its origin.

use http::Uri;

use super::super::token;
use crate::document::{Node, Value};
use crate::effect::Arrival;
use crate::error::{Error, Kind};
use crate::platform::{Compiled, SignIn};
use crate::url;

/// The endpoints of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::machine) struct Metadata {
    pub(in crate::machine) token: Option<Uri>,
    pub(in crate::machine) device: Option<Uri>,
    pub(in crate::machine) revocation: Option<Uri>,
    /// Where a person's browser goes; no secret of the session's does.
    pub(in crate::machine) authorize: Option<Uri>,
    /// Whether every answer to an authorization request names the issuer (RFC 9207 §3).
    pub(in crate::machine) names_itself: bool,
}

/// How many addresses an issuer's metadata may have.
pub(in crate::machine) const PLACES: usize = 2;

/// Where an issuer's metadata may be, in the order in which it is looked for.
pub(in crate::machine) fn place(issuer: &Uri, at: usize) -> Result<Uri, Error> {
    let path = issuer.path().trim_end_matches('/');
    let path = match at {
        // RFC 8414 §3.1: between host and path.
        0 => format!("/.well-known/oauth-authorization-server{path}"),
        // OpenID Connect Discovery §4: after the path.
        _ => format!("{path}/.well-known/openid-configuration"),
    };
    url::resolve(issuer, &path)
}

/// Reads an issuer's metadata; nothing where the answer is no such document at all.
pub(in crate::machine) fn read(
    compiled: &Compiled,
    issuer: &str,
    arrival: &Arrival,
) -> Result<Option<Metadata>, Error> {
    if !arrival.status.is_success() {
        return Ok(None);
    }
    let document = match token::document(arrival) {
        Ok(document) => document,
        Err(error) if error.code() == Kind::UnexpectedAnswer => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = |name: &str| document.member(name).and_then(Node::as_str);
    if text("issuer") != Some(issuer) {
        let what =
            "the metadata at `oauth.issuer` is another issuer's, or writes the issuer otherwise than the platform file";
        return Err(Error::new(Kind::UnexpectedAnswer, what));
    }
    let (oauth, recipe) = (compiled.oauth(), &compiled.platform().sign_in);
    let needs_device = matches!(recipe, SignIn::DeviceCode(_)) && oauth.device.is_none();
    let needs_browser = matches!(recipe, SignIn::AuthorizationCode(_)) && oauth.authorize.is_none();
    let place =
        |name: &str, is_needed: bool, sees: Sees| match text(name).map(|text| usable(compiled, name, text, sees)) {
            Some(Ok(uri)) => Ok(Some(uri)),
            Some(Err(error)) if is_needed => Err(error),
            None if is_needed => Err(Error::new(
                Kind::UnexpectedAnswer,
                format!("the issuer's metadata has no `{name}`; name it in the platform file"),
            )),
            Some(Err(_)) | None => Ok(None),
        };
    Ok(Some(Metadata {
        token: place("token_endpoint", compiled.token_url().is_none(), Sees::Credentials)?,
        device: place("device_authorization_endpoint", needs_device, Sees::Credentials)?,
        revocation: place("revocation_endpoint", false, Sees::Credentials)?,
        authorize: place("authorization_endpoint", needs_browser, Sees::Nothing)?,
        names_itself: document
            .member("authorization_response_iss_parameter_supported")
            .is_some_and(|node| matches!(node.value, Value::Bool(true))),
    }))
}

/// What an endpoint sees of the session.
#[derive(Clone, Copy)]
enum Sees {
    Credentials,
    /// A person's browser goes there, nothing of the session's does.
    Nothing,
}

/// An endpoint at an absolute address that it may have.
fn usable(compiled: &Compiled, name: &str, text: &str, sees: Sees) -> Result<Uri, Error> {
    let unusable =
        || Error::new(Kind::UnexpectedAnswer, format!("the issuer's `{name}` is no address that can be used"));
    let uri: Uri = text.parse().map_err(|_| unusable())?;
    let origin = url::Origin::of(&uri).map_err(|_| unusable())?;
    match sees {
        Sees::Nothing => Ok(uri),
        Sees::Credentials if compiled.names(&uri) => Ok(uri),
        Sees::Credentials => {
            let what = format!(
                "the issuer's `{name}` is at {origin}, which may not see credentials; add it to `origins` if it may"
            );
            Err(Error::new(Kind::PlatformInvalid, what))
        }
    }
}

#[cfg(test)]
mod tests;

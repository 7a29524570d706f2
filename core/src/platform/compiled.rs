//! A platform made ready for use: addresses resolved, names parsed, rules in the form that is compared fastest.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Uri};

use super::program::{self, Plan};
use super::staying::Staying;
use super::{Platform, SignIn};
use crate::effect::Inspect;
use crate::error::{Error, Kind};
use crate::url::{self, Origin};

/// A platform whose every address and name has been checked; shared by all its sessions.
#[derive(Debug)]
pub struct Compiled {
    platform: Platform,
    base: Uri,
    origins: Vec<Origin>,
    header: HeaderName,
    token_url: Option<Uri>,
    oauth: OAuthAddresses,
    identity: Option<Uri>,
    inspect: Arc<[Inspect]>,
    refused_headers: Vec<(HeaderName, Option<HeaderValue>)>,
    staying: Staying,
    csrf: Option<HeaderName>,
    plan: Plan,
}

/// What is known of an OAuth 2 platform's addresses, the token endpoint apart.
#[derive(Debug, Default)]
pub(crate) struct OAuthAddresses {
    pub(crate) issuer: Option<Uri>,
    pub(crate) device: Option<Uri>,
    pub(crate) authorize: Option<Uri>,
}

impl Compiled {
    /// Checks a platform and makes it ready.
    pub fn new(platform: Platform) -> Result<Self, Error> {
        platform.check()?;
        let base: Uri = platform.base_url.parse().map_err(|_| invalid("base_url", &platform.base_url))?;
        let mut origins = vec![Origin::of(&base)?];
        for text in &platform.origins {
            let uri: Uri = text.parse().map_err(|_| invalid("origins", text))?;
            let origin = Origin::of(&uri)?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        let header = platform.credential.header.as_deref().unwrap_or("authorization");
        let header = header.parse().map_err(|_| invalid("credential.header", header))?;
        let resolve = |text: Option<&str>| text.map(|text| url::resolve(&base, text)).transpose();
        let token_url = resolve(platform.renew.as_ref().and_then(|renew| renew.token_url.as_deref()))?;
        let mut oauth = OAuthAddresses {
            issuer: resolve(platform.oauth.as_ref().map(|oauth| &*oauth.issuer))?,
            ..OAuthAddresses::default()
        };
        let identity = resolve(platform.probe())?;
        let inspect = platform.refused.bodies.iter().map(|rule| Inspect {
            status: rule.status.clone(),
            content_type: Some(rule.content_type.to_ascii_lowercase()),
            cap: rule.cap,
        });
        // What waits for the identity probe gives its connection back before: the probe may need it.
        let suspect = Inspect { status: platform.refused.suspect.clone(), content_type: None, cap: HELD_CAP };
        let inspect = inspect.chain(Some(suspect).filter(|rule| !rule.status.is_empty())).collect();
        let refused_headers = platform.refused.headers.iter().map(|rule| {
            let name = rule.name.parse().map_err(|_| invalid("refused.headers.name", &rule.name))?;
            let value =
                rule.value.as_deref().map(|value| value.parse().map_err(|_| invalid("refused.headers.value", value)));
            Ok((name, value.transpose()?))
        });
        let refused_headers = refused_headers.collect::<Result<_, Error>>()?;
        match &platform.sign_in {
            SignIn::DeviceCode(recipe) => oauth.device = resolve(recipe.device_url.as_deref())?,
            SignIn::AuthorizationCode(recipe) => oauth.authorize = resolve(recipe.authorize_url.as_deref())?,
            _ => {}
        }
        let csrf =
            platform.csrf.as_ref().map(|csrf| csrf.header.parse().map_err(|_| invalid("csrf.header", &csrf.header)));
        let csrf = csrf.transpose()?;
        let plan = program::compile(&platform.sign_in, &base)?;
        let staying = Staying::new(&platform, &base)?;
        Ok(Self {
            platform,
            base,
            origins,
            header,
            token_url,
            oauth,
            identity,
            inspect,
            refused_headers,
            staying,
            csrf,
            plan,
        })
    }

    /// The platform as it was written.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The address of `reference`: absolute, or relative to the platform's base (RFC 3986 §5).
    pub fn resolve(&self, reference: &str) -> Result<Uri, Error> {
        url::resolve(&self.base, reference)
    }

    /// The address that a program or a person means by `text`: like [`resolve`](Self::resolve), but what looks like a host
    /// without a scheme is refused.
    pub fn target(&self, text: &str) -> Result<Uri, Error> {
        url::target(&self.base, text)
    }

    /// What relative addresses resolve against.
    pub fn base(&self) -> &Uri {
        &self.base
    }

    /// Whether this address may see credentials.
    pub fn names(&self, uri: &Uri) -> bool {
        self.origins.iter().any(|origin| origin.matches(uri))
    }

    /// The origins that may see credentials, the base's first.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    pub(crate) fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(crate) fn token_url(&self) -> Option<&Uri> {
        self.token_url.as_ref()
    }

    pub(crate) fn oauth(&self) -> &OAuthAddresses {
        &self.oauth
    }

    /// Whether there is a token endpoint, named here or by the issuer.
    pub(crate) fn has_token_endpoint(&self) -> bool {
        self.token_url.is_some() || (self.oauth.issuer.is_some() && self.platform.renew.is_some())
    }

    /// Whether a session is renewed by signing in as the client again, without a refresh token.
    pub(crate) fn renews_as_client(&self) -> bool {
        matches!(self.platform.sign_in, SignIn::ClientCredentials(_))
    }

    pub(crate) fn identity(&self) -> Option<&Uri> {
        self.identity.as_ref()
    }

    pub(crate) fn inspect(&self) -> &Arc<[Inspect]> {
        &self.inspect
    }

    pub(crate) fn refused_headers(&self) -> &[(HeaderName, Option<HeaderValue>)] {
        &self.refused_headers
    }

    /// Where keep-alive asks, if not at the identity probe.
    pub(crate) fn keep_alive(&self) -> Option<&Uri> {
        self.staying.keep_alive.as_ref()
    }

    /// How a session with its credentials is ended.
    pub(crate) fn sign_out(&self) -> Option<&(Method, Uri)> {
        self.staying.sign_out.as_ref()
    }

    /// Where tokens are revoked.
    pub(crate) fn revoke(&self) -> Option<&Uri> {
        self.staying.revoke.as_ref()
    }

    /// The header that carries a token against cross-site requests on calls.
    pub(crate) fn csrf_header(&self) -> Option<&HeaderName> {
        self.csrf.as_ref()
    }

    /// How an account signs in.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }
}

fn invalid(key: &str, value: &str) -> Error {
    Error::new(Kind::PlatformInvalid, format!("`{key}`: `{value}` cannot be used"))
}

/// The most that is read of an answer that waits for the identity probe; a longer one keeps its connection meanwhile.
const HELD_CAP: usize = 64 * 1024;

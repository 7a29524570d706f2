//! What a record holds: a CBOR map with integer keys, in which unknown fields survive a rewrite.
//!
//! **Invariant:** a release reads what the next one adds; numbers in [`field`] are never given a second meaning.

mod kept;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

use super::leasing::Intent;
use super::seldom::{Emptied, Seldom};
use super::session::Session;
use super::window::Life;
use crate::cookie::Jar;
use crate::credentials::{Credentials, Secret};
use crate::effect::KeyPair;
use crate::error::{Error, Kind};
use crate::platform::ExpirySource;
use crate::platform::{ApiKey, Credential, Platform, SignIn};
use crate::time::Wall;

/// The schema of the payload, written beside the envelope's version.
pub const SCHEMA: u8 = 1;

/// What a session shows and renews itself with, cookies apart.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) access: Option<Secret>,
    pub(super) refresh: Option<Secret>,
    pub(super) life: Option<Life>,
    pub(super) created: Wall,
    /// When a call last succeeded.
    pub(super) used: Wall,
    /// The header that carries the access token, made once.
    pub(super) authorization: Option<HeaderValue>,
    /// What few sessions have; it reads as if it were here.
    extra: Seldom<Extra>,
}

/// What few sessions have beside their tokens.
pub(super) struct Extra {
    pub(super) client_secret: Option<Secret>,
    pub(super) account_id: Option<String>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The token against cross-site requests that an answer brought.
    pub(super) csrf: Option<HeaderValue>,
    /// An API key that goes in the query.
    pub(super) query: Option<Secret>,
    /// The key that the tokens are bound to, where they are.
    pub(super) key: Option<Arc<KeyPair>>,
    /// Fields of a later release, kept as they are.
    unknown: BTreeMap<u64, Vec<u8>>,
}

impl Emptied for Extra {
    const EMPTY: Self = Self {
        client_secret: None,
        account_id: None,
        user_agent: None,
        headers: Vec::new(),
        query: None,
        csrf: None,
        key: None,
        unknown: BTreeMap::new(),
    };

    fn nothing() -> &'static Self {
        static NOTHING: Extra = Extra::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        let has_secret = self.client_secret.is_some() || self.query.is_some() || self.key.is_some();
        let has_bundle = self.user_agent.is_some() || !self.headers.is_empty() || self.csrf.is_some();
        !has_secret && !has_bundle && self.account_id.is_none() && self.unknown.is_empty()
    }
}

impl Deref for Tokens {
    type Target = Extra;

    fn deref(&self) -> &Extra {
        &self.extra
    }
}

impl DerefMut for Tokens {
    fn deref_mut(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

/// A record, opened.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) platform: String,
    pub(super) origins: Vec<String>,
    pub(super) generation: u64,
    pub(super) revision: u64,
    pub(super) tokens: Tokens,
    pub(super) jar: Jar,
    /// What it signs in with again.
    pub(super) kept: Option<Credentials>,
    /// Who is about to send its refresh token.
    pub(super) intent: Option<Intent>,
    /// Whether a client's own credentials renew it; told to whoever has the record and not the platform.
    pub(super) renews_as_client: bool,
}

/// The numbers of the fields.
mod field {
    pub(super) const PLATFORM: u64 = 0;
    pub(super) const ORIGINS: u64 = 1;
    pub(super) const GENERATION: u64 = 2;
    pub(super) const REVISION: u64 = 3;
    pub(super) const ACCESS: u64 = 4;
    pub(super) const REFRESH: u64 = 5;
    pub(super) const CLIENT_SECRET: u64 = 6;
    pub(super) const ISSUED: u64 = 7;
    pub(super) const ENDS: u64 = 8;
    pub(super) const ACCOUNT_ID: u64 = 9;
    pub(super) const USER_AGENT: u64 = 10;
    pub(super) const HEADERS: u64 = 11;
    pub(super) const QUERY: u64 = 30;
    pub(super) const CSRF: u64 = 31;
    pub(super) const JAR: u64 = 12;
    pub(super) const CREATED: u64 = 13;
    pub(super) const USED: u64 = 40;
    pub(super) const ENDS_FROM: u64 = 41;
    pub(super) const AS_CLIENT: u64 = 42;
    pub(super) const KEPT: u64 = 50;
    pub(super) const INTENT: u64 = 60;
    pub(super) const KEY: u64 = 20;
    pub(super) const KEY_POINT: u64 = 21;
}

impl Tokens {
    pub(super) fn new(created: Wall) -> Self {
        Self { created, used: created, ..Self::default() }
    }

    /// Gives back the memory of what this session does not have.
    pub(super) fn release(&mut self) {
        self.extra.release();
    }

    /// Takes over what credentials bring by themselves.
    pub(super) fn take(&mut self, credentials: &Credentials, platform: &Platform) -> Result<(), Error> {
        let secret = |name: &str| credentials.field(name).map(Secret::new);
        self.access = secret("access_token");
        self.refresh = secret("refresh_token");
        self.client_secret = secret("client_secret");
        self.account_id.clone_from(&credentials.account_id);
        if let Some(agent) = &credentials.user_agent {
            self.user_agent = Some(value(agent, "user_agent")?);
        }
        for (name, secret) in &credentials.headers {
            let parsed: HeaderName = name.parse().map_err(|_| unusable(name))?;
            let mut header = value(secret.expose(), name)?;
            header.set_sensitive(true);
            self.headers.push((parsed, header));
        }
        if let Some(access) = &self.access {
            value(access.expose(), "access_token")?;
        }
        self.take_shown(credentials, &platform.sign_in)?;
        self.authorize(&platform.credential);
        Ok(())
    }

    /// Takes what the recipe shows on every attempt: a user name and a password, or an API key.
    fn take_shown(&mut self, credentials: &Credentials, recipe: &SignIn) -> Result<(), Error> {
        let field = |name: &str| credentials.field(name).unwrap_or_default();
        let (name, text) = match recipe {
            SignIn::Basic {} => {
                if field("username").contains(':') {
                    let what = "`username` has a colon, which basic authentication cannot carry (RFC 7617 §2)";
                    return Err(Error::new(Kind::CredentialsInvalid, what));
                }
                let pair = Zeroizing::new(format!("{}:{}", field("username"), field("password")));
                (AUTHORIZATION, Zeroizing::new(format!("Basic {}", Base64::encode_string(pair.as_bytes()))))
            }
            SignIn::ApiKey(ApiKey::Header(name)) => {
                let parsed = name.parse().map_err(|_| unusable("api_key"))?;
                (parsed, Zeroizing::new(field("api_key").to_owned()))
            }
            SignIn::ApiKey(ApiKey::Query(_)) => {
                self.query = credentials.field("api_key").map(Secret::new);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let mut shown = value(&text, "api_key")?;
        shown.set_sensitive(true);
        self.headers.retain(|(this, _)| *this != name);
        self.headers.push((name, shown));
        Ok(())
    }

    /// Makes the header that carries the access token.
    pub(super) fn authorize(&mut self, rules: &Credential) {
        self.authorization = self.access.as_ref().and_then(|access| {
            let scheme = rules.scheme.as_deref().unwrap_or(if self.key.is_some() { "DPoP" } else { "Bearer" });
            let text = Zeroizing::new(if scheme.is_empty() {
                access.expose().to_owned()
            } else {
                format!("{scheme} {}", access.expose())
            });
            let mut value = HeaderValue::from_str(&text).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
    }

    /// Whether both show the platform the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.access == other.access && self.refresh == other.refresh
    }
}

/// The session as the bytes that are sealed.
pub(super) fn encode(session: &Session) -> Zeroizing<Vec<u8>> {
    let mut out = Vec::new();
    let written = write(session, &mut Encoder::new(&mut out));
    debug_assert!(written.is_ok(), "a vector takes every byte");
    Zeroizing::new(out)
}

type Written = Result<(), minicbor::encode::Error<Infallible>>;

fn write(session: &Session, to: &mut Encoder<&mut Vec<u8>>) -> Written {
    let tokens = &session.tokens;
    to.begin_map()?;
    to.u64(field::PLATFORM)?.str(&session.compiled.platform().id)?;
    let origins = session.compiled.origins();
    to.u64(field::ORIGINS)?.array(origins.len() as u64)?;
    for origin in origins {
        to.str(&origin.to_string())?;
    }
    to.u64(field::GENERATION)?.u64(session.generation)?;
    to.u64(field::REVISION)?.u64(session.revision)?;
    for (number, secret) in [
        (field::ACCESS, &tokens.access),
        (field::REFRESH, &tokens.refresh),
        (field::CLIENT_SECRET, &tokens.client_secret),
        (field::QUERY, &tokens.query),
    ] {
        if let Some(secret) = secret {
            to.u64(number)?.str(secret.expose())?;
        }
    }
    if let Some(life) = tokens.life {
        to.u64(field::ISSUED)?.i64(life.issued.as_millis())?;
        to.u64(field::ENDS)?.i64(life.ends.as_millis())?;
        if let Some(number) = number_of(life.from) {
            to.u64(field::ENDS_FROM)?.u8(number)?;
        }
    }
    if let Some(id) = &tokens.account_id {
        to.u64(field::ACCOUNT_ID)?.str(id)?;
    }
    if let Some(agent) = &tokens.user_agent {
        to.u64(field::USER_AGENT)?.bytes(agent.as_bytes())?;
    }
    if let Some(token) = &tokens.csrf {
        to.u64(field::CSRF)?.bytes(token.as_bytes())?;
    }
    if !tokens.headers.is_empty() {
        to.u64(field::HEADERS)?.array(tokens.headers.len() as u64 * 2)?;
        for (name, value) in &tokens.headers {
            to.str(name.as_str())?.bytes(value.as_bytes())?;
        }
    }
    to.u64(field::JAR)?.encode(&*session.jar)?;
    to.u64(field::CREATED)?.i64(tokens.created.as_millis())?;
    if session.compiled.platform().lifetime.as_ref().is_some_and(|rules| rules.idle.is_some()) {
        to.u64(field::USED)?.i64(tokens.used.as_millis())?;
    }
    if session.compiled.renews_as_client() {
        to.u64(field::AS_CLIENT)?.bool(true)?;
    }
    if let Some(key) = &tokens.key {
        to.u64(field::KEY)?.bytes(&key.pkcs8)?.u64(field::KEY_POINT)?.bytes(&key.public)?;
    }
    if let Some(credentials) = session.sealed_credentials() {
        kept::write(credentials, to.u64(field::KEPT)?)?;
    }
    if let Some(intent) = session.sharing.intent.filter(|intent| intent.generation == session.generation) {
        let (by, send_by) = (intent.by, intent.send_by.as_millis());
        to.u64(field::INTENT)?.array(3)?.u64(intent.generation)?.u64(by)?.i64(send_by)?;
    }
    for (number, raw) in &tokens.unknown {
        to.u64(*number)?;
        to.writer_mut().extend_from_slice(raw);
    }
    to.end()?;
    Ok(())
}

/// The number of a source that must be known when the session is opened again.
const fn number_of(source: ExpirySource) -> Option<u8> {
    match source {
        ExpirySource::ExpiresIn | ExpirySource::Lifetime => None,
        ExpirySource::Cookie => Some(1),
        ExpirySource::Jwt => Some(2),
    }
}

const fn from_number(number: u8) -> ExpirySource {
    match number {
        1 => ExpirySource::Cookie,
        2 => ExpirySource::Jwt,
        _ => ExpirySource::ExpiresIn,
    }
}

/// Reads what [`encode`] wrote, in this release or a later one.
pub(super) fn decode(schema: u8, bytes: &[u8]) -> Result<Stored, Error> {
    if schema != SCHEMA {
        let what = format!("the saved session has schema {schema}, which this release does not read; upgrade Hallpass");
        return Err(Error::new(Kind::VersionUnknown, what));
    }
    read(bytes).map_err(|_| Error::new(Kind::Damaged, "the saved session opened but cannot be read"))
}

fn read(bytes: &[u8]) -> Result<Stored, minicbor::decode::Error> {
    let mut from = Decoder::new(bytes);
    let mut stored = Stored {
        platform: String::new(),
        origins: Vec::new(),
        generation: 0,
        revision: 0,
        tokens: Tokens::default(),
        jar: Jar::new(),
        kept: None,
        intent: None,
        renews_as_client: false,
    };
    let (mut issued, mut ends, mut used, mut source) = (None, None, None, 0);
    let (mut pkcs8, mut point) = (None, None);
    let fields = from.map()?;
    let mut seen = 0;
    while fields.map_or_else(|| from.datatype().is_ok_and(|kind| kind != minicbor::data::Type::Break), |all| seen < all)
    {
        seen += 1;
        let tokens = &mut stored.tokens;
        match from.u64()? {
            field::PLATFORM => from.str()?.clone_into(&mut stored.platform),
            field::ORIGINS => {
                for origin in from.array_iter::<&str>()? {
                    stored.origins.push(origin?.to_owned());
                }
            }
            field::GENERATION => stored.generation = from.u64()?,
            field::REVISION => stored.revision = from.u64()?,
            field::ACCESS => tokens.access = Some(Secret::new(from.str()?)),
            field::REFRESH => tokens.refresh = Some(Secret::new(from.str()?)),
            field::CLIENT_SECRET => tokens.client_secret = Some(Secret::new(from.str()?)),
            field::ISSUED => issued = Some(Wall::from_millis(from.i64()?)),
            field::ENDS => ends = Some(Wall::from_millis(from.i64()?)),
            field::ACCOUNT_ID => tokens.account_id = Some(from.str()?.to_owned()),
            field::USER_AGENT => tokens.user_agent = Some(header_value(from.bytes()?)?),
            field::CSRF => {
                let mut token = header_value(from.bytes()?)?;
                token.set_sensitive(true);
                tokens.csrf = Some(token);
            }
            field::QUERY => tokens.query = Some(Secret::new(from.str()?)),
            field::HEADERS => read_headers(&mut from, &mut tokens.headers)?,
            field::JAR => stored.jar = from.decode()?,
            field::CREATED => tokens.created = Wall::from_millis(from.i64()?),
            field::USED => used = Some(Wall::from_millis(from.i64()?)),
            field::ENDS_FROM => source = from.u8()?,
            field::AS_CLIENT => stored.renews_as_client = from.bool()?,
            field::KEPT => stored.kept = Some(kept::read(&mut from)?),
            field::INTENT => stored.intent = Some(read_intent(&mut from)?),
            field::KEY => pkcs8 = Some(Zeroizing::new(from.bytes()?.to_vec())),
            field::KEY_POINT => point = from.bytes()?.try_into().ok(),
            number => {
                let start = from.position();
                from.skip()?;
                tokens.unknown.insert(number, bytes[start..from.position()].to_vec());
            }
        }
    }
    stored.tokens.used = used.unwrap_or(stored.tokens.created);
    if let (Some(issued), Some(ends)) = (issued, ends) {
        stored.tokens.life = Some(Life { issued, ends, from: from_number(source) });
    }
    if let (Some(pkcs8), Some(public)) = (pkcs8, point) {
        stored.tokens.key = Some(Arc::new(KeyPair { pkcs8, public }));
    }
    Ok(stored)
}

fn read_intent(from: &mut Decoder<'_>) -> Result<Intent, minicbor::decode::Error> {
    let fields = from.array()?.unwrap_or(0);
    let intent = Intent { generation: from.u64()?, by: from.u64()?, send_by: Wall::from_millis(from.i64()?) };
    for _ in 3..fields {
        from.skip()?;
    }
    Ok(intent)
}

fn read_headers(
    from: &mut Decoder<'_>,
    to: &mut Vec<(HeaderName, HeaderValue)>,
) -> Result<(), minicbor::decode::Error> {
    let length = from.array()?.unwrap_or(0);
    for _ in 0..length / 2 {
        let name = from.str()?.parse().map_err(|_| minicbor::decode::Error::message("a header name"))?;
        let mut value = header_value(from.bytes()?)?;
        value.set_sensitive(true);
        to.push((name, value));
    }
    Ok(())
}

fn header_value(bytes: &[u8]) -> Result<HeaderValue, minicbor::decode::Error> {
    HeaderValue::from_bytes(bytes).map_err(|_| minicbor::decode::Error::message("a header value"))
}

fn value(text: &str, name: &str) -> Result<HeaderValue, Error> {
    text.parse().map_err(|_| unusable(name))
}

fn unusable(name: &str) -> Error {
    Error::new(Kind::CredentialsInvalid, format!("`{name}` of the credentials cannot be sent as a header"))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("access", &self.access.is_some())
            .field("refresh", &self.refresh.is_some())
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

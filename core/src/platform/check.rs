//! Whether a platform can work: what its values may be, beyond their types.
//!
//! **Invariant:** a fault names its key and says what can stand there.

mod address;
mod oauth;
mod rule;
mod staying;
mod steps;

use std::fmt;

use super::{
    Bundle, ClientAuth, Csrf, Identity, Login, OAuthRefresh, Place, Platform, SignIn, Source, Success, TokenPointers,
    template,
};
use address::{Origin, origin};
use rule::{cookie_name, header_name, header_value, method, pointer, positive, statuses};

/// What is wrong with a platform.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlatformFault {
    /// The key at fault, such as `refused.bodies[0].cap`.
    pub(super) path: String,
    /// What is wrong, as the rest of a sentence that begins with the key.
    pub(super) problem: String,
}

type Check = Result<(), PlatformFault>;

impl Platform {
    /// The first fault, in the order of the file's keys.
    pub(super) fn find_fault(&self) -> Check {
        self.check_id()?;
        let origins = self.check_origins()?;
        let addresses = Addresses { base: origins.first().map(|origin| origin.scheme), origins: &origins };
        match &self.sign_in {
            SignIn::Bundle(bundle) => check_bundle(bundle)?,
            SignIn::Form(login) => check_login(login, "sign_in.form", &addresses)?,
            SignIn::Json(login) => check_login(login, "sign_in.json", &addresses)?,
            SignIn::Oauth2Refresh {} if self.renew.is_none() => {
                return wrong(
                    "sign_in.oauth2_refresh",
                    "needs a table `renew` that names the token endpoint (`token_url`)",
                );
            }
            SignIn::ClientCredentials(recipe) => oauth::client_credentials(self, recipe)?,
            SignIn::DeviceCode(recipe) => oauth::device_code(self, recipe, &addresses)?,
            SignIn::AuthorizationCode(recipe) => oauth::authorization_code(self, recipe, &addresses)?,
            SignIn::Steps(recipe) if recipe.step.is_empty() => {
                return wrong("sign_in.steps.step", "must hold at least one step");
            }
            SignIn::Steps(recipe) => steps::steps(&recipe.step, "sign_in.steps", &addresses)?,
            SignIn::Guest(recipe) => steps::steps(&recipe.step, "sign_in.guest", &addresses)?,
            SignIn::ApiKey(place) => steps::api_key(place)?,
            SignIn::Oauth2Refresh {} | SignIn::Bearer {} | SignIn::Basic {} | SignIn::Custom {} => {}
        }
        if let Some(table) = &self.oauth {
            oauth::issuer(table, &addresses)?;
        }
        if let Some(renew) = &self.renew {
            if renew.token_url.is_none() && self.oauth.is_none() {
                return wrong("renew.token_url", "is missing, and there is no `oauth.issuer` that could name it");
            }
            check_renew(renew, &addresses)?;
        }
        self.check_credential()?;
        if let Some(csrf) = &self.csrf {
            steps::csrf(csrf)?;
        }
        self.check_signing()?;
        if let Some(identity) = &self.identity {
            self.check_identity(identity, &addresses)?;
        }
        self.check_refused()?;
        staying::check(self, &addresses)?;
        self.check_retry_and_timeouts()
    }

    fn check_id(&self) -> Check {
        let printable = self.id.chars().all(|c| !c.is_control() && !c.is_whitespace());
        if self.id.is_empty() || self.id.len() > 128 || !printable {
            return wrong("id", "must be 1 to 128 bytes of printable text without spaces");
        }
        Ok(())
    }

    /// The origins that may see credentials, the base's first.
    fn check_origins(&self) -> Result<Vec<Origin>, PlatformFault> {
        let mut origins = vec![address::base(&self.base_url, "base_url")?];
        for (index, text) in self.origins.iter().enumerate() {
            origins.push(address::bare(text, &format!("origins[{index}]"))?);
        }
        Ok(origins)
    }

    fn check_credential(&self) -> Check {
        let credential = &self.credential;
        if let Some(header) = &credential.header {
            header_name(header, "credential.header")?;
        }
        if let Some(scheme) = &credential.scheme {
            header_value(scheme, "credential.scheme")?;
        }
        if let Some(cookie) = &credential.cookie {
            cookie_name(cookie, "credential.cookie")?;
        }
        if credential.lifetime == Some(0) {
            return wrong("credential.lifetime", "must be at least 1 second");
        }
        Ok(())
    }

    fn check_identity(&self, identity: &Identity, addresses: &Addresses<'_>) -> Check {
        if let Some(path) = &identity.path {
            addresses.check(path, "identity.path")?;
        }
        if let Some(account_id) = &identity.account_id {
            if identity.path.is_none() {
                return wrong("identity.account_id", "needs `identity.path`: it is read from the probe's answer");
            }
            pointer(account_id, "identity.account_id")?;
        }
        match (&identity.id_token, &self.sign_in) {
            (None, _) if identity.path.is_none() => {
                wrong("identity", "needs a `path` to ask at, or an `id_token` to read")
            }
            (None, _) => Ok(()),
            (Some(claim), SignIn::Oauth2Refresh {} | SignIn::DeviceCode(_) | SignIn::AuthorizationCode(_)) => {
                pointer(claim, "identity.id_token")
            }
            (Some(_), _) => wrong(
                "identity.id_token",
                "needs a sign-in at a token endpoint (`authorization_code`, `device_code` or `oauth2_refresh`)",
            ),
        }
    }

    fn check_signing(&self) -> Check {
        if let Some(signer) = &self.signer {
            positive(signer.timeout, "signer.timeout")?;
        }
        if self.dpop.is_some() && self.renew.is_none() {
            return wrong(
                "dpop",
                "needs a table `renew`: tokens are bound to a key where they are issued (`token_url`)",
            );
        }
        Ok(())
    }

    fn check_refused(&self) -> Check {
        let refused = &self.refused;
        statuses(&refused.status, "refused.status")?;
        statuses(&refused.suspect, "refused.suspect")?;
        if !refused.suspect.is_empty() && self.probe().is_none() {
            return wrong(
                "refused.suspect",
                "needs a table `identity`: its probe (`path`) decides whether the session is refused",
            );
        }
        if let Some(both) = refused.suspect.iter().find(|status| refused.status.contains(status)) {
            return wrong(
                "refused.suspect",
                format!("lists {both}, which `refused.status` lists too; keep it in one of them"),
            );
        }
        for (index, path) in refused.redirect_to.iter().enumerate() {
            if !path.starts_with('/') {
                return wrong(
                    format!("refused.redirect_to[{index}]"),
                    "must be a path that starts with `/`, such as `/login`",
                );
            }
        }
        for (index, rule) in refused.headers.iter().enumerate() {
            header_name(&rule.name, &format!("refused.headers[{index}].name"))?;
            if let Some(value) = &rule.value {
                header_value(value, &format!("refused.headers[{index}].value"))?;
            }
        }
        for (index, rule) in refused.bodies.iter().enumerate() {
            rule::body(rule, &format!("refused.bodies[{index}]"))?;
        }
        if refused.cookie_deleted && self.credential.cookie.is_none() {
            return wrong(
                "refused.cookie_deleted",
                "needs `credential.cookie`, the name of the cookie that is the credential",
            );
        }
        Ok(())
    }

    fn check_retry_and_timeouts(&self) -> Check {
        if self.retry.attempts == 0 {
            return wrong("retry.attempts", "must be at least 1: the first attempt counts");
        }
        for (index, name) in self.retry.methods.iter().enumerate() {
            method(name, &format!("retry.methods[{index}]"))?;
        }
        positive(self.timeouts.total, "timeouts.total")?;
        positive(self.timeouts.exchange, "timeouts.exchange")?;
        positive(self.timeouts.store, "timeouts.store")?;
        positive(self.timeouts.challenge, "timeouts.challenge")
    }
}

fn check_bundle(bundle: &Bundle) -> Check {
    for (index, name) in bundle.required_headers.iter().enumerate() {
        let path = format!("sign_in.bundle.required_headers[{index}]");
        header_name(name, &path)?;
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return wrong(path, format!("must be lower case: `{}`", name.to_ascii_lowercase()));
        }
    }
    for (index, name) in bundle.required_cookies.iter().enumerate() {
        cookie_name(name, &format!("sign_in.bundle.required_cookies[{index}]"))?;
    }
    Ok(())
}

fn check_login(login: &Login, at: &str, addresses: &Addresses<'_>) -> Check {
    addresses.check(&login.path, &format!("{at}.path"))?;
    method(&login.method, &format!("{at}.method"))?;
    if matches!(login.method.as_str(), "GET" | "HEAD" | "TRACE" | "CONNECT" | "OPTIONS") {
        return wrong(
            format!("{at}.method"),
            format!(
                "cannot be `{}`, since a sign-in carries its fields in a body; use POST, PUT or PATCH",
                login.method
            ),
        );
    }
    for (name, text) in &login.fields {
        if let Err(problem) = template::names(text) {
            return wrong(format!("{at}.fields.{name}"), problem);
        }
    }
    for (name, value) in &login.headers {
        let path = format!("{at}.headers.{name}");
        header_name(name, &path)?;
        header_value(value, &path)?;
    }
    if let Some(csrf) = &login.csrf {
        check_csrf(csrf, login, at, addresses)?;
    }
    check_success(&login.success, at)?;
    login.tokens.as_ref().map_or(Ok(()), |tokens| check_tokens(tokens, at))
}

fn check_success(success: &Success, at: &str) -> Check {
    if success.status.is_empty() {
        return wrong(format!("{at}.success.status"), "must list at least one status");
    }
    statuses(&success.status, &format!("{at}.success.status"))?;
    statuses(&success.throttled, &format!("{at}.success.throttled"))?;
    if let Some(cookie) = &success.cookie {
        cookie_name(cookie, &format!("{at}.success.cookie"))?;
    }
    Ok(())
}

fn check_tokens(tokens: &TokenPointers, at: &str) -> Check {
    pointer(&tokens.access_token, &format!("{at}.tokens.access_token"))?;
    pointer(&tokens.refresh_token, &format!("{at}.tokens.refresh_token"))?;
    pointer(&tokens.expires_in, &format!("{at}.tokens.expires_in"))
}

fn check_csrf(csrf: &Csrf, login: &Login, at: &str, addresses: &Addresses<'_>) -> Check {
    addresses.check(&csrf.path, &format!("{at}.csrf.path"))?;
    check_source(&csrf.from, &format!("{at}.csrf.from"))?;
    match &csrf.to {
        Place::Header(name) => header_name(name, &format!("{at}.csrf.to.header")),
        Place::Field(name) if name.is_empty() => {
            wrong(format!("{at}.csrf.to.field"), "must be the name of a field, such as `_xsrf`")
        }
        Place::Field(name) if login.fields.contains_key(name) => wrong(
            format!("{at}.csrf.to.field"),
            format!("is `{name}`, which `{at}.fields` sets already; remove it there"),
        ),
        Place::Field(_) => Ok(()),
    }
}

fn check_source(from: &Source, at: &str) -> Check {
    match from {
        Source::Cookie(name) => cookie_name(name, &format!("{at}.cookie")),
        Source::Header(name) => header_name(name, &format!("{at}.header")),
        Source::Json(text) => pointer(text, &format!("{at}.json")),
        Source::Input(name) if name.is_empty() => {
            wrong(format!("{at}.input"), "must be the `name` of an HTML input, such as `_xsrf`")
        }
        Source::Html(html) if html.element.is_empty() => {
            wrong(format!("{at}.html.element"), "must be the name of an HTML element, such as `meta`")
        }
        Source::Html(html) if html.take.is_empty() => {
            wrong(format!("{at}.html.take"), "must be the attribute to take, such as `content`")
        }
        Source::Input(_) | Source::Html(_) => Ok(()),
    }
}

fn check_renew(renew: &OAuthRefresh, addresses: &Addresses<'_>) -> Check {
    if let Some(token_url) = &renew.token_url {
        addresses.check(token_url, "renew.token_url")?;
    }
    let auth = match renew.client_auth {
        ClientAuth::None => return Ok(()),
        ClientAuth::Basic => "basic",
        ClientAuth::Body => "body",
    };
    if renew.client_id.is_none() {
        return wrong("renew.client_auth", format!("is `{auth}`, which needs `renew.client_id`"));
    }
    Ok(())
}

/// Where credentials may be sent.
struct Addresses<'a> {
    base: Option<&'static str>,
    origins: &'a [Origin],
}

impl Addresses<'_> {
    /// A relative address, or an absolute one whose origin may see credentials.
    fn check(&self, text: &str, path: &str) -> Check {
        address::characters(text, path)?;
        let absolute = match text.strip_prefix("//") {
            Some(rest) => format!("{}://{rest}", self.base.unwrap_or("https")),
            None if address::has_scheme(text) => text.to_owned(),
            None => return Ok(()),
        };
        let (origin, _) = origin(&absolute, path)?;
        if self.origins.contains(&origin) {
            return Ok(());
        }
        wrong(path, format!("is at {origin}, which may not see credentials; add it to `origins` if it may"))
    }
}

fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, PlatformFault> {
    Err(PlatformFault { path: path.into(), problem: problem.into() })
}

impl fmt::Display for PlatformFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.problem)
    }
}

//! What is a new platform file made of? A few answers, and a table for each that needs one.

use hallpass::core::platform::Platform;
use hallpass::core::url::Origin;
use hallpass::{Error, Kind};
use serde_json::Value;

use crate::args::{New, Recipe};
use crate::outcome::Failure;

/// The answers so far; empty is not answered, or left out.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) base_url: String,
    pub(super) recipe: Option<Recipe>,
    pub(super) login_path: String,
    pub(super) key_header: String,
    pub(super) key_query: String,
    pub(super) issuer: String,
    pub(super) token_url: String,
    pub(super) device_url: String,
    pub(super) authorize_url: String,
    pub(super) client_id: String,
    pub(super) identity_path: String,
    pub(super) account_id: String,
}

impl Draft {
    pub(super) fn of(wanted: &New) -> Self {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        Self {
            id: text(&wanted.id),
            base_url: text(&wanted.base_url),
            recipe: wanted.sign_in,
            login_path: text(&wanted.login_path),
            key_header: text(&wanted.key_header),
            key_query: text(&wanted.key_query),
            issuer: text(&wanted.issuer),
            token_url: text(&wanted.token_url),
            device_url: text(&wanted.device_url),
            authorize_url: text(&wanted.authorize_url),
            client_id: text(&wanted.client_id),
            identity_path: text(&wanted.identity_path),
            account_id: text(&wanted.account_id),
        }
    }

    /// Whether the answers so far can be.
    pub(super) fn checked(&self) -> Result<(), Failure> {
        let mut whole = self.clone();
        whole.recipe = whole.recipe.or(Some(Recipe::Bearer));
        let fill = |text: &mut String, other: &str| {
            if text.is_empty() {
                other.clone_into(text);
            }
        };
        fill(&mut whole.id, "x");
        fill(&mut whole.base_url, "https://x.example");
        fill(&mut whole.login_path, "/");
        if whole.key_query.is_empty() {
            fill(&mut whole.key_header, "x");
        }
        if whole.issuer.is_empty() {
            for place in [&mut whole.token_url, &mut whole.device_url, &mut whole.authorize_url] {
                fill(place, "/");
            }
        }
        if whole.recipe != Some(Recipe::Oauth2Refresh) {
            fill(&mut whole.client_id, "x");
        }
        Platform::from_toml(&whole.text()).map(drop).map_err(|error| {
            // The line is one of a file that nobody has seen yet.
            let detail = error.detail().split_once(": ").map_or(error.detail(), |(_, what)| what).to_owned();
            Error::new(Kind::PlatformInvalid, detail).into()
        })
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut out = Lines(String::new());
        out.value("id", &self.id);
        out.value("base_url", &self.base_url);
        if let Some(origin) = self.issuers_origin() {
            out.line(
                "# The issuer sees what its clients show; nothing of a session goes to an origin that is not named.",
            );
            out.line(&format!("origins = [{}]", quoted(&origin)));
        }
        if let Some(recipe) = self.recipe {
            self.sign_in(recipe, &mut out);
        }
        if !self.identity_path.is_empty() {
            out.line("");
            out.line("# Who the platform says one is.");
            out.line("[identity]");
            out.value("path", &self.identity_path);
            out.value("account_id", &self.account_id);
        }
        out.0
    }

    fn sign_in(&self, recipe: Recipe, out: &mut Lines) {
        out.line("");
        out.line(&format!("[sign_in.{}]", recipe.name()));
        match recipe {
            Recipe::Form | Recipe::Json => {
                out.value("path", &self.login_path);
                out.line("# The names that the platform gives its fields, and what of the credentials goes there.");
                out.line("fields = { username = \"{username}\", password = \"{password}\" }");
            }
            Recipe::Bundle => {
                out.line("# What a bundle must hold to be of use:");
                out.line("# required_cookies = [\"sid\"]");
                out.line("# required_headers = [\"user-agent\"]");
            }
            Recipe::ApiKey => {
                out.value("header", &self.key_header);
                out.value("query", &self.key_query);
            }
            Recipe::DeviceCode => out.value("device_url", &self.device_url),
            Recipe::AuthorizationCode => out.value("authorize_url", &self.authorize_url),
            Recipe::Basic | Recipe::Bearer | Recipe::Oauth2Refresh | Recipe::ClientCredentials => {}
        }
        if !recipe.is_grant() {
            return;
        }
        if !self.issuer.is_empty() {
            out.line("");
            out.line("# Its metadata names the endpoints.");
            out.line("[oauth]");
            out.value("issuer", &self.issuer);
        }
        out.line("");
        out.line("[renew]");
        out.value("token_url", &self.token_url);
        out.value("client_id", &self.client_id);
        if recipe == Recipe::ClientCredentials {
            out.line("# How the client shows its secret, the credentials' field `client_secret`: `basic` or `body`.");
            out.value("client_auth", "basic");
        }
    }

    /// The issuer's origin, where it is another one than the platform's.
    fn issuers_origin(&self) -> Option<String> {
        let origin = |text: &str| Origin::of(&text.parse().ok()?).ok();
        let issuer = origin(&self.issuer).filter(|_| self.recipe.is_some_and(Recipe::is_grant))?;
        (Some(&issuer) != origin(&self.base_url).as_ref()).then(|| issuer.to_string())
    }
}

impl Recipe {
    /// Its name in platform files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Form => "form",
            Self::Json => "json",
            Self::Basic => "basic",
            Self::ApiKey => "api_key",
            Self::Bearer => "bearer",
            Self::Oauth2Refresh => "oauth2_refresh",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "device_code",
            Self::AuthorizationCode => "authorization_code",
        }
    }

    /// Whether it is a grant of OAuth 2.
    pub(super) fn is_grant(self) -> bool {
        match self {
            Self::Oauth2Refresh | Self::ClientCredentials | Self::DeviceCode | Self::AuthorizationCode => true,
            Self::Bundle | Self::Form | Self::Json | Self::Basic | Self::ApiKey | Self::Bearer => false,
        }
    }
}

/// A file as it is written.
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A key and its value, where there is one.
    fn value(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.line(&format!("{key} = {}", quoted(text)));
        }
    }
}

/// A TOML string; what JSON escapes is escaped the same there.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

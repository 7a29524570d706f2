//! What a platform's recipe needs of credentials, and what they hold, in words without secrets.

use super::{Credentials, Secret};
use crate::platform::steps::CODE;
use crate::platform::{ClientAuth, Login, Platform, SignIn, SignInStep, template};

impl Credentials {
    /// What the platform's recipe needs and is not there, such as ``the field `password` ``; empty when nothing is missing.
    pub fn missing_for(&self, platform: &Platform) -> Vec<String> {
        let mut missing = match &platform.sign_in {
            SignIn::Bundle(bundle) => {
                let headers = bundle.required_headers.iter().filter(|name| !self.has_header(name));
                let headers = headers.map(|name| format!("the header `{name}`"));
                let cookies =
                    bundle.required_cookies.iter().filter(|name| !self.cookie_names().contains(&name.as_str()));
                let mut missing: Vec<_> = headers.chain(cookies.map(|name| format!("the cookie `{name}`"))).collect();
                if missing.is_empty() && self.is_bare() {
                    missing.push("cookies, headers or the field `access_token`".to_owned());
                }
                missing
            }
            SignIn::Form(login) | SignIn::Json(login) => self.missing_fields(&named(login)),
            SignIn::Oauth2Refresh {} => self.missing_fields(&["refresh_token"]),
            SignIn::AuthorizationCode(_) => self.missing_fields(&["redirect_uri"]),
            SignIn::Steps(recipe) | SignIn::Guest(recipe) => self.missing_fields(&named_in(&recipe.step)),
            SignIn::Basic {} => self.missing_fields(&["username", "password"]),
            SignIn::ApiKey(_) => self.missing_fields(&["api_key"]),
            SignIn::ClientCredentials(_) | SignIn::DeviceCode(_) | SignIn::Custom {} => Vec::new(),
            SignIn::Bearer {} => self.missing_fields(&["access_token"]),
        };
        match platform.renew.as_ref().map_or(ClientAuth::None, |renew| renew.client_auth) {
            ClientAuth::None => {}
            ClientAuth::Basic | ClientAuth::Body => missing.extend(self.missing_fields(&["client_secret"])),
        }
        missing
    }

    /// The names of fields that the platform's recipe needs and that are not here: what a person can be asked for.
    pub fn missing_fields_for(&self, platform: &Platform) -> Vec<String> {
        let name = |missing: String| Some(missing.strip_prefix(FIELD)?.strip_suffix('`')?.to_owned());
        self.missing_for(platform).into_iter().filter_map(name).collect()
    }

    /// What these credentials hold, a line each, without the secrets.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut list = |what: &str, names: &[&str]| {
            if !names.is_empty() {
                lines.push(format!("{what}: {}", names.join(", ")));
            }
        };
        list("account id", &self.account_id.as_deref().into_iter().collect::<Vec<_>>());
        list("fields", &self.fields.keys().map(String::as_str).collect::<Vec<_>>());
        list("cookies", &self.cookie_names());
        list("user agent", &self.user_agent.as_deref().into_iter().collect::<Vec<_>>());
        list("headers", &self.headers.keys().map(String::as_str).collect::<Vec<_>>());
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        lines
    }

    /// Names in the cookie line (what has no `=` may be a value and is no name) and in the jar.
    pub(super) fn cookie_names(&self) -> Vec<&str> {
        let line = self.cookies.as_ref().map_or("", Secret::expose);
        let named = line.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim()));
        let kept = self.jar.iter().filter_map(|cookie| std::str::from_utf8(cookie.name()).ok());
        named.chain(kept).filter(|name| !name.is_empty()).collect()
    }

    fn has_header(&self, name: &str) -> bool {
        match name {
            "user-agent" => self.user_agent.is_some(),
            "cookie" => self.cookies.is_some() || !self.jar.is_empty(),
            "authorization" => self.headers.contains_key(name) || self.field("access_token").is_some(),
            _ => self.headers.contains_key(name),
        }
    }

    fn missing_fields(&self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|name| self.field(name).is_none()).map(|name| format!("{FIELD}{name}`")).collect()
    }

    /// Whether nothing is here that could show who it is.
    pub(crate) fn is_bare(&self) -> bool {
        let has_cookies = self.cookies.is_some() || !self.jar.is_empty();
        !has_cookies && self.headers.is_empty() && self.field("access_token").is_none()
    }
}

/// The fields of the credentials that a sign-in's templates name, each once.
fn named(login: &Login) -> Vec<&str> {
    let mut names: Vec<_> = login.fields.values().filter_map(|text| template::names(text).ok()).flatten().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The fields of the credentials that steps name, each once: not what earlier steps take, nor the code of a second factor.
fn named_in(steps: &[SignInStep]) -> Vec<&str> {
    let mut taken = vec![CODE];
    let mut names = Vec::new();
    for step in steps {
        let wanted = step.templates().filter_map(|(_, text)| template::names(text).ok()).flatten();
        names.extend(wanted.filter(|name| !taken.contains(name)));
        taken.extend(step.extract.keys().map(String::as_str));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// How the name of a missing field is introduced.
const FIELD: &str = "the field `";

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(rest: &str) -> Platform {
        let text = format!("{{\"id\": \"p\", \"base_url\": \"https://a.example\", {rest}}}");
        Platform::from_json(&text).expect("valid")
    }

    #[test]
    fn a_recipe_names_what_it_lacks() {
        let none = Credentials::default();
        for (rest, missing) in [
            (r#""sign_in": {"bearer": {}}"#, &["the field `access_token`"][..]),
            (r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/t"}"#, &["the field `refresh_token`"]),
            (
                r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/t", "client_id": "c", "client_auth": "basic"}"#,
                &["the field `refresh_token`", "the field `client_secret`"],
            ),
            (
                r#""sign_in": {"form": {"path": "/l", "fields": {"p": "{password}", "q": "{password}{username}", "r": "x"}}}"#,
                &["the field `password`", "the field `username`"],
            ),
            (r#""sign_in": {"bundle": {}}"#, &["cookies, headers or the field `access_token`"]),
            (
                r#""sign_in": {"bundle": {"required_headers": ["x-bc", "user-agent"], "required_cookies": ["sid"]}}"#,
                &["the header `x-bc`", "the header `user-agent`", "the cookie `sid`"],
            ),
        ] {
            assert_eq!(none.missing_for(&platform(rest)), missing, "{rest}");
            let fields = missing.iter().filter_map(|text| text.strip_prefix("the field `")?.strip_suffix('`'));
            assert_eq!(none.missing_fields_for(&platform(rest)), fields.collect::<Vec<_>>(), "{rest}");
        }
    }

    #[test]
    fn credentials_that_hold_everything_lack_nothing() {
        let bundle = r#"{"cookie": "a=1; sid=2", "user_agent": "Mozilla", "x-bc": "b"}"#;
        let bundle = Credentials::from_json(bundle).expect("valid");
        let needs =
            r#""sign_in": {"bundle": {"required_headers": ["x-bc", "user-agent"], "required_cookies": ["sid"]}}"#;
        assert!(bundle.missing_for(&platform(needs)).is_empty());
        assert!(bundle.missing_for(&platform(r#""sign_in": {"bundle": {}}"#)).is_empty());
        let form = r#""sign_in": {"form": {"path": "/l", "fields": {"u": "{username}", "p": "{password}"}}}"#;
        assert!(Credentials::password("bob", "x").missing_for(&platform(form)).is_empty());
    }

    #[test]
    fn a_summary_names_everything_and_shows_no_secret() {
        let text = r#"{"id": 7, "username": "s1", "password": "s2", "cookie": "sid=s3; s4; b=s5", "x-bc": "s6",
            "user_agent": "Mozilla/5.0"}"#;
        let credentials = Credentials::from_json(text).expect("valid");
        let expected = [
            "account id: 7",
            "fields: password, username",
            "cookies: sid, b",
            "user agent: Mozilla/5.0",
            "headers: x-bc",
        ];
        assert_eq!(credentials.summary(), expected);
        assert_eq!(Credentials::default().summary(), ["nothing"]);
    }
}

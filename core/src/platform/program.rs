//! What a sign-in does, recipe by recipe: take what was given, make steps, get a grant, or ask the program.
//!
//! **Invariant:** every address, name and template in a program has been checked; `form`, `json` and `steps` differ here no more.

use http::{HeaderName, Method, Uri};

use super::steps::CODE;
use super::{AnswerRule, CodeRules, Csrf, Login, Place, SignIn, SignInStep, Source, Success, TokenPointers, template};
use crate::effect::Purpose;
use crate::error::{Error, Kind};
use crate::url;

/// How an account signs in.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The credentials are what the session shows; nothing is sent but the probe.
    Given,
    /// Requests, one after the other.
    Steps(Vec<Step>),
    /// An OAuth 2 grant.
    Grant,
    /// The program's own function.
    Custom,
}

/// One request of a sign-in, and what its answer means.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) to: To,
    /// Names and templates.
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: StepBody,
    /// Values to take from the answer, by the names that later templates have for them.
    pub(crate) extract: Vec<(String, Source)>,
    /// What success looks like; `None`: any answer from which the values can be taken.
    pub(crate) success: Option<Success>,
    pub(crate) tokens: Option<TokenPointers>,
    pub(crate) follow: bool,
    /// The status and the header of an answer that brings a token to send it again with.
    pub(crate) handshake: Option<(u16, HeaderName)>,
    /// What an answer looks like that asks for a second factor.
    pub(crate) challenge: Option<AnswerRule>,
    /// Where it sends a second factor's code.
    pub(crate) code: Option<CodeRules>,
    /// Whether it is made only after a challenge.
    pub(crate) is_conditional: bool,
    /// Whether it sends something of the credentials, so that a refusal is theirs.
    pub(crate) shows_credentials: bool,
}

/// Where a step goes.
#[derive(Debug)]
pub(crate) enum To {
    Uri(Uri),
    /// A template of the path.
    Template(String),
}

/// The body of a step, as names and templates.
#[derive(Debug)]
pub(crate) enum StepBody {
    Empty,
    Form(Vec<(String, String)>),
    Json(Vec<(String, String)>),
}

/// The plan of a recipe.
pub(super) fn compile(recipe: &SignIn, base: &Uri) -> Result<Plan, Error> {
    Ok(match recipe {
        SignIn::Bundle(_) | SignIn::Bearer {} | SignIn::Basic {} | SignIn::ApiKey(_) => Plan::Given,
        SignIn::Guest(recipe) if recipe.step.is_empty() => Plan::Given,
        SignIn::Steps(recipe) | SignIn::Guest(recipe) => Plan::Steps(steps(&recipe.step, base)?),
        SignIn::Oauth2Refresh {}
        | SignIn::ClientCredentials(_)
        | SignIn::DeviceCode(_)
        | SignIn::AuthorizationCode(_) => Plan::Grant,
        SignIn::Form(login) => Plan::Steps(login_steps(login, StepBody::Form, base)?),
        SignIn::Json(login) => Plan::Steps(login_steps(login, StepBody::Json, base)?),
        SignIn::Custom {} => Plan::Custom,
    })
}

/// A login is one step, or two where a token against cross-site requests is fetched first.
fn login_steps(login: &Login, body: fn(Vec<(String, String)>) -> StepBody, base: &Uri) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut fields: Vec<_> = login.fields.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
    // Here they are no templates: braces stand for themselves.
    let headers = login.headers.iter().map(|(name, text)| Ok((header(name)?, literal(text))));
    let mut headers: Vec<_> = headers.collect::<Result<_, Error>>()?;
    if let Some(Csrf { path, from, to }) = &login.csrf {
        steps.push(Step {
            purpose: Purpose::Csrf,
            method: Method::GET,
            to: To::Uri(url::resolve(base, path)?),
            headers: Vec::new(),
            body: StepBody::Empty,
            extract: vec![(CSRF.to_owned(), from.clone())],
            success: None,
            tokens: None,
            follow: false,
            handshake: None,
            challenge: None,
            code: None,
            is_conditional: false,
            shows_credentials: false,
        });
        let template = format!("{{{CSRF}}}");
        match to {
            Place::Field(name) => fields.push((name.clone(), template)),
            Place::Header(name) => headers.push((header(name)?, template)),
        }
    }
    steps.push(Step {
        purpose: Purpose::SignIn,
        method: login.method.parse().map_err(|_| invalid("sign_in.method", &login.method))?,
        to: To::Uri(url::resolve(base, &login.path)?),
        headers,
        body: body(fields),
        extract: Vec::new(),
        success: Some(login.success.clone()),
        tokens: login.tokens.clone(),
        follow: false,
        handshake: None,
        challenge: None,
        code: None,
        is_conditional: false,
        shows_credentials: true,
    });
    Ok(steps)
}

/// The steps as they are written.
fn steps(written: &[SignInStep], base: &Uri) -> Result<Vec<Step>, Error> {
    let pairs = |fields: &std::collections::BTreeMap<String, String>| -> Vec<_> {
        fields.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for step in written {
        let named =
            |text: &str| template::names(text).is_ok_and(|names| names.iter().any(|name| !taken.contains(name)));
        let shows_credentials = step.templates().any(|(_, text)| named(text));
        let handshake = step.handshake.as_ref().map(|rule| Ok::<_, Error>((rule.status, header(&rule.header)?)));
        let sends_code = step.names(CODE);
        steps.push(Step {
            purpose: Purpose::SignIn,
            method: step.method().parse().map_err(|_| invalid("sign_in.steps.step.method", step.method()))?,
            to: if step.path.contains(['{', '}']) {
                To::Template(step.path.clone())
            } else {
                To::Uri(url::resolve(base, &step.path)?)
            },
            headers: step
                .headers
                .iter()
                .map(|(name, text)| Ok((header(name)?, text.clone())))
                .collect::<Result<_, Error>>()?,
            body: match (&step.form, &step.json) {
                (Some(fields), _) => StepBody::Form(pairs(fields)),
                (None, Some(fields)) => StepBody::Json(pairs(fields)),
                (None, None) => StepBody::Empty,
            },
            extract: step.extract.iter().map(|(name, from)| (name.clone(), from.clone())).collect(),
            success: Some(step.success.clone()),
            tokens: step.tokens.clone(),
            follow: step.follow,
            handshake: handshake.transpose()?,
            challenge: step.challenge.clone(),
            code: sends_code.then(|| step.code.clone().unwrap_or_default()),
            is_conditional: sends_code && steps.iter().any(|earlier| earlier.challenge.is_some()),
            shows_credentials,
        });
        taken.extend(step.extract.keys().map(String::as_str));
    }
    Ok(steps)
}

fn header(name: &str) -> Result<HeaderName, Error> {
    name.parse().map_err(|_| invalid("sign_in.headers", name))
}

/// A template that stands for this text.
fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn invalid(key: &str, value: &str) -> Error {
    Error::new(Kind::PlatformInvalid, format!("`{key}`: `{value}` cannot be used"))
}

/// What a login's steps call its token; no field of anybody's credentials has this name.
const CSRF: &str = "--csrf--";

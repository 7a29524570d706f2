//! What a sign-in does, recipe by recipe: take what was given, make steps, get a grant, or ask the program.
//!
//! **Invariant:** every address, name and template in a program has been checked; `form`, `json` and `steps` differ here no more.

use http::{HeaderName, Method, Uri};

use super::{Csrf, Login, Place, SignIn, Source, Success, TokenPointers};
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
    pub(crate) uri: Uri,
    /// Names and templates.
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: StepBody,
    /// Values to take from the answer, by the names that later templates have for them.
    pub(crate) extract: Vec<(String, Source)>,
    /// What success looks like; `None`: any answer from which the values can be taken.
    pub(crate) success: Option<Success>,
    pub(crate) tokens: Option<TokenPointers>,
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
        SignIn::Bundle(_) | SignIn::Bearer {} => Plan::Given,
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
            uri: url::resolve(base, path)?,
            headers: Vec::new(),
            body: StepBody::Empty,
            extract: vec![(CSRF.to_owned(), from.clone())],
            success: None,
            tokens: None,
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
        uri: url::resolve(base, &login.path)?,
        headers,
        body: body(fields),
        extract: Vec::new(),
        success: Some(login.success.clone()),
        tokens: login.tokens.clone(),
    });
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

//! Whether the steps of a sign-in can work: each by itself, and each after those before it.

use super::rule::{cookie_name, header_name, header_value, method, pointer, statuses};
use super::{Addresses, Check, check_source, check_success, check_tokens, wrong};
use crate::platform::steps::CODE;
use crate::platform::{AnswerRule, ApiKey, CallCsrf, CodeRules, SignInStep, template};

/// A recipe's steps.
pub(super) fn steps(steps: &[SignInStep], at: &str, addresses: &Addresses<'_>) -> Check {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{at}.step[{index}]");
        one(step, &path, addresses)?;
        let next_sends_code = steps.get(index + 1).is_some_and(|next| next.names(CODE));
        if step.challenge.is_some() && !next_sends_code {
            return wrong(format!("{path}.challenge"), "needs a next step that sends `{code}`");
        }
    }
    Ok(())
}

fn one(step: &SignInStep, at: &str, addresses: &Addresses<'_>) -> Check {
    for (key, text) in step.templates() {
        if let Err(problem) = template::names(text) {
            return wrong(format!("{at}.{key}"), problem);
        }
    }
    // Whatever is filled in may change the path, but not the origin.
    for filling in ["x", "y.z"] {
        let address = template::render(&step.path, |_| Some(filling));
        addresses.check(address.as_ref().map_or("", |address| address.as_str()), &format!("{at}.path"))?;
    }
    method(step.method(), &format!("{at}.method"))?;
    let has_body = step.form.is_some() || step.json.is_some();
    if step.form.is_some() && step.json.is_some() {
        return wrong(format!("{at}.json"), "stands beside `form`; a request has one body");
    }
    if has_body && matches!(step.method(), "GET" | "HEAD" | "TRACE" | "CONNECT" | "OPTIONS") {
        return wrong(
            format!("{at}.method"),
            format!("cannot be `{}`, since the step has a body; use POST, PUT or PATCH", step.method()),
        );
    }
    for (name, text) in &step.headers {
        let path = format!("{at}.headers.{name}");
        header_name(name, &path)?;
        header_value(text, &path)?;
    }
    for (name, from) in &step.extract {
        let path = format!("{at}.extract.{name}");
        if name == CODE || template::names(&format!("{{{name}}}")).is_err() {
            return wrong(path, "is no name for a value; those are letters, digits, `_` and `-`, and not `code`");
        }
        check_source(from, &path)?;
    }
    check_success(&step.success, at)?;
    if let Some(tokens) = &step.tokens {
        check_tokens(tokens, at)?;
    }
    if let Some(handshake) = &step.handshake {
        statuses(&[handshake.status], &format!("{at}.handshake.status"))?;
        header_name(&handshake.header, &format!("{at}.handshake.header"))?;
    }
    if let Some(rule) = &step.challenge {
        answer(rule, &format!("{at}.challenge"))?;
    }
    match &step.code {
        Some(_) if !step.names(CODE) => wrong(format!("{at}.code"), "is for a step that sends `{code}`"),
        Some(rules) => code(rules, &format!("{at}.code")),
        None => Ok(()),
    }
}

fn answer(rule: &AnswerRule, at: &str) -> Check {
    if *rule == AnswerRule::default() {
        return wrong(at, "must say what the answer looks like: `status`, `header`, `cookie`, `redirect_to` or `json`");
    }
    statuses(&rule.status, &format!("{at}.status"))?;
    if let Some(header) = &rule.header {
        header_name(&header.name, &format!("{at}.header.name"))?;
    }
    if let Some(cookie) = &rule.cookie {
        cookie_name(cookie, &format!("{at}.cookie"))?;
    }
    if rule.redirect_to.as_ref().is_some_and(|path| !path.starts_with('/')) {
        return wrong(format!("{at}.redirect_to"), "must be a path that starts with `/`, such as `/login/code`");
    }
    rule.json.as_ref().map_or(Ok(()), |json| pointer(&json.pointer, &format!("{at}.json.pointer")))
}

fn code(rules: &CodeRules, at: &str) -> Check {
    if rules.tries == 0 {
        return wrong(format!("{at}.tries"), "must be at least 1");
    }
    if let Some(left) = &rules.tries_left {
        pointer(left, &format!("{at}.tries_left"))?;
    }
    rules.stop.as_ref().map_or(Ok(()), |rule| answer(rule, &format!("{at}.stop")))
}

/// The token that calls carry.
pub(super) fn csrf(rules: &CallCsrf) -> Check {
    header_name(&rules.header, "csrf.header")?;
    if let Some(cookie) = &rules.cookie {
        cookie_name(cookie, "csrf.cookie")?;
    }
    if let Some(status) = rules.handshake {
        statuses(&[status], "csrf.handshake")?;
    }
    if rules.cookie.is_none() && rules.handshake.is_none() {
        return wrong("csrf", "must say where the token comes from: `cookie`, `handshake` or both");
    }
    Ok(())
}

/// Where an API key goes.
pub(super) fn api_key(place: &ApiKey) -> Check {
    match place {
        ApiKey::Header(name) => header_name(name, "sign_in.api_key.header"),
        ApiKey::Query(name) if name.is_empty() => {
            wrong("sign_in.api_key.query", "must be the name of a query parameter, such as `api_key`")
        }
        ApiKey::Query(_) => Ok(()),
    }
}

//! Where a name and a password are traded for a session: by JSON, by form with CSRF, by a form that is always 200, and
//! behind a handshake by 409.

use std::sync::Arc;

use http::header::HeaderName;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::{account_id, is_read, token};
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::platform::World;
use crate::route::SignIn;

/// What Tornado says, and JupyterHub with it.
pub(super) const XSRF_MISSING: &str = "'_xsrf' argument missing from POST";

/// The header of the handshake by 409.
pub(super) const HANDSHAKE: HeaderName = HeaderName::from_static("x-session-token");

#[derive(Deserialize)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

/// Which part of the credentials was wrong.
pub(super) struct Wrong(&'static str);

pub(super) fn claimed(world: &World, sign_in: SignIn, exchange: &Exchange) -> Option<Arc<str>> {
    match sign_in {
        SignIn::Json | SignIn::Rpc => world.accounts.find(&exchange.json::<Credentials>().ok()?.username),
        SignIn::Form | SignIn::Form200 => world.accounts.find(&exchange.field("username")?),
    }
}

pub(super) fn serve(world: &mut World, sign_in: SignIn, exchange: &Exchange, now: u64) -> Answer {
    let is_form = matches!(sign_in, SignIn::Form | SignIn::Form200);
    if is_form && is_read(&exchange.method) {
        return page(world);
    }
    if exchange.method != Method::POST {
        return answer::not_allowed(if is_form { "GET, HEAD, POST" } else { "POST" });
    }
    match sign_in {
        SignIn::Json => json_login(world, exchange, now),
        SignIn::Form => form_login(world, exchange, now),
        SignIn::Form200 => form_200_login(world, exchange, now),
        SignIn::Rpc => rpc_login(world, exchange, now),
    }
}

/// The handshake, unless the request repeats its token.
pub(super) fn handshake(world: &World, exchange: &Exchange) -> Option<Answer> {
    if exchange.header(HANDSHAKE.as_str()) == Some(&world.handshake) {
        return None;
    }
    Some(answer::with(answer::error(StatusCode::CONFLICT, "session_token_missing"), HANDSHAKE, &world.handshake))
}

fn json_login(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let credentials = match exchange.json::<Credentials>() {
        Ok(credentials) => credentials,
        Err(error) => return answer::bad_request(error),
    };
    match sign_in(world, &credentials) {
        Ok(account) => {
            let term = world.term(now);
            let issued = world.grants.sign_in(&account, term);
            token::answer(world, &issued)
        }
        Err(wrong) => refused(&wrong),
    }
}

fn form_login(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let field = exchange.field("_xsrf").filter(|field| !field.is_empty());
    if field.is_none() || field.as_deref() != exchange.cookie("_xsrf") {
        return answer::text(StatusCode::FORBIDDEN, XSRF_MISSING);
    }
    match sign_in(world, &form_credentials(exchange)) {
        Ok(account) => {
            let sid = world.open_session(&account, now, None);
            answer::set_cookie(answer::redirect(StatusCode::FOUND, "/form/home"), session_cookie(&sid))
        }
        Err(Wrong(field)) => answer::html(
            StatusCode::UNAUTHORIZED,
            format!("<p class=\"error\" data-field=\"{field}\">Invalid username or password</p>"),
        ),
    }
}

fn form_200_login(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    match sign_in(world, &form_credentials(exchange)) {
        Ok(account) => {
            let sid = world.open_session(&account, now, None);
            answer::set_cookie(answer::text(StatusCode::OK, "Ok."), session_cookie(&sid))
        }
        Err(_) => answer::text(StatusCode::OK, "Fails."),
    }
}

fn rpc_login(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    if let Some(answer) = handshake(world, exchange) {
        return answer;
    }
    let credentials = match exchange.json::<Credentials>() {
        Ok(credentials) => credentials,
        Err(error) => return answer::bad_request(error),
    };
    match sign_in(world, &credentials) {
        Ok(account) => {
            let sid = world.open_session(&account, now, None);
            let answer = answer::ok(&json!({ "result": "success", "account_id": account_id(&account) }));
            answer::set_cookie(answer, session_cookie(&sid))
        }
        Err(wrong) => refused(&wrong),
    }
}

/// Judges the credentials and counts.
pub(super) fn sign_in(world: &mut World, credentials: &Credentials) -> Result<Arc<str>, Wrong> {
    let judged = match world.accounts.find(&credentials.username) {
        None => Err(Wrong("username")),
        Some(account) if world.accounts.is_password(&account, &credentials.password) => Ok(account),
        Some(_) => Err(Wrong("password")),
    };
    match &judged {
        Ok(account) => world.counters.signed_in(account),
        Err(Wrong(_)) => world.counters.sign_ins_refused += 1,
    }
    judged
}

pub(super) fn refused(Wrong(field): &Wrong) -> Answer {
    answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_credentials", "field": field }))
}

pub(super) fn form_credentials(exchange: &Exchange) -> Credentials {
    let field = |name| exchange.field(name).unwrap_or_default();
    Credentials { username: field("username"), password: field("password") }
}

fn page(world: &mut World) -> Answer {
    // Signed values of this shape, with `|` in them, are what a jar must hand back untouched.
    let xsrf = format!("2|{}", world.grants.mint("xsrf"));
    let page = format!(
        "<!doctype html>\n<title>Sign in</title>\n<form method=\"post\">\n\
         <input type=\"hidden\" name=\"_xsrf\" value=\"{xsrf}\"/>\n\
         <input name=\"username\"/>\n<input type=\"password\" name=\"password\"/>\n</form>\n"
    );
    let answer = answer::html(StatusCode::OK, page);
    let answer = answer::set_cookie(answer, format_args!("_xsrf={xsrf}; Path=/form"));
    answer::with(answer, header::CACHE_CONTROL, "no-store")
}

pub(super) fn session_cookie(sid: &str) -> String {
    format!("sid={sid}; HttpOnly; Path=/")
}

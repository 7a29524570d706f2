//! What else the areas have: the form's home and logout, calls behind the 409 handshake, a bundle's rotation, and mirrors
//! that show a client what it sent.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{account_id, is_read, sign_in};
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::identity::{Accepts, Refusal, SESSION_COOKIE};
use crate::platform::World;
use crate::route::Page;

pub(super) fn serve(world: &mut World, page: Page, exchange: &Exchange, now: u64) -> Answer {
    let (is_allowed, allow) = match page {
        Page::FormHome | Page::CookiesSeen | Page::CookiesSet => (is_read(&exchange.method), "GET, HEAD"),
        Page::FormLogout | Page::Rpc | Page::BundleRotate => (exchange.method == Method::POST, "POST"),
        Page::HeadSeen => (true, ""),
    };
    if !is_allowed {
        return answer::not_allowed(allow);
    }
    match page {
        Page::FormHome => form_home(world, exchange, now),
        Page::FormLogout => form_logout(world, exchange),
        Page::Rpc => rpc(world, exchange, now),
        Page::BundleRotate => bundle_rotate(world, exchange, now),
        Page::CookiesSeen => cookies_seen(exchange),
        Page::CookiesSet => cookies_set(exchange),
        Page::HeadSeen => head_seen(exchange),
    }
}

/// The cookies that a request carried, as JSON.
pub(super) fn cookies_seen(exchange: &Exchange) -> Answer {
    let cookies: Map<String, Value> = exchange.cookies().map(|(name, value)| (name.to_owned(), value.into())).collect();
    answer::ok(&json!({ "cookies": cookies }))
}

fn form_home(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    match world.session(exchange, Accepts::BearerOrCookie, now) {
        Ok(account) => answer::html(StatusCode::OK, format!("<!doctype html>\n<h1>Hello, {account}</h1>\n")),
        Err(refusal) => {
            count(world, exchange, refusal);
            answer::redirect(StatusCode::FOUND, "/form/login?next=/form/home")
        }
    }
}

fn form_logout(world: &mut World, exchange: &Exchange) -> Answer {
    if let Some(sid) = exchange.cookie(SESSION_COOKIE) {
        world.sessions.close(sid);
    }
    let answer = answer::redirect(StatusCode::FOUND, "/form/login");
    answer::set_cookie(answer, "sid=; HttpOnly; Path=/; Max-Age=0")
}

fn rpc(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    if let Some(answer) = sign_in::handshake(world, exchange) {
        return answer;
    }
    match world.session(exchange, Accepts::BearerOrCookie, now) {
        Ok(account) => {
            let arguments = exchange.json::<Value>().unwrap_or(Value::Null);
            let body = json!({ "result": "success", "account_id": account_id(&account), "arguments": arguments });
            world.counters.wrote(&exchange.method, exchange.path());
            answer::ok(&body)
        }
        Err(refusal) => {
            count(world, exchange, refusal);
            answer::error(StatusCode::UNAUTHORIZED, "unauthorized")
        }
    }
}

/// Replaces the session's cookie; the old one is dead at once.
fn bundle_rotate(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    match (world.session(exchange, Accepts::Bundle, now), exchange.cookie(SESSION_COOKIE)) {
        (Ok(account), Some(old)) => {
            let bound = world.sessions.binding(old);
            world.sessions.close(old);
            let sid = world.open_session(&account, now, bound);
            let answer = answer::ok(&json!({ "id": account_id(&account) }));
            answer::set_cookie(answer, format_args!("sid={sid}; HttpOnly; Path=/"))
        }
        (Err(refusal), _) => {
            count(world, exchange, refusal);
            answer::error(StatusCode::UNAUTHORIZED, "unauthorized")
        }
        (Ok(_), None) => answer::not_found(),
    }
}

/// Sets every query parameter as a cookie, with the attributes of the parameter `attributes`.
fn cookies_set(exchange: &Exchange) -> Answer {
    let attributes = exchange.query("attributes").unwrap_or_else(|| "Path=/".to_owned());
    let query = exchange.uri.query().unwrap_or("");
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "attributes")
        .fold(answer::ok(&json!({})), |answer, (name, value)| {
            answer::set_cookie(answer, format_args!("{name}={value}; {attributes}"))
        })
}

fn head_seen(exchange: &Exchange) -> Answer {
    let headers: Vec<(&str, String)> = exchange
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    answer::ok(&json!({ "method": exchange.method.as_str(), "target": exchange.uri.to_string(), "headers": headers }))
}

fn count(world: &mut World, exchange: &Exchange, refusal: Refusal) {
    let claimed = world.claimed(exchange);
    world.counters.refused(refusal, claimed.as_ref());
}

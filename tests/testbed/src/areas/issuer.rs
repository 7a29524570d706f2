//! What an OAuth 2 issuer has besides its token endpoint: metadata, the page a browser signs in at, codes for devices, and where
//! tokens are revoked.

use http::{Method, StatusCode};
use serde_json::json;

use super::{is_read, token};
use crate::answer::{self, Answer};
use crate::codes::{Authorization, Decision, Device};
use crate::exchange::Exchange;
use crate::platform::World;
use crate::route::Issuer;

pub(super) fn serve(world: &mut World, issuer: Issuer, exchange: &Exchange, now: u64) -> Answer {
    match issuer {
        Issuer::Metadata if is_read(&exchange.method) => metadata(exchange),
        Issuer::Authorize if exchange.method == Method::GET => authorize(world, exchange),
        Issuer::Metadata | Issuer::Authorize => answer::not_allowed("GET"),
        Issuer::Device if exchange.method == Method::POST => device(world, exchange, now),
        Issuer::Verify if exchange.method == Method::POST => verify(world, exchange, now),
        Issuer::Revoke(client_auth) if exchange.method == Method::POST => {
            token::revoke(world, client_auth, exchange, now)
        }
        Issuer::Device | Issuer::Verify | Issuer::Revoke(_) => answer::not_allowed("POST"),
    }
}

/// The issuer's identifier, seen from this client.
fn identifier(exchange: &Exchange) -> String {
    format!("http://{}/oauth", exchange.host())
}

fn metadata(exchange: &Exchange) -> Answer {
    let issuer = identifier(exchange);
    answer::ok(&json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "device_authorization_endpoint": format!("{issuer}/device"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Sends the browser back at once, as if `login_hint` had just signed in; an unknown one is denied.
fn authorize(world: &mut World, exchange: &Exchange) -> Answer {
    let asked = |name: &str| exchange.query(name);
    let Some(redirect_uri) = asked("redirect_uri").filter(|uri| uri.starts_with("http://127.0.0.1:")) else {
        return answer::bad_request("redirect_uri is missing or not on loopback");
    };
    let (challenge, state) = (asked("code_challenge").unwrap_or_default(), asked("state").unwrap_or_default());
    let is_whole = asked("response_type").as_deref() == Some("code")
        && asked("client_id").as_deref() == Some("testbed")
        && asked("code_challenge_method").as_deref() == Some("S256")
        && challenge.len() == 43;
    let account = asked("login_hint").and_then(|name| world.accounts.find(&name));
    let back = format!("{redirect_uri}?");
    let at = back.len();
    let mut back = form_urlencoded::Serializer::for_suffix(back, at);
    match (is_whole, account) {
        (false, _) => back.append_pair("error", "invalid_request"),
        (true, None) => back.append_pair("error", "access_denied"),
        (true, Some(account)) => {
            let code = world.grants.mint("ac");
            world.codes.authorize(code.clone(), Authorization { account, redirect_uri, challenge });
            back.append_pair("code", &code)
        }
    };
    back.append_pair("state", &state).append_pair("iss", &identifier(exchange));
    answer::redirect(StatusCode::FOUND, back.finish())
}

/// A device that wants to be signed in; `interval_ms` and `expires_ms` set how patient it must be.
fn device(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    if exchange.field("client_id").as_deref() != Some("testbed") {
        return answer::error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let number = |name: &str| exchange.field(name).and_then(|text| text.parse::<u32>().ok());
    let (interval, lifetime) = (number("interval_ms").unwrap_or(5000), number("expires_ms").unwrap_or(600_000));
    let (device_code, user_code) = (world.grants.mint("dc"), world.grants.mint("u")[2..10].to_uppercase());
    let page = format!("{}/verify", identifier(exchange));
    let shown = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": f64::from(lifetime) / 1000.0,
        "interval": f64::from(interval) / 1000.0,
    });
    let (expires, interval) = (now.saturating_add(lifetime.into()), interval.into());
    world.codes.device(device_code, Device { user_code, expires, interval, polled: None, decision: Decision::Pending });
    answer::ok(&shown)
}

/// The person at the other device: signs in with a password and says yes, or no.
fn verify(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let field = |name: &str| exchange.field(name).unwrap_or_default();
    let account = world.accounts.find(&field("username"));
    let decision = match account {
        _ if field("decision") == "deny" => Decision::Denied,
        Some(account) if world.accounts.is_password(&account, &field("password")) => Decision::Approved(account),
        Some(_) | None => return answer::error(StatusCode::UNAUTHORIZED, "invalid_credentials"),
    };
    if world.codes.decide(&field("user_code"), &decision, now) {
        answer::ok(&json!({ "decided": true }))
    } else {
        answer::error(StatusCode::NOT_FOUND, "unknown_user_code")
    }
}

//! Where refresh tokens are traded for access tokens (RFC 6749 §6), with each way of proving the client.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::account_id;
use crate::answer::{self, Answer};
use crate::codes::NotYet;
use crate::counters::bump;
use crate::exchange::Exchange;
use crate::grants::{Issued, NotRenewed, Revoked};
use crate::platform::World;
use crate::route::ClientAuth;

#[derive(Deserialize)]
struct JsonRefresh {
    refresh_token: String,
}

/// How a client fails to prove itself.
enum BadClient {
    Missing,
    Wrong,
}

pub(super) fn claimed(world: &World, client_auth: ClientAuth, exchange: &Exchange) -> Option<Arc<str>> {
    world.grants.account_of_refresh(&refresh_token(client_auth, exchange)?)
}

pub(super) fn serve(world: &mut World, client_auth: ClientAuth, exchange: &Exchange, now: u64) -> Answer {
    if exchange.method != Method::POST {
        return answer::not_allowed("POST");
    }
    world.counters.token_requests += 1;
    if let Some(account) = claimed(world, client_auth, exchange) {
        world.counters.account(&account).token_requests += 1;
    }
    let answer = trade(world, client_auth, exchange, now);
    if answer.status() != StatusCode::OK {
        world.counters.token_requests_refused += 1;
    }
    answer
}

/// The token answer of RFC 6749 §5.1, with the exact lifetime and the account beside it.
///
/// `expires_in` is rounded up to whole seconds; `expires_in_ms` is exact.
pub(super) fn answer(world: &mut World, issued: &Issued) -> Answer {
    world.counters.issued_access_token(&issued.account);
    let lifetime = world.settings.token_lifetime;
    let mut body = json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": lifetime.div_ceil(1000),
        "expires_in_ms": lifetime,
        "account_id": account_id(&issued.account),
    });
    if let Some(refresh) = &issued.refresh {
        body["refresh_token"] = json!(refresh);
    }
    answer::with(answer::ok(&body), header::CACHE_CONTROL, "no-store")
}

fn trade(world: &mut World, client_auth: ClientAuth, exchange: &Exchange, now: u64) -> Answer {
    if let Some(answer) = turned_away(client_auth, exchange) {
        return answer;
    }
    if client_auth != ClientAuth::Json {
        match exchange.field("grant_type").as_deref() {
            Some("refresh_token") => {}
            Some("authorization_code") => return redeem(world, exchange, now),
            Some("urn:ietf:params:oauth:grant-type:device_code") => return poll(world, exchange, now),
            Some("client_credentials") if matches!(client_auth, ClientAuth::Basic | ClientAuth::Body) => {
                let term = world.term(now);
                let issued = world.grants.access(&Arc::from(CLIENT_ID), term);
                return answer(world, &issued);
            }
            Some("client_credentials") => return answer::error(StatusCode::BAD_REQUEST, "unauthorized_client"),
            Some(_) => return answer::error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            None => return answer::bad_request("grant_type is missing"),
        }
    }
    let Some(refresh) = refresh_token(client_auth, exchange) else {
        return answer::bad_request("refresh_token is missing");
    };
    match renewed(world, &refresh, now) {
        Some(issued) => answer(world, &issued),
        None => answer::error(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}

/// Trades a refresh token; what was wrong with it is counted.
pub(super) fn renewed(world: &mut World, refresh: &str, now: u64) -> Option<Issued> {
    let term = world.term(now);
    let refused = match world.grants.renew(refresh, world.settings.rotation, term) {
        Ok(issued) => return Some(issued),
        Err(refused) => refused,
    };
    match refused {
        NotRenewed::Unknown | NotRenewed::Dead => {}
        NotRenewed::Killed => {
            world.counters.refresh_reuses += 1;
            world.counters.grants_killed += 1;
        }
        NotRenewed::Reused => world.counters.refresh_reuses += 1,
    }
    None
}

/// An authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6).
fn redeem(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let field = |name: &str| exchange.field(name).unwrap_or_default();
    match world.codes.redeem(&field("code"), &field("redirect_uri"), &field("code_verifier")) {
        Some(account) => signed_in(world, &account, now),
        None => answer::error(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}

/// A device that asks whether its person has agreed (RFC 8628 §3.4).
fn poll(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let code = match world.codes.poll(&exchange.field("device_code").unwrap_or_default(), now) {
        Ok(account) => return signed_in(world, &account, now),
        Err(NotYet::Unknown) => "invalid_grant",
        Err(NotYet::Expired) => "expired_token",
        Err(NotYet::Denied) => "access_denied",
        Err(NotYet::TooFast) => "slow_down",
        Err(NotYet::Pending) => "authorization_pending",
    };
    answer::error(StatusCode::BAD_REQUEST, code)
}

fn signed_in(world: &mut World, account: &Arc<str>, now: u64) -> Answer {
    world.counters.signed_in(account);
    let term = world.term(now);
    let issued = world.grants.sign_in(account, term);
    answer(world, &issued)
}

/// A client that has been asked to revoke a token (RFC 7009 §2): the answer is the same whether there was anything to revoke.
pub(super) fn revoke(world: &mut World, client_auth: ClientAuth, exchange: &Exchange, now: u64) -> Answer {
    if let Some(answer) = turned_away(client_auth, exchange) {
        return answer;
    }
    let Some(token) = exchange.field("token") else { return answer::error(StatusCode::BAD_REQUEST, "invalid_request") };
    let what = match world.grants.revoke_token(&token, now) {
        Revoked::Refresh => "refresh_token",
        Revoked::Access => "access_token",
        Revoked::Nothing => "nothing",
    };
    bump(&mut world.counters.revocations, what);
    answer::empty(StatusCode::OK)
}

/// What a client is answered that does not prove itself.
fn turned_away(client_auth: ClientAuth, exchange: &Exchange) -> Option<Answer> {
    let (BadClient::Missing | BadClient::Wrong) = check_client(client_auth, exchange).err()?;
    let answer = answer::error(StatusCode::UNAUTHORIZED, "invalid_client");
    Some(answer::with(answer, header::WWW_AUTHENTICATE, "Basic realm=\"testbed\""))
}

fn check_client(client_auth: ClientAuth, exchange: &Exchange) -> Result<(), BadClient> {
    let in_body = || Some((exchange.field("client_id")?, exchange.field("client_secret")?));
    let shown = match client_auth {
        ClientAuth::Json => return Ok(()),
        ClientAuth::Public => match exchange.basic().or_else(in_body) {
            None => return Ok(()),
            shown => shown,
        },
        ClientAuth::Basic => exchange.basic(),
        ClientAuth::Body => in_body(),
    };
    let (id, secret) = shown.ok_or(BadClient::Missing)?;
    if id == CLIENT_ID && secret == CLIENT_SECRET { Ok(()) } else { Err(BadClient::Wrong) }
}

fn refresh_token(client_auth: ClientAuth, exchange: &Exchange) -> Option<String> {
    match client_auth {
        ClientAuth::Json => exchange.json::<JsonRefresh>().ok().map(|body| body.refresh_token),
        ClientAuth::Public | ClientAuth::Basic | ClientAuth::Body => exchange.field("refresh_token"),
    }
}

const CLIENT_ID: &str = "testbed";

const CLIENT_SECRET: &str = "testbed-secret";

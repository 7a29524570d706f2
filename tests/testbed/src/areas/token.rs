//! Where refresh tokens are traded for access tokens (RFC 6749 §6), with each way of proving the client.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::account_id;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::grants::{Issued, NotRenewed};
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
    match check_client(client_auth, exchange) {
        Ok(()) => {}
        Err(BadClient::Missing | BadClient::Wrong) => {
            let answer = answer::error(StatusCode::UNAUTHORIZED, "invalid_client");
            return answer::with(answer, header::WWW_AUTHENTICATE, "Basic realm=\"testbed\"");
        }
    }
    if client_auth != ClientAuth::Json {
        match exchange.field("grant_type").as_deref() {
            Some("refresh_token") => {}
            Some(_) => return answer::error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            None => return answer::bad_request("grant_type is missing"),
        }
    }
    let Some(refresh) = refresh_token(client_auth, exchange) else {
        return answer::bad_request("refresh_token is missing");
    };
    match renewed(world, &refresh, now) {
        Ok(issued) => answer(world, &issued),
        Err(refused) => refused,
    }
}

/// Trades a refresh token, or says why not.
pub(super) fn renewed(world: &mut World, refresh: &str, now: u64) -> Result<Issued, Answer> {
    let expires = now.saturating_add(world.settings.token_lifetime);
    let refused = match world.grants.renew(refresh, world.settings.rotation, expires) {
        Ok(issued) => return Ok(issued),
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
    Err(answer::error(StatusCode::BAD_REQUEST, "invalid_grant"))
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

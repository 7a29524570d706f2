//! What a session is good for, and what each door says when there is none.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{HeldHead, account_id, is_read};
use crate::answer::{self, Answer};
use crate::body::Payload;
use crate::exchange::Exchange;
use crate::identity::{Accepts, Refusal};
use crate::platform::World;
use crate::route::{Door, Gone, Resource};

pub(super) fn serve(world: &mut World, door: Door, resource: Resource, exchange: &Exchange, now: u64) -> Answer {
    let account = match world.session(exchange, accepted(door), now) {
        Ok(account) => account,
        Err(refusal) => {
            let claimed = world.claimed(exchange);
            world.counters.refused(refusal, claimed.as_ref());
            return refuse(door, refusal, exchange);
        }
    };
    if door == Door::Form && !is_read(&exchange.method) && !has_xsrf_header(exchange) {
        return answer::text(StatusCode::FORBIDDEN, super::sign_in::XSRF_MISSING);
    }
    let answer = enter(world, resource, exchange, &account);
    match door {
        Door::RetryAfter200 if answer.status() == StatusCode::OK => answer::with(answer, header::RETRY_AFTER, 30),
        Door::RetryAfter200 | Door::Root | Door::Api | Door::Form | Door::Bundle | Door::Gone(_) => answer,
    }
}

/// What opens a door.
pub(super) fn accepted(door: Door) -> Accepts {
    match door {
        Door::Bundle => Accepts::Bundle,
        Door::Root | Door::Api | Door::Form | Door::RetryAfter200 | Door::Gone(_) => Accepts::BearerOrCookie,
    }
}

#[derive(Serialize)]
struct Item<'a> {
    account: &'a str,
    number: u64,
}

fn enter(world: &mut World, resource: Resource, exchange: &Exchange, account: &Arc<str>) -> Answer {
    let method = &exchange.method;
    match resource {
        Resource::Me if is_read(method) => answer::ok(&json!({ "id": account_id(account), "name": &**account })),
        Resource::Item(number) if is_read(method) => answer::ok(&Item { account, number }),
        Resource::Item(number) => write(world, exchange, account, number),
        Resource::Echo => echo(world, exchange, account),
        Resource::Bytes(count) if is_read(method) => answer::stream("application/octet-stream", Payload::zeroes(count)),
        Resource::Slow if is_read(method) => slow(exchange),
        Resource::Me | Resource::Bytes(_) | Resource::Slow => answer::not_allowed("GET, HEAD"),
    }
}

fn write(world: &mut World, exchange: &Exchange, account: &Arc<str>, number: u64) -> Answer {
    let status = match exchange.method {
        Method::POST => StatusCode::CREATED,
        Method::PUT | Method::PATCH => StatusCode::OK,
        Method::DELETE => StatusCode::NO_CONTENT,
        _ => return answer::not_allowed("GET, HEAD, POST, PUT, PATCH, DELETE"),
    };
    let key = exchange.header("idempotency-key").map(|key| (Arc::clone(account), key.to_owned()));
    let is_replay = key.is_some_and(|key| !world.written.insert(key));
    if is_replay {
        world.counters.idempotent_replays += 1;
    } else {
        world.counters.wrote(&exchange.method, exchange.path());
    }
    if status == StatusCode::NO_CONTENT {
        return answer::empty(status);
    }
    answer::json(status, &json!({ "account": &**account, "number": number, "replayed": is_replay }))
}

fn echo(world: &mut World, exchange: &Exchange, account: &Arc<str>) -> Answer {
    if !is_read(&exchange.method) {
        world.counters.wrote(&exchange.method, exchange.path());
    }
    let sha256 = Sha256::digest(&exchange.body).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    answer::ok(&json!({
        "account": &**account,
        "method": exchange.method.as_str(),
        "content_type": exchange.header("content-type"),
        "length": exchange.body.len(),
        "sha256": sha256,
        "text": std::str::from_utf8(&exchange.body).ok(),
    }))
}

fn slow(exchange: &Exchange) -> Answer {
    let pause = |name| Duration::from_millis(exchange.number(name).unwrap_or(0));
    let chunks = exchange.number("chunks").unwrap_or(3);
    let mut answer = answer::stream("text/plain", Payload::slow(chunks, pause("chunk_ms")));
    answer.extensions_mut().insert(HeldHead(pause("first_byte_ms")));
    answer
}

fn has_xsrf_header(exchange: &Exchange) -> bool {
    exchange.header("x-xsrftoken").is_some_and(|given| exchange.cookie("_xsrf") == Some(given))
}

/// How a door says that there is no session.
fn refuse(door: Door, refusal: Refusal, exchange: &Exchange) -> Answer {
    let expired = json!({ "error": { "code": "session_expired", "message": "Please sign in again." } });
    match door {
        Door::Root | Door::Api | Door::RetryAfter200 | Door::Gone(Gone::Unauthorized) => {
            let body = json!({ "error": "invalid_token", "reason": refusal.name() });
            let challenge = match refusal {
                Refusal::Missing => "Bearer realm=\"testbed\"",
                Refusal::Unknown | Refusal::Expired | Refusal::Revoked | Refusal::Device | Refusal::Agent => {
                    "Bearer realm=\"testbed\", error=\"invalid_token\""
                }
            };
            answer::with(answer::json(StatusCode::UNAUTHORIZED, &body), header::WWW_AUTHENTICATE, challenge)
        }
        Door::Bundle => {
            let body = json!({ "error": { "code": 401, "message": "Please refresh the page" } });
            answer::json(StatusCode::UNAUTHORIZED, &body)
        }
        // As JupyterHub does: 403 on the API where pages redirect to the login.
        Door::Form | Door::Gone(Gone::Forbidden) => answer::error(StatusCode::FORBIDDEN, "forbidden"),
        Door::Gone(Gone::ToLogin) => {
            answer::redirect(StatusCode::FOUND, format_args!("/form/login?next={}", exchange.path()))
        }
        Door::Gone(Gone::CodeIn200) => answer::ok(&expired),
        Door::Gone(Gone::DeletedCookie) => {
            answer::set_cookie(answer::ok(&expired), "sid=deleted; Path=/; Max-Age=0; HttpOnly")
        }
    }
}

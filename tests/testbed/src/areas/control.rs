//! How another process drives the platform and reads its counters; nothing here is counted.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account_id;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::faults::FaultRates;
use crate::platform::Platform;
use crate::script::Rule;

/// What `/control/config` may change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    token_lifetime_ms: Option<u64>,
    session_lifetime_ms: Option<u64>,
    faults: Option<FaultRates>,
}

/// One rule or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    Several(Vec<Value>),
    One(Value),
}

/// Takes the lock itself, for reading the counters needs it too.
pub(crate) fn control(platform: &Platform, exchange: &Exchange, now: u64) -> Answer {
    let is_post = exchange.method == Method::POST;
    match (exchange.path(), &exchange.method) {
        ("/stats", &Method::GET | &Method::HEAD) => answer::ok(&platform.stats()),
        ("/control/script", &Method::GET) => answer::ok(&platform.world().script.states()),
        ("/control/script", &Method::DELETE) => {
            platform.world().script.clear();
            answer::empty(StatusCode::NO_CONTENT)
        }
        ("/control/script", &Method::POST) => script(platform, exchange),
        ("/control/recorded", &Method::GET) => answer::ok(&platform.world().record.requests()),
        ("/control/record", _) if is_post => {
            platform.world().record.begin();
            answer::empty(StatusCode::NO_CONTENT)
        }
        ("/control/reset", _) if is_post => {
            platform.reset_stats();
            answer::empty(StatusCode::NO_CONTENT)
        }
        ("/control/config", _) if is_post => config(platform, exchange),
        ("/control/advance", _) if is_post => advance(platform, exchange),
        (
            "/control/grant" | "/control/bundle" | "/control/expire" | "/control/revoke" | "/control/restore"
            | "/control/secrets",
            _,
        ) if is_post => about_account(platform, exchange, now),
        _ => answer::not_found(),
    }
}

fn script(platform: &Platform, exchange: &Exchange) -> Answer {
    let rules = match exchange.json() {
        Ok(Rules::Several(rules)) => rules,
        Ok(Rules::One(rule)) => vec![rule],
        Err(error) => return answer::bad_request(error),
    };
    // All are read before one is added, so a bad one leaves nothing behind.
    let rules: Vec<Rule> = match rules.into_iter().map(serde_json::from_value).collect() {
        Ok(rules) => rules,
        Err(error) => return answer::bad_request(error),
    };
    if let Some(error) = rules.iter().find_map(|rule| rule.check().err()) {
        return answer::bad_request(error);
    }
    let mut world = platform.world();
    let ids: Vec<_> = rules.into_iter().filter_map(|rule| world.script.add(rule).ok()).collect();
    answer::json(StatusCode::CREATED, &json!({ "rules": ids }))
}

fn config(platform: &Platform, exchange: &Exchange) -> Answer {
    let changes: Changes = match exchange.json() {
        Ok(changes) => changes,
        Err(error) => return answer::bad_request(error),
    };
    let mut world = platform.world();
    if let Some(lifetime) = changes.token_lifetime_ms {
        world.settings.token_lifetime = lifetime;
    }
    if let Some(lifetime) = changes.session_lifetime_ms {
        world.settings.session_lifetime = lifetime;
    }
    if let Some(rates) = changes.faults {
        world.faults.restart(rates);
    }
    answer::empty(StatusCode::NO_CONTENT)
}

fn advance(platform: &Platform, exchange: &Exchange) -> Answer {
    let Some(ms) = exchange.number("ms") else { return answer::bad_request("ms is missing or not a number") };
    match platform.clock().advance(Duration::from_millis(ms)) {
        Ok(now) => answer::ok(&json!({ "now_ms": now })),
        Err(error) => answer::json(StatusCode::CONFLICT, &json!({ "error": error.to_string() })),
    }
}

fn about_account(platform: &Platform, exchange: &Exchange, now: u64) -> Answer {
    let Some(name) = parameter(exchange, "account") else { return answer::bad_request("account is missing") };
    let mut world = platform.world();
    let answered = match exchange.path() {
        "/control/grant" => world
            .issue_refresh_token(&name)
            .map(|token| json!({ "refresh_token": token, "account_id": account_id(&name) })),
        "/control/bundle" => {
            let user_agent = parameter(exchange, "user_agent").unwrap_or_default();
            world.issue_bundle(&name, &user_agent, now).map(|bundle| json!(bundle))
        }
        "/control/secrets" => Ok(json!(world.secrets(&name))),
        "/control/expire" => Ok(json!({ "expired": world.expire(&name, now) })),
        "/control/revoke" => Ok(json!({ "revoked": world.revoke(&name) })),
        _ => {
            world.grants.restore(&name);
            world.ways.restore(&name);
            Ok(json!({}))
        }
    };
    match answered {
        Ok(value) => answer::ok(&value),
        Err(error) => answer::json(StatusCode::NOT_FOUND, &json!({ "error": error.to_string() })),
    }
}

/// A parameter of the query or of a JSON body.
fn parameter(exchange: &Exchange, name: &str) -> Option<String> {
    exchange.query(name).or_else(|| exchange.json::<Value>().ok()?.get(name)?.as_str().map(str::to_owned))
}

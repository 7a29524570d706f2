//! Further ways in: a second factor, API keys, Basic, and a page whose values come back with the sign-in.
//!
//! **Invariant:** a code of a second factor is taken once, and after three wrong ones the account takes none.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha1::Sha1;

use super::sign_in::{self, Credentials};
use super::{account_id, is_read};
use crate::answer::{self, Answer};
use crate::counters::bump;
use crate::exchange::Exchange;
use crate::identity::Refusal;
use crate::platform::World;
use crate::route::Way;

/// What these ways remember.
#[derive(Default)]
pub(crate) struct Ways {
    /// Sign-ins that wait for a code.
    flows: HashMap<String, Arc<str>>,
    /// Wrong codes by account.
    wrong: HashMap<Arc<str>, u64>,
    /// Time steps whose codes were taken, by account.
    taken: HashSet<(Arc<str>, u64)>,
    /// Pages that were given out.
    pages: HashSet<String>,
    /// Sign-ins that were begun on a page.
    tickets: HashMap<String, Arc<str>>,
}

impl Ways {
    /// Forgets an account's wrong codes.
    pub(crate) fn restore(&mut self, account: &str) {
        self.wrong.remove(account);
    }
}

/// The account that a request names, proven or not.
pub(super) fn claimed(world: &World, way: Way, exchange: &Exchange) -> Option<Arc<str>> {
    let name = match way {
        Way::MfaLogin => exchange.json::<Credentials>().ok()?.username,
        Way::MfaCode => return world.ways.flows.get(&text(exchange, "flow")?).cloned(),
        Way::PageSession => return world.ways.tickets.get(&text(exchange, "ticket")?).cloned(),
        Way::Page => exchange.field("username")?,
        Way::KeyInHeader(_) | Way::KeyInQuery(_) => key(way, exchange)?.strip_prefix(KEY_PREFIX)?.to_owned(),
        Way::Basic(_) => exchange.user_and_password()?.0,
    };
    world.accounts.find(&name)
}

pub(super) fn serve(world: &mut World, way: Way, exchange: &Exchange, now: u64) -> Answer {
    match way {
        Way::Page if is_read(&exchange.method) => page(world),
        Way::MfaLogin | Way::MfaCode | Way::Page | Way::PageSession if exchange.method != Method::POST => {
            answer::not_allowed("POST")
        }
        Way::MfaLogin => mfa_login(world, exchange),
        Way::MfaCode => mfa_code(world, exchange, now),
        Way::Page => page_login(world, exchange),
        Way::PageSession => page_session(world, exchange, now),
        Way::KeyInHeader(number) | Way::KeyInQuery(number) | Way::Basic(number) => item(world, way, number, exchange),
    }
}

fn mfa_login(world: &mut World, exchange: &Exchange) -> Answer {
    let credentials = match exchange.json::<Credentials>() {
        Ok(credentials) => credentials,
        Err(error) => return answer::bad_request(error),
    };
    let account = world.accounts.find(&credentials.username);
    match account.filter(|account| world.accounts.is_password(account, &credentials.password)) {
        None => {
            world.counters.sign_ins_refused += 1;
            answer::error(StatusCode::UNAUTHORIZED, "invalid_credentials")
        }
        Some(account) if is_locked(world, &account) => locked(),
        Some(account) => {
            let flow = world.grants.mint("flow");
            world.ways.flows.insert(flow.clone(), account);
            answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "mfa_required", "flow": flow }))
        }
    }
}

fn mfa_code(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    let (Some(flow), Some(code)) = (text(exchange, "flow"), text(exchange, "code")) else {
        return answer::bad_request("wants `flow` and `code`");
    };
    let Some(account) = world.ways.flows.get(&flow).cloned() else {
        return answer::error(StatusCode::BAD_REQUEST, "no_such_flow");
    };
    if is_locked(world, &account) {
        bump(&mut world.counters.proofs, "code_locked");
        return locked();
    }
    if is_right(world, &account, &code, now) {
        bump(&mut world.counters.proofs, "code_taken");
        world.ways.flows.remove(&flow);
        world.ways.wrong.remove(&account);
        world.counters.signed_in(&account);
        let sid = world.open_session(&account, now, None);
        let answer = answer::ok(&json!({ "account_id": account_id(&account) }));
        return answer::set_cookie(answer, sign_in::session_cookie(&sid));
    }
    bump(&mut world.counters.proofs, "code_wrong");
    let wrong = world.ways.wrong.entry(account).or_default();
    *wrong += 1;
    let left = WRONG_CODES - *wrong;
    answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "wrong_code", "tries_left": left }))
}

fn is_locked(world: &World, account: &Arc<str>) -> bool {
    world.ways.wrong.get(account).is_some_and(|wrong| *wrong >= WRONG_CODES)
}

fn locked() -> Answer {
    answer::error(StatusCode::LOCKED, "locked")
}

fn is_right(world: &mut World, account: &Arc<str>, code: &str, now: u64) -> bool {
    if code == FIXED_CODE {
        return true;
    }
    let step = now / STEP;
    let near = [step, step + 1, step.saturating_sub(1)];
    let found = near.into_iter().find(|step| totp(*step) == code);
    found.is_some_and(|step| world.ways.taken.insert((Arc::clone(account), step)))
}

/// The code of a time step under [`TOTP_SECRET`] (RFC 6238, six digits, SHA-1).
fn totp(step: u64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(TOTP_SECRET) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let four = [digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    format!("{:06}", u32::from_be_bytes(four) % 1_000_000)
}

/// A page with a token in its `meta` element, another value in a hidden input, one in a header and one in a cookie.
fn page(world: &mut World) -> Answer {
    let seed = world.grants.mint("page");
    let page = format!(
        "<!doctype html>\n<head>\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"csrf-token\" content=\"m&amp;{seed}\">\n</head>\n\
         <form method=\"post\"><input type=\"hidden\" name=\"form_id\" value=\"i-{seed}\"></form>\n"
    );
    let answer = answer::html(StatusCode::OK, page);
    let answer = answer::with(answer, FLOW, format_args!("f-{seed}"));
    let answer = answer::set_cookie(answer, format_args!("pre=c-{seed}; Path=/meta-csrf"));
    world.ways.pages.insert(seed);
    answer
}

/// Takes a name and a password only with everything that one page brought, which is used up.
fn page_login(world: &mut World, exchange: &Exchange) -> Answer {
    let seed =
        exchange.header("x-csrf-token").and_then(|token| token.strip_prefix("m&")).unwrap_or_default().to_owned();
    let agrees = exchange.header(FLOW.as_str()) == Some(&format!("f-{seed}"))
        && exchange.cookie("pre") == Some(&format!("c-{seed}"))
        && exchange.field("form_id") == Some(format!("i-{seed}"));
    if !agrees || !world.ways.pages.remove(&seed) {
        return answer::error(StatusCode::FORBIDDEN, "page_mismatch");
    }
    match sign_in::sign_in(world, &sign_in::form_credentials(exchange)) {
        Ok(account) => {
            let ticket = world.grants.mint("ticket");
            world.ways.tickets.insert(ticket.clone(), account);
            answer::ok(&json!({ "ticket": ticket }))
        }
        Err(wrong) => sign_in::refused(&wrong),
    }
}

fn page_session(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    match text(exchange, "ticket").and_then(|ticket| world.ways.tickets.remove(&ticket)) {
        None => answer::error(StatusCode::FORBIDDEN, "no_such_ticket"),
        Some(account) => {
            let sid = world.open_session(&account, now, None);
            answer::set_cookie(answer::empty(StatusCode::NO_CONTENT), sign_in::session_cookie(&sid))
        }
    }
}

fn item(world: &mut World, way: Way, number: u64, exchange: &Exchange) -> Answer {
    let claimed = claimed(world, way, exchange);
    let is_proven = |account: &Arc<str>| match way {
        Way::Basic(_) => {
            exchange.user_and_password().is_some_and(|(_, password)| world.accounts.is_password(account, &password))
        }
        _ => true,
    };
    if let Some(account) = claimed.clone().filter(is_proven) {
        return answer::ok(&json!({ "account": &*account, "number": number }));
    }
    let carries = key(way, exchange).is_some() || exchange.user_and_password().is_some();
    let refusal = if carries { Refusal::Unknown } else { Refusal::Missing };
    world.counters.refused(refusal, claimed.as_ref());
    let answer = answer::error(StatusCode::UNAUTHORIZED, "unauthorized");
    if matches!(way, Way::Basic(_)) {
        return answer::with(answer, WWW_AUTHENTICATE, "Basic realm=\"testbed\", charset=\"UTF-8\"");
    }
    answer
}

fn key(way: Way, exchange: &Exchange) -> Option<String> {
    match way {
        Way::KeyInHeader(_) => exchange.header("x-api-key").map(str::to_owned),
        Way::KeyInQuery(_) => exchange.query("api_key"),
        Way::MfaLogin | Way::MfaCode | Way::Page | Way::PageSession | Way::Basic(_) => None,
    }
}

fn text(exchange: &Exchange, name: &str) -> Option<String> {
    exchange.json::<Value>().ok()?.get(name)?.as_str().map(str::to_owned)
}

const FLOW: HeaderName = HeaderName::from_static("x-flow");
const KEY_PREFIX: &str = "key-";
/// A code that is always right, for those who have no clock.
const FIXED_CODE: &str = "246810";
/// The secret of RFC 6238, appendix B; in base 32 `GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`.
const TOTP_SECRET: &[u8] = b"12345678901234567890";
/// Milliseconds of a time step.
const STEP: u64 = 30_000;
/// Wrong codes after which an account is locked.
const WRONG_CODES: u64 = 3;

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: the last six of eight digits.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000_u64, "353130")] {
            assert_eq!(super::totp(seconds / 30), code);
        }
    }
}

//! What opens only to requests that are signed with the account's key, each signature once.
//!
//! The signature is the HMAC-SHA256, hexadecimal, of method, path with query, `x-time`, `x-nonce` and the SHA-256 of the body in
//! hexadecimal, a line feed between them, under the key `hmac-NAME`.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::answer::{self, Answer};
use crate::counters::bump;
use crate::exchange::Exchange;
use crate::identity::Accepts;
use crate::platform::World;

pub(super) fn serve(world: &mut World, number: u64, exchange: &Exchange, now: u64) -> Answer {
    let account = match world.session(exchange, Accepts::BearerOrCookie, now) {
        Ok(account) => account,
        Err(refusal) => {
            let claimed = world.claimed(exchange);
            world.counters.refused(refusal, claimed.as_ref());
            return answer::error(StatusCode::UNAUTHORIZED, "invalid_token");
        }
    };
    let found = match (exchange.header("x-signature"), exchange.header("x-time"), exchange.header("x-nonce")) {
        (Some(signature), Some(time), Some(nonce)) => {
            if signature != expected(exchange, &account, time, nonce) {
                "wrong_signature"
            } else if time.parse::<u64>().ok().is_none_or(|time| time.abs_diff(now) > OLDEST) {
                "wrong_age"
            } else if world.signatures.insert(signature.to_owned()) {
                "verified"
            } else {
                "replayed"
            }
        }
        _ => "missing",
    };
    bump(&mut world.counters.proofs, found);
    if found != "verified" {
        return answer::error(StatusCode::FORBIDDEN, found);
    }
    if !super::is_read(&exchange.method) {
        world.counters.wrote(&exchange.method, exchange.path());
    }
    answer::ok(&json!({ "account": &*account, "number": number, "length": exchange.body.len() }))
}

fn expected(exchange: &Exchange, account: &str, time: &str, nonce: &str) -> String {
    let target = exchange.uri.path_and_query().map_or("/", |target| target.as_str());
    let body = hex(&Sha256::digest(&exchange.body));
    let text = format!("{}\n{target}\n{time}\n{nonce}\n{body}", exchange.method);
    let key = format!("hmac-{account}");
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The age of a signature, in milliseconds, beyond which it is none.
const OLDEST: u64 = 300_000;

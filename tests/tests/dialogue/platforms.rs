//! The platforms that scripts talk about, and sessions that are already under way.

use hallpass_conformance::dialogue::{Pair, Shelf, tokens};
use hallpass_core::credentials::Credentials;

/// An access token that does not change.
pub(crate) const BEARER: &str = r#""sign_in": {"bearer": {}}"#;

/// A refresh token that rotates.
pub(crate) const OAUTH: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}"#;

/// A refresh token that rotates and an identity probe; 403 is suspect.
pub(crate) const PROBED: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"},
    "identity": {"path": "/me", "account_id": "/id"}, "refused": {"suspect": [403]}"#;

/// Signed in with a token that never ends.
pub(crate) fn bearer() -> Pair {
    signed_in_with(BEARER)
}

/// Signed in with a token that never ends, under further rules.
pub(crate) fn signed_in_with(rest: &str) -> Pair {
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair
}

/// Signed in with `a1` and `r1`, which last so many seconds.
pub(crate) fn oauth(lifetime: u32) -> Pair {
    start(Pair::new(OAUTH), lifetime)
}

/// The same, kept on this shelf.
pub(crate) fn kept(lifetime: u32, shelf: &Shelf) -> Pair {
    start(Pair::kept(OAUTH, shelf), lifetime)
}

/// Signs in where the token endpoint's answer is all it takes.
pub(crate) fn start(mut pair: Pair, lifetime: u32) -> Pair {
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, lifetime));
    pair.done(id);
    pair
}

/// The headers of a JSON answer.
pub(crate) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

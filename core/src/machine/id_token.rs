//! Whom does an ID token name (OpenID Connect Core §2)? The claim that the platform file says is the account's id.
//!
//! **Invariant:** it is read only from an answer of the token endpoint itself, whose TLS vouches for it in the signature's place
//! (§3.1.3.7), and whom it names is who the session claims to be, or the tokens beside it are not used.

use super::session::Session;
use super::{expiry, token};
use crate::document::{Node, Value};
use crate::effect::Arrival;
use crate::error::{Error, Kind};

impl Session {
    /// The account's id in the ID token of a token endpoint's answer, where the platform file asks for it and the answer has one.
    pub(super) fn named(&self, arrival: &Arrival) -> Result<Option<String>, Error> {
        let Some(pointer) = self.id_token() else { return Ok(None) };
        let document = token::document(arrival)?;
        let Some(encoded) = document.pointer("/id_token").and_then(Node::as_str) else { return Ok(None) };
        let wrong = |why: &str| Err(token::unexpected(arrival, why));
        let Some(claims) = expiry::claims(encoded) else { return wrong("has an ID token that cannot be read") };
        let platform = self.compiled.platform();
        let issuer = platform.oauth.as_ref().map(|oauth| &*oauth.issuer);
        if issuer.is_some_and(|issuer| claims.member("iss").and_then(Node::as_str) != Some(issuer)) {
            return wrong("has an ID token of another issuer");
        }
        let client = platform.renew.as_ref().and_then(|renew| renew.client_id.as_deref());
        if client.is_some_and(|client| !is_for(&claims, client)) {
            return wrong("has an ID token for another client");
        }
        match claims.pointer(pointer).and_then(Node::text) {
            Some(id) => Ok(Some(id.to_owned())),
            None => wrong(&format!("has an ID token without an account id at `{pointer}`")),
        }
    }

    /// Whether new tokens are the account's own, so far as an ID token came with them.
    pub(super) fn agrees(&self, answer: &token::Answer) -> Result<(), Error> {
        match (&answer.account_id, &self.tokens.account_id) {
            (Some(named), Some(claimed)) if named != claimed => {
                let what = "the ID token says that these tokens belong to another account than the session's";
                Err(Error::new(Kind::AccountMismatch, what))
            }
            _ => Ok(()),
        }
    }

    /// As [`agrees`](Self::agrees), for a sign-in, which brings an ID token where the platform file asks for one. Later answers may do
    /// without (OpenID Connect Core §12.2).
    pub(super) fn is_named(&self, answer: &token::Answer) -> Result<(), Error> {
        if answer.account_id.is_none() && self.id_token().is_some() {
            let what =
                "the token endpoint gave no ID token: ask for the scope `openid`, or leave `identity.id_token` out";
            return Err(Error::new(Kind::UnexpectedAnswer, what));
        }
        self.agrees(answer)
    }

    fn id_token(&self) -> Option<&str> {
        self.compiled.platform().identity.as_ref()?.id_token.as_deref()
    }
}

/// Whether the client is the token's audience, or one of several.
fn is_for(claims: &Node, client: &str) -> bool {
    match claims.member("aud").map(|audience| &audience.value) {
        Some(Value::String(one)) => one.as_str() == client,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(client)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

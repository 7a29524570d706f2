//! The authorization code grant: a person's browser goes to the issuer, and what it comes back with is traded for tokens.
//!
//! **Invariant:** a code leaves for the token endpoint only, with its verifier, and only from an address that was checked.

use super::super::session::Session;
use super::super::token::Form;
use super::authorize::{Expected, Request};
use super::grant::Stage;
use super::pkce::Proof;
use crate::credentials::Secret;
use crate::effect::Question;
use crate::error::{Error, Kind};
use crate::machine::life::Phase;
use crate::platform::AuthorizationCode;
use crate::time::Now;

/// What is traded for tokens.
#[derive(Debug)]
pub(super) struct Redemption {
    code: Secret,
    verifier: Secret,
    redirect_uri: String,
}

impl Redemption {
    /// The fields of the request (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub(super) fn form(&self) -> Form {
        let mut form = Form::default();
        form.add("grant_type", "authorization_code");
        form.add("code", self.code.expose());
        form.add("redirect_uri", &self.redirect_uri);
        form.add("code_verifier", self.verifier.expose());
        form
    }
}

impl Session {
    /// Asks the program to send a person's browser to the issuer.
    pub(super) fn ask_browser(&mut self, recipe: &AuthorizationCode, now: Now) {
        let Some(endpoint) = self.authorization_endpoint().map(ToString::to_string) else { return };
        let redirect_uri = self.redirect_uri();
        let Some(proofs) = self.proofs.as_deref_mut() else { return };
        let proof = Proof::draw(proofs);
        let rules = self.compiled.platform().renew.as_ref();
        let request = Request {
            endpoint: &endpoint,
            recipe,
            client_id: rules.and_then(|rules| rules.client_id.as_deref()),
            scope: recipe.scope.as_deref().or_else(|| rules?.scope.as_deref()),
            redirect_uri: &redirect_uri,
        };
        let url = request.address(&proof);
        if let Some(grant) = self.grant() {
            grant.stage = Stage::Browser(proof);
        }
        self.ask(Question::Authorize { url, redirect_uri }, now);
    }

    /// The browser came back to this address.
    pub(super) fn came_back(&mut self, address: &Secret, now: Now) {
        let redirect_uri = self.redirect_uri();
        let issuer = self.compiled.platform().oauth.as_ref().map(|oauth| oauth.issuer.clone());
        let names_itself = self.issuer.as_ref().is_some_and(|found| found.names_itself);
        let Some(Stage::Browser(proof)) = self.grant().map(|grant| &grant.stage) else { return };
        let expected =
            Expected { redirect_uri: &redirect_uri, state: &proof.state, issuer: issuer.as_deref(), names_itself };
        let found = expected.code(address.expose()).map(|code| Redemption {
            code,
            verifier: proof.verifier.clone(),
            redirect_uri: redirect_uri.clone(),
        });
        match found {
            Ok(redemption) => self.grant_at(Stage::Redeem(redemption), now),
            Err(error) => self.sign_in_failed(&error, now),
        }
    }

    /// Where the browser is sent back to; credentials without it do not get this far.
    fn redirect_uri(&self) -> String {
        match &self.phase {
            Phase::SigningIn(sign_in) => sign_in.credentials.field("redirect_uri").unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }
}

/// What is wrong with the address that a browser came back to.
pub(super) fn wrong(why: &str) -> Error {
    Error::new(Kind::ChallengeRefused, format!("the address that came back {why}"))
}

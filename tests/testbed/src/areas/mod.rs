//! Which code answers which route, and what the areas have in common.

mod control;
mod dpop;
mod hmac;
mod issuer;
mod odd;
mod pages;
mod redirect;
mod resource;
mod sign_in;
mod token;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::answer::{self, Answer};
use crate::error::UnknownAccount;
use crate::exchange::Exchange;
use crate::platform::World;
use crate::route::{Route, Signed};
use crate::sessions::Binding;
use crate::testbed::Bundle;

pub(crate) use control::control;
pub(crate) use dpop::Proofs;
pub(crate) use ways::Ways;

/// Put into an answer's extensions: how long its head is held back.
#[derive(Clone, Copy)]
pub(crate) struct HeldHead(pub(crate) Duration);

pub(crate) fn serve(world: &mut World, route: Route, exchange: &Exchange, now: u64) -> Answer {
    match route {
        Route::Plain => answer::not_allowed("GET, HEAD"),
        Route::Resource(door, resource) => resource::serve(world, door, resource, exchange, now),
        Route::SignIn(sign_in) => sign_in::serve(world, sign_in, exchange, now),
        Route::Token(client_auth) => token::serve(world, client_auth, exchange, now),
        Route::Way(way) => ways::serve(world, way, exchange, now),
        Route::Issuer(issuer) => issuer::serve(world, issuer, exchange, now),
        Route::Page(page) => pages::serve(world, page, exchange, now),
        Route::Odd(odd) => odd::serve(world, odd, exchange, now),
        Route::Redirect(redirect) => redirect::serve(redirect, exchange),
        Route::Signed(Signed::HmacItem(number)) => hmac::serve(world, number, exchange, now),
        Route::Signed(signed) => dpop::serve(world, signed, exchange, now),
        Route::Control | Route::Unknown => answer::not_found(),
    }
}

/// Whether a request asks for what needs a session, and has no good one.
pub(crate) fn is_refused(world: &mut World, route: Route, exchange: &Exchange, now: u64) -> bool {
    match route {
        Route::Resource(door, _) => world.session(exchange, resource::accepted(door), now).is_err(),
        Route::Plain
        | Route::SignIn(_)
        | Route::Token(_)
        | Route::Way(_)
        | Route::Issuer(_)
        | Route::Page(_)
        | Route::Odd(_)
        | Route::Redirect(_)
        | Route::Signed(_)
        | Route::Control
        | Route::Unknown => false,
    }
}

/// The account that a request is about, proven or not.
pub(crate) fn claimed(world: &World, route: Route, exchange: &Exchange) -> Option<Arc<str>> {
    match route {
        Route::SignIn(sign_in) => sign_in::claimed(world, sign_in, exchange),
        Route::Token(client_auth) => token::claimed(world, client_auth, exchange),
        Route::Way(way) => ways::claimed(world, way, exchange).or_else(|| world.claimed(exchange)),
        Route::Plain
        | Route::Resource(..)
        | Route::Issuer(_)
        | Route::Page(_)
        | Route::Odd(_)
        | Route::Redirect(_)
        | Route::Signed(_)
        | Route::Control
        | Route::Unknown => world.claimed(exchange),
    }
}

impl World {
    pub(crate) fn issue_refresh_token(&mut self, account: &str) -> Result<String, UnknownAccount> {
        let account = self.known(account)?;
        Ok(self.grants.grant(&account))
    }

    pub(crate) fn issue_bundle(&mut self, account: &str, user_agent: &str, now: u64) -> Result<Bundle, UnknownAccount> {
        let account = self.known(account)?;
        let device = format!("bc-{account}");
        let bound = Binding { device: device.clone(), user_agent: user_agent.to_owned() };
        let sid = self.open_session(&account, now, Some(bound));
        Ok(Bundle {
            cookie: format!("sid={sid}; auth_id={account}; fp={device}"),
            user_agent: user_agent.to_owned(),
            x_bc: device,
            account_id: account_id(&account),
        })
    }

    pub(crate) fn expire(&mut self, account: &str, now: u64) -> usize {
        self.handshake = self.grants.mint("hs");
        self.grants.expire(account, now) + self.sessions.expire(account, now)
    }

    pub(crate) fn revoke(&mut self, account: &str) -> usize {
        self.grants.revoke(&Arc::from(account)) + self.sessions.revoke(account)
    }

    fn known(&self, account: &str) -> Result<Arc<str>, UnknownAccount> {
        self.accounts.find(account).ok_or_else(|| UnknownAccount { name: account.to_owned() })
    }

    fn open_session(&mut self, account: &Arc<str>, now: u64, bound: Option<Binding>) -> String {
        let sid = self.grants.mint("sid");
        self.sessions.open(sid.clone(), account, now.saturating_add(self.settings.session_lifetime), bound);
        sid
    }
}

fn account_id(account: &str) -> String {
    format!("acct-{account}")
}

/// GET, and HEAD as its twin.
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

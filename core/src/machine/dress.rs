//! What an attempt wears: the program's headers, and on the platform's origins the session's instead.
//!
//! **Invariant:** no header of the session leaves for an origin that the platform does not name.

use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::call::{Call, Reach};
use super::life::Phase;
use super::output::Notice;
use super::session::Session;
use crate::cookie::{Change, Changed, Received};
use crate::time::Now;

impl Session {
    /// The headers of a call's next attempt.
    pub(super) fn dress(&self, call: &Call, reach: Reach, now: Now) -> HeaderMap {
        let mut headers = call.head.headers.clone();
        if reach == Reach::Platform {
            headers.remove(COOKIE);
            headers.remove(AUTHORIZATION);
            self.wear(&mut headers, &call.head.uri, now);
            self.guard(&mut headers, &call.head.method, &call.head.uri, now);
        }
        headers
    }

    /// The headers of a request of the session's own that shows who it is; none for an origin that the platform does not name.
    pub(super) fn own_headers(&self, method: &Method, uri: &Uri, now: Now) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.compiled.names(uri) {
            self.wear(&mut headers, uri, now);
            self.guard(&mut headers, method, uri, now);
        }
        headers
    }

    /// Headers of the bundle that the call names with another value and that were not told of yet.
    pub(super) fn drifting(&self, call: &Call, reach: Reach) -> Vec<HeaderName> {
        if reach == Reach::Elsewhere || call.head.headers.is_empty() {
            return Vec::new();
        }
        let agent = self.tokens.user_agent.as_ref().map(|agent| (&USER_AGENT, agent));
        let bundle = self.tokens.headers.iter().map(|(name, value)| (name, value)).chain(agent);
        let differs = |name: &HeaderName, value: &HeaderValue| {
            call.head.headers.get_all(name).iter().any(|given| given != value) && !self.drifted.contains(name)
        };
        bundle.filter(|(name, value)| differs(name, value)).map(|(name, _)| name.clone()).collect()
    }

    /// Puts the session's credentials onto `headers`, in place of what is there.
    pub(super) fn wear(&self, headers: &mut HeaderMap, uri: &Uri, now: Now) {
        if let Some(line) = self.jar.line(uri, now.wall) {
            headers.insert(COOKIE, line);
        }
        if let Some(value) = &self.tokens.authorization {
            headers.insert(self.compiled.header().clone(), value.clone());
        }
        if let Some(agent) = &self.tokens.user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        for (name, value) in &self.tokens.headers {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Takes the cookies of an answer to an attempt of this generation. A credential cookie of an older generation is left
    /// alone: it would bring back what a renewal replaced.
    pub(super) fn take_cookies(&mut self, uri: &Uri, headers: &HeaderMap, generation: u64, now: Now) {
        if generation < self.signed_in_since {
            return;
        }
        let credential = self.compiled.platform().credential.cookie.clone();
        let mut is_changed = false;
        let mut is_renewed = false;
        let mut is_dated = false;
        for line in headers.get_all(SET_COOKIE) {
            let name =
                line.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default().trim_ascii();
            let is_credential = credential.as_ref().is_some_and(|credential| credential.as_bytes() == name);
            if is_credential && generation < self.generation {
                continue;
            }
            // While somebody signs in, calls of before change what was before.
            let jar = match &mut self.phase {
                Phase::SigningIn(sign_in) => sign_in.jar_before(),
                _ => &mut self.jar,
            };
            is_dated |= is_credential;
            jar.judge_by(&self.settings.public_suffixes);
            match jar.receive(uri, line.as_bytes(), now.wall) {
                // The same value with another date is the same credential, and no credential is no newer one: what the session is
                // refused for stays its own fault.
                Received::Stored(Change { what: Changed::Attributes, .. }) | Received::Deleted(_) => is_changed = true,
                Received::Stored(_) => {
                    is_changed = true;
                    is_renewed |= is_credential;
                }
                Received::Unchanged => {}
                Received::Ignored(_) => self.outputs.push_back(super::output::Output::Notice(Notice::CookieIgnored)),
            }
        }
        if is_dated && matches!(self.phase, Phase::Active) {
            self.learn_cookie_expiry(now);
        }
        if is_renewed {
            self.generation += 1;
            self.revision += 1;
            self.set_window(now);
            self.save_soon(now);
        } else if is_changed {
            self.revision += 1;
            self.save_soon(now);
        }
    }
}

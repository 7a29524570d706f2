//! Where a redirect leads, and what of the request goes along (RFC 9110 §15.4).

use http::{HeaderName, Method, StatusCode, header};

use super::call::{Body, Redirect};
use super::calls::shown;
use super::output::Reply;
use super::session::Session;
use crate::effect::{Arrival, CallId, EffectId};
use crate::error::{Error, Kind};
use crate::platform::Compiled;
use crate::time::Now;
use crate::url::{self, Origin};

/// Redirects that are followed for one call at most.
const MOST: u32 = 10;

/// The program's own headers that never cross to another origin.
const PERSONAL: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Headers that describe a body, dropped with it.
const OF_A_BODY: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

impl Session {
    /// An answer redirects a call: follow, hand over or refuse, as the call says.
    pub(super) fn redirected(&mut self, id: CallId, from: EffectId, arrival: Arrival, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        match call.head.options.redirect {
            Redirect::Follow => {}
            Redirect::Manual => {
                let answered = call.answered(from, arrival.status, arrival.headers);
                return self.reply(id, Ok(Reply::Answered(answered)));
            }
            Redirect::Refuse => {
                let what = format!("{} redirects, which this call does not allow", shown(&call.head.uri));
                return self.reply(id, Err(Error::new(Kind::RedirectInvalid, what)));
            }
        }
        match self.follow(id, &arrival) {
            Ok(()) => self.begin(id, now),
            Err(error) => self.reply(id, Err(error)),
        }
    }

    /// Turns a call towards where a redirect leads.
    fn follow(&mut self, id: CallId, arrival: &Arrival) -> Result<(), Error> {
        let Some(call) = self.call_at(id) else { return Ok(()) };
        let here = &call.head.uri;
        let target = target(&self.compiled, arrival, here, call.redirects)?;
        let target = self.unkeyed(target);
        let same_origin = Origin::of(here).is_ok_and(|origin| origin.matches(&target));
        let token = self.compiled.header().clone();
        let device: Vec<_> = self.tokens.headers.iter().map(|(name, _)| name.clone()).collect();
        self.stats.redirects += 1;
        let Some(call) = self.call_mut(id) else { return Ok(()) };
        call.redirects += 1;
        call.tries = 0;
        call.head.uri = target;
        if !same_origin {
            for name in PERSONAL.iter().chain([&token]).chain(&device) {
                call.head.headers.remove(name);
            }
        }
        if becomes_get(arrival.status, &call.head.method) {
            call.head.method = if call.head.method == Method::HEAD { Method::HEAD } else { Method::GET };
            call.head.body = Body::Empty;
            for name in &OF_A_BODY {
                call.head.headers.remove(name);
            }
        }
        Ok(())
    }
}

/// Where a redirect leads, if it can be followed after so many others.
pub(super) fn target(
    compiled: &Compiled,
    arrival: &Arrival,
    here: &http::Uri,
    followed: u32,
) -> Result<http::Uri, Error> {
    if followed >= MOST {
        let what = format!("more than {MOST} redirects, the last from {}", shown(here));
        return Err(Error::new(Kind::TooManyRedirects, what));
    }
    let location = arrival.headers.get(header::LOCATION);
    let target = location.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let target = target.ok_or_else(|| invalid(here, "its Location is not text"))?;
    let target = url::resolve(here, target).map_err(|_| invalid(here, "its Location is no http or https address"))?;
    if here.scheme_str() == Some("https") && target.scheme_str() == Some("http") && compiled.names(here) {
        return Err(invalid(here, "it leads from https to http, where credentials could be read on the way"));
    }
    Ok(target)
}

/// Whether an answer leads somewhere else.
pub(super) fn is_redirect(arrival: &Arrival) -> bool {
    matches!(arrival.status.as_u16(), 301 | 302 | 303 | 307 | 308) && arrival.headers.contains_key(header::LOCATION)
}

/// Whether a redirect turns the request into a GET: 303 always, 301 and 302 where it was a POST (RFC 9110 §15.4.2–15.4.4).
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

pub(super) fn invalid(here: &http::Uri, why: &str) -> Error {
    Error::new(Kind::RedirectInvalid, format!("the redirect from {} is not followed: {why}", shown(here)))
}

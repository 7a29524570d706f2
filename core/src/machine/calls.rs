//! What happens to a call from its first attempt to its one reply.

use std::time::Duration;

use http::StatusCode;

use super::call::{Body, Call, Reach, Repeatable, Setback, State};
use super::output::{Answered, Notice, Output, Reply, Verdict};
use super::refusal::{self, Meaning};
use super::session::Session;
use super::timers::Alarm;
use crate::effect::{
    Arrival, CallId, Effect, EffectId, Exchange, Failure, KindName, Owner, Permit, ReadBody, SendBody, Ticket,
};
use crate::error::{Error, Kind, Retry};
use crate::retry::{self, Repeat, Safety, classify};
use crate::time::Now;
use crate::url::Origin;

use super::answers::Asker;

impl Session {
    /// Puts one attempt of a call on the wire.
    pub(super) fn attempt(&mut self, id: CallId, reach: Reach, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        if !call.can_send() {
            let error = Error::new(
                Kind::BodyNotReplayable,
                "the body can be sent only once and would have to be sent again; give it as bytes",
            );
            return self.reply(id, Err(error));
        }
        let signs = reach == Reach::Platform && self.signs();
        if signs && let Some(error) = self.cannot_sign(call) {
            return self.reply(id, Err(error));
        }
        let headers = self.dress(call, reach, now);
        let uri = self.keyed(call.head.uri.clone(), reach);
        for name in self.drifting(call, reach) {
            self.outputs.push_back(Output::Notice(Notice::BundleDrift(name.clone())));
            self.drifted.push(name);
        }
        let effect = self.expect_within_call(KindName::Exchange, Asker::Attempt(id));
        let (generation, read) = match reach {
            Reach::Elsewhere => (0, ReadBody::Stream),
            Reach::Platform if self.compiled.inspect().is_empty() => (self.generation, ReadBody::Stream),
            Reach::Platform => (self.generation, ReadBody::Matching(self.compiled.inspect().clone())),
        };
        self.stats.attempts += 1;
        let tag = self.tag;
        let Some(call) = self.call_mut(id) else { return };
        call.attempts += 1;
        call.tries += 1;
        call.generation = generation;
        call.state = State::Exchanging(effect);
        let body = match call.head.body {
            Body::Empty => SendBody::Empty,
            Body::Replayable | Body::Once => SendBody::Callers,
        };
        call.body_used = true;
        let exchange = Box::new(Exchange {
            ticket: Ticket::new(effect, tag),
            owner: Owner::Call(id),
            attempt: call.attempts,
            generation,
            deadline: call.deadline,
            method: call.head.method.clone(),
            uri,
            headers,
            body,
            read,
        });
        if signs {
            return self.sign(exchange, now);
        }
        self.run(Effect::Exchange(exchange));
    }

    /// An attempt brought an answer.
    pub(super) fn arrived(&mut self, id: CallId, from: EffectId, arrival: Arrival, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        let generation = call.generation;
        if generation == 0 {
            return self.settled(id, from, arrival, now);
        }
        if self.dpop.is_some() && self.nonce_demanded(id, &arrival, now) {
            return;
        }
        if self.compiled.csrf_header().is_some() && self.shook_hands(id, &arrival, now) {
            return;
        }
        let Some(call) = self.call_at(id) else { return };
        let meaning = refusal::meaning(&self.compiled, &arrival, &call.head.uri, now.wall);
        if meaning != Meaning::Refusal && arrival.headers.contains_key(http::header::SET_COOKIE) {
            let uri = call.head.uri.clone();
            self.take_cookies(&uri, &arrival.headers, generation, now);
        }
        match meaning {
            Meaning::Fine => {
                if arrival.status.is_success() && generation == self.generation {
                    self.used(now);
                }
                self.settled(id, from, arrival, now);
            }
            Meaning::Unreadable => {
                self.notice(Notice::NotInspected(id));
                self.settled(id, from, arrival, now);
            }
            Meaning::Refusal => self.refused(id, from, arrival, now),
            Meaning::Suspicion => self.suspected(id, from, arrival, now),
        }
    }

    /// An attempt brought no answer.
    pub(super) fn attempt_failed(&mut self, id: CallId, failure: &Failure, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        let kind = failure.kind.error_kind();
        let repeat = classify::failure(failure).repeat;
        let detail = format!("{} {}: {}", call.head.method, shown(&call.head.uri), failure.detail);
        let error = Error::new(kind, detail);
        if !repeat.allows(self.safety(call)) || !call.can_send() {
            return self.reply(id, Err(error));
        }
        if call.tries >= self.compiled.platform().retry.attempts {
            return self.reply(id, Err(error.with_retry(Retry::GaveUp)));
        }
        self.ask_to_repeat(id, None, Err(error), now);
    }

    /// An answer that says nothing of the session: redirect, retry or reply.
    fn settled(&mut self, id: CallId, from: EffectId, arrival: Arrival, now: Now) {
        let redirects = matches!(arrival.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        if redirects && arrival.headers.contains_key(http::header::LOCATION) {
            return self.redirected(id, from, arrival, now);
        }
        let Some(call) = self.call_at(id) else { return };
        let repeat = classify::status(arrival.status).repeat;
        let may_repeat = repeat != Repeat::Never
            && repeat.allows(self.safety(call))
            && call.can_send()
            && call.tries < self.compiled.platform().retry.attempts;
        let heeds = classify::heeds_retry_after(arrival.status);
        let asked = if heeds { retry::retry_after(&arrival.headers, now.wall) } else { None };
        let status = arrival.status;
        if status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::SERVICE_UNAVAILABLE && asked.is_some()) {
            self.stats.throttled += 1;
            let until = asked.map(|wait| now.wall + wait);
            self.notice(Notice::Throttled { call: id, status, wait: asked, until });
        }
        let Some(call) = self.call_mut(id) else { return };
        let mut answered = if may_repeat {
            call.answered(from, arrival.status, arrival.headers)
        } else {
            call.answered_last(from, arrival.status, arrival.headers)
        };
        if let Verdict::Throttled(at) = &mut answered.verdict {
            *at = asked.map(|wait| now.wall + wait);
        }
        if may_repeat {
            return self.ask_to_repeat(id, asked, Ok(answered), now);
        }
        if answered.verdict == Verdict::Served {
            self.successes = self.successes.saturating_add(1);
        }
        self.reply(id, Ok(Reply::Answered(answered)));
    }

    /// Asks the shared budget for a further attempt, unless the wait would end after the call's deadline: then it ends now.
    fn ask_to_repeat(&mut self, id: CallId, asked: Option<Duration>, fallback: Result<Box<Answered>, Error>, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        let backoff = retry::delay(&self.compiled.platform().retry, call.tries, &mut self.jitter);
        let Some(call) = self.call_at(id) else { return };
        let delay = retry::wait(asked, backoff);
        if now.mono + delay >= call.deadline {
            let mut reply = fallback;
            if let (Ok(answered), Some(asked)) = (&mut reply, asked) {
                answered.verdict = Verdict::Throttled(Some(now.wall + asked));
            }
            return self.reply(id, reply.map(Reply::Answered));
        }
        let deadline = call.deadline;
        let origin = Origin::of(&call.head.uri).map_or_else(|_| String::new(), |origin| origin.to_string());
        let effect = self.expect_within_call(KindName::Permit, Asker::Retry(id));
        let successes = std::mem::take(&mut self.successes);
        if let Some(call) = self.call_mut(id) {
            call.state = State::Asking(effect, Box::new(Setback { delay, fallback }));
        }
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Permit(Box::new(Permit { ticket, call: id, deadline, origin, successes })));
    }

    pub(super) fn retry_granted(&mut self, id: CallId, now: Now) {
        let Some(call) = self.call_mut(id) else { return };
        let State::Asking(_, setback) = std::mem::replace(&mut call.state, State::Backoff) else { return };
        let why = match setback.fallback {
            Ok(answered) => answered.verdict.error_kind().unwrap_or(Kind::PlatformFailed),
            Err(error) => error.code(),
        };
        self.stats.retries += 1;
        self.notice(Notice::Retried(id, setback.delay, why));
        self.timers.set(now.mono + setback.delay, Alarm::Backoff(id));
    }

    pub(super) fn retry_denied(&mut self, id: CallId, _now: Now) {
        let Some(call) = self.call_mut(id) else { return };
        let State::Asking(_, setback) = std::mem::replace(&mut call.state, State::Backoff) else { return };
        let fallback = setback.fallback.map_err(|error| error.with_retry(Retry::GaveUp));
        self.reply(id, fallback.map(Reply::Answered));
    }

    pub(super) fn backoff_over(&mut self, id: CallId, now: Now) {
        if self.call_at(id).is_some_and(|call| matches!(call.state, State::Backoff)) {
            self.begin(id, now);
        }
    }

    /// A call's total deadline has passed.
    pub(super) fn call_overdue(&mut self, id: CallId, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        let stage = match &call.state {
            State::Parked => "waiting for the session",
            State::Exchanging(effect) if self.is_held(*effect) => "waiting for the signer",
            State::Exchanging(_) => "waiting for the answer",
            State::Asking(..) | State::Backoff => "waiting to try again",
            State::Suspect(_) => "waiting for the identity probe",
        };
        let detail = format!("{} {}: the deadline passed while {stage}", call.head.method, shown(&call.head.uri));
        self.end_call(id, Err(Error::new(Kind::Timeout, detail)));
        self.close_if_drained(now);
    }

    pub(super) fn cancel_call(&mut self, id: CallId, now: Now) {
        if self.call_at(id).is_some() {
            self.end_call(id, Err(Error::new(Kind::Cancelled, "the call was cancelled")));
            self.close_if_drained(now);
        }
    }

    /// Ends a call whatever it waits for.
    pub(super) fn end_call(&mut self, id: CallId, result: Result<Reply, Error>) {
        let Some(call) = self.call_at(id) else { return };
        let (effect, is_parked) = (call.waits_for(), matches!(call.state, State::Parked));
        if let Some(effect) = effect {
            self.abandon(effect);
        }
        self.reply(id, result);
        if is_parked {
            self.left_queue();
        }
    }

    pub(super) fn safety(&self, call: &Call) -> Safety {
        match call.head.options.repeat {
            Some(Repeatable::Yes) => Safety::Idempotent,
            Some(Repeatable::No) => Safety::Once,
            None => retry::safety(&call.head.method, &call.head.headers, &self.compiled.platform().retry),
        }
    }
}

/// An address as errors show it: no query and no user, which may hold secrets.
pub(super) fn shown(uri: &http::Uri) -> String {
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            let host = authority.as_str();
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}{}", uri.path())
        }
        _ => uri.path().to_owned(),
    }
}

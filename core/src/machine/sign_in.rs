//! Signing in: the platform's plan, stage by stage, stopped by the first definite refusal.
//!
//! ```text
//!        ┌─▶ Step 0 ─▶ Step 1 … ─┐  (form, json, steps)
//! begin ─┼─▶ Grant ──────────────┼─▶ Probe ─▶ Saving ─▶ Active
//!        ├─▶ Program ────────────┤
//!        └───────────────────────┘  (bundle, bearer)
//! ```
//!
//! Each stage may back off where nothing can have happened yet. `start` begins, `step`, `program` and `machine/oauth` go through the
//! stages, `proof` asks the platform whether it worked, `end` puts back what was there before where it did not.
//!
//! **Invariant:** what was signed in with before is kept until the new credentials are proved.

mod answer;
mod challenge;
mod end;
mod html;
mod program;
mod proof;
mod request;
mod start;
mod step;

use http::{HeaderName, HeaderValue, Uri};
pub(super) use request::json_string;

use self::challenge::Challenge;
use super::again::Again;
use super::life::Phase;
use super::oauth::grant::Grant;
use super::payload::Tokens;
use super::token;
use crate::cookie::Jar;
use crate::credentials::{Credentials, Secret};
use crate::effect::{CallId, EffectId, Purpose};
use crate::platform::steps::CODE;

/// A sign-in under way.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) credentials: Credentials,
    pub(super) waiters: Vec<CallId>,
    /// Whether the session began it by itself.
    again: Option<Again>,
    /// The question that the program has not answered yet.
    pub(super) asking: Option<EffectId>,
    stage: Stage,
    tries: u32,
    /// Where the present exchange goes, if cookies are taken from there.
    at: Option<Uri>,
    /// How far an OAuth 2 grant has come.
    pub(super) grant: Option<Grant>,
    /// Where cookies are looked up: the last address that is the platform's own.
    last: Option<Uri>,
    /// Where a redirect of the present step has led.
    hop: Option<Uri>,
    hops: u32,
    /// The header with which the present step is sent once more.
    handshake: Option<(HeaderName, HeaderValue)>,
    challenge: Challenge,
    /// What earlier steps took from their answers.
    values: Vec<(String, Secret)>,
    before: Before,
}

/// How a sign-in begins.
pub(super) struct Begin {
    pub(super) credentials: Credentials,
    pub(super) waiters: Vec<CallId>,
    /// Whether the session begins it by itself.
    pub(super) again: Option<Again>,
    /// The answer of a renewal that was given up for the sign-in whose place this one takes.
    pub(super) renewed: Option<token::Answer>,
}

/// What the session was before, for when the new credentials are no good.
#[derive(Debug)]
struct Before {
    tokens: Tokens,
    jar: Jar,
    phase: Phase,
    /// Whether calls waited for renewed tokens to be saved.
    was_saving: bool,
    /// The answer of a renewal that was given up for this sign-in, should it be needed after all.
    renewed: Option<token::Answer>,
}

/// Where a sign-in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// This step of the plan.
    Step(usize),
    /// Getting tokens by a grant.
    Grant,
    /// The program signs in by itself.
    Program,
    Probe,
    Saving,
}

impl SignIn {
    /// A renewal that was given up for this sign-in has brought tokens after all.
    pub(super) fn renewed_before(&mut self, token: &Secret, answer: token::Answer) {
        if self.before.tokens.refresh.as_ref() == Some(token) {
            self.before.renewed = Some(answer);
        }
    }

    /// The cookies of the session as it was before, which calls of that time still change.
    pub(super) fn jar_before(&mut self) -> &mut Jar {
        &mut self.before.jar
    }

    /// Whether the program is being asked something.
    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_some() || self.grant.as_ref().is_some_and(Grant::is_with_a_person)
    }

    /// What a template's name stands for: a value that an earlier step took, or a field of the credentials.
    fn value(&self, name: &str) -> Option<&str> {
        if name == CODE {
            return self.challenge.code();
        }
        let taken = self.values.iter().rev().find(|(this, _)| this == name);
        taken.map(|(_, value)| value.expose()).or_else(|| self.credentials.field(name))
    }

    fn cookie_address(&self) -> Option<&Uri> {
        self.last.as_ref()
    }

    fn is_at(&self, purpose: Purpose) -> bool {
        match self.stage {
            Stage::Step(_) => matches!(purpose, Purpose::Csrf | Purpose::SignIn),
            Stage::Grant => matches!(purpose, Purpose::Discovery | Purpose::SignIn),
            Stage::Probe => purpose == Purpose::Probe,
            Stage::Program | Stage::Saving => false,
        }
    }
}

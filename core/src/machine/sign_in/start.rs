//! How a sign-in begins: what is there steps aside, what was given is taken over, and the plan's first stage is entered.

use super::challenge::{self, Challenge};
use super::{Before, Begin, SignIn, Stage};
use crate::cookie::Cookie;
use crate::credentials::Credentials;
use crate::effect::CallId;
use crate::error::{Error, Kind};
use crate::machine::again::Again;
use crate::machine::life::{self, Phase};
use crate::machine::payload::Tokens;
use crate::machine::renewal::Step as RenewalStep;
use crate::machine::session::Session;
use crate::platform::Plan;
use crate::time::Now;

impl Session {
    /// Signs in with these credentials; joins a sign-in that is under way, unless the session began that by itself with others.
    ///
    /// Calls wait until it has ended. If the credentials are refused, a session that was active before stays as it was.
    pub fn sign_in(&mut self, credentials: Credentials, now: Now) -> CallId {
        let id = self.command();
        if matches!(self.phase, Phase::Closed) || self.closing.is_some() {
            self.reply(id, Err(life::closed()));
            return id;
        }
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            let is_kept = self.kept.as_deref().is_some_and(|kept| *kept.credentials() == credentials);
            if sign_in.again.is_none() || sign_in.stage == Stage::Saving || is_kept {
                sign_in.waiters.push(id);
                return id;
            }
        }
        if let Some(error) = self.lacks_signer().or_else(|| self.lacks_leases()) {
            self.reply(id, Err(error));
            return id;
        }
        let missing = credentials.missing_for(self.compiled.platform());
        if !missing.is_empty() {
            let what = format!("the credentials lack what this platform needs: {}", missing.join(", "));
            self.reply(id, Err(Error::new(Kind::CredentialsInvalid, what)));
            return id;
        }
        let mut begin = Begin { credentials, waiters: vec![id], again: None, renewed: None };
        self.step_aside(&mut begin);
        self.start_sign_in(begin, now);
        id
    }

    /// An automatic sign-in makes way for one with other credentials: whoever waited for it waits for that.
    fn step_aside(&mut self, begin: &mut Begin) {
        if !matches!(self.phase, Phase::SigningIn(_)) {
            return;
        }
        let Phase::SigningIn(sign_in) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        self.tokens = sign_in.before.tokens;
        *self.jar = sign_in.before.jar;
        self.phase = sign_in.before.phase;
        if sign_in.again == Some(Again::Ending) {
            self.tell_end();
        }
        begin.waiters.extend(sign_in.waiters);
        begin.renewed = sign_in.before.renewed;
    }

    pub(in crate::machine) fn start_sign_in(&mut self, begin: Begin, now: Now) {
        let Begin { credentials, waiters, again, renewed } = begin;
        let was_saving = self.renewal.as_ref().is_some_and(|renewal| renewal.step == RenewalStep::Saving);
        self.stop_for("a new sign-in took its place");
        let tokens = Tokens::new(now.wall);
        let before = Before {
            tokens: std::mem::replace(&mut self.tokens, tokens),
            jar: self.jar.take(),
            phase: std::mem::replace(&mut self.phase, Phase::Fresh),
            was_saving,
            renewed,
        };
        let taken = self.take_credentials(&credentials, now).and_then(|()| challenge::check(&credentials));
        self.phase = Phase::SigningIn(Box::new(SignIn {
            credentials,
            waiters,
            again,
            asking: None,
            stage: Stage::Step(0),
            tries: 0,
            at: None,
            last: None,
            hop: None,
            hops: 0,
            handshake: None,
            challenge: Challenge::default(),
            grant: None,
            values: Vec::new(),
            before,
        }));
        if let Err(error) = taken {
            return self.sign_in_failed(&error, now);
        }
        match self.compiled.clone().plan() {
            Plan::Given => self.proved(now),
            Plan::Steps(_) => self.enter(Stage::Step(0), now),
            Plan::Grant => self.enter(Stage::Grant, now),
            Plan::Custom => self.enter(Stage::Program, now),
        }
    }

    /// Takes over what credentials themselves bring: cookies, user agent, headers, tokens.
    pub(super) fn take_credentials(&mut self, credentials: &Credentials, now: Now) -> Result<(), Error> {
        self.tokens.take(credentials, self.compiled.platform())?;
        let is_wanted =
            |cookie: &Cookie| self.compiled.origins().iter().any(|origin| cookie.is_for_host(origin.host()));
        self.jar.judge_by(&self.settings.public_suffixes);
        self.jar.adopt(&credentials.jar, now.wall, &is_wanted);
        if let Some(cookies) = &credentials.cookies {
            self.jar.import_line(self.compiled.base(), cookies.expose(), now.wall)?;
        }
        Ok(())
    }

    /// Goes to a stage of the sign-in and does what it is there for.
    pub(super) fn enter(&mut self, stage: Stage, now: Now) {
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.stage = stage;
            sign_in.tries = 0;
            (sign_in.hop, sign_in.hops, sign_in.handshake) = (None, 0, None);
            self.send_sign_in(now);
        }
    }

    /// Sends the present stage's request, for the first time or once more.
    pub(in crate::machine) fn send_sign_in(&mut self, now: Now) {
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        sign_in.tries += 1;
        sign_in.at = None;
        let tries = sign_in.tries;
        match sign_in.stage {
            Stage::Step(index) => self.send_step(index, tries, now),
            Stage::Grant if sign_in.grant.is_none() => self.begin_grant(now),
            Stage::Grant => self.send_grant(now),
            Stage::Program => self.ask_program(now),
            Stage::Probe => {
                sign_in.at = self.compiled.identity().cloned();
                self.send_probe(tries, now);
            }
            Stage::Saving => {}
        }
    }
}

//! What trace does the bare core give? Time jumps from event to event.

use std::collections::BTreeMap;

use hallpass_core::effect::{CallId, Effect, EffectId};
use hallpass_core::error::Error;
use hallpass_core::host::{Sink, drain};
use hallpass_core::machine::{Notice, Reply, Session};
use hallpass_core::store::Record;
use hallpass_core::time::Mono;

use super::script::{Planned, Script};
use super::{Scenario, Step, What};

/// Plays a scenario and answers its trace.
pub fn run(scenario: &Scenario) -> Vec<String> {
    played(scenario).0
}

/// Plays a scenario and answers what the store holds at its end.
pub fn record(scenario: &Scenario) -> Option<Record> {
    played(scenario).1
}

fn played(scenario: &Scenario) -> (Vec<String>, Option<Record>) {
    let session = scenario.session();
    let script = Script::new(scenario, &session);
    let mut run =
        Run { scenario, session, script, at: 0, wake: None, due: BTreeMap::new(), issued: 0, calls: BTreeMap::new() };
    run.play();
    (run.session.take_trace(), run.script.record())
}

struct Run<'a> {
    scenario: &'a Scenario,
    session: Session,
    script: Script,
    at: u64,
    /// When the session wants to be polled again.
    wake: Option<u64>,
    /// Answers on their way, by the moment at which they arrive and the order in which their effects were put out.
    due: BTreeMap<(u64, u64), (EffectId, Planned)>,
    issued: u64,
    calls: BTreeMap<String, CallId>,
}

/// What one drain brought, in order.
#[derive(Default)]
struct Drained {
    effects: Vec<Effect>,
    abandoned: Vec<EffectId>,
}

impl Sink for Drained {
    fn run(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn abandon(&mut self, effect: EffectId) {
        self.effects.retain(|pending| pending.id() != effect);
        self.abandoned.push(effect);
    }

    fn reply(&mut self, _to: CallId, _reply: Result<Reply, Error>) {}

    fn notice(&mut self, _notice: Notice) {}
}

impl Run<'_> {
    fn play(&mut self) {
        let mut steps = self.scenario.steps.iter().peekable();
        loop {
            let step = steps.peek().map(|step| step.at);
            let answer = self.due.keys().next().map(|(at, _)| *at);
            let Some(next) = [step, answer, self.wake].into_iter().flatten().min() else { return };
            if next > self.scenario.end {
                return;
            }
            self.at = self.at.max(next);
            if step == Some(next) {
                self.step(steps.next().expect("it was seen"));
            } else if answer == Some(next) {
                let ((_, _), (effect, planned)) = self.due.pop_first().expect("it was seen");
                let outcome = self.script.arrive(planned);
                // A session that has gone on without it says so, and that is all.
                let _ = self.session.finish(effect, outcome, self.scenario.now(self.at));
            }
            self.drain();
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.scenario.now(self.at);
        let id = match step.what {
            What::Call => {
                let head = step.head(&self.session);
                self.session.call(head, now)
            }
            What::Cancel => return self.session.cancel(self.calls[&step.id], now),
            What::SignIn => self.session.sign_in(self.scenario.credentials(), now),
            What::Resume => self.session.resume(now),
            What::Renew => self.session.renew(now),
            What::Validate => self.session.validate(now),
            What::SignOut => self.session.sign_out(now),
            What::Save => self.session.save(now),
            What::Close => match step.within {
                Some(limit) => self.session.close_within(std::time::Duration::from_millis(limit), now),
                None => self.session.close(now),
            },
            What::Forget => self.session.forget(now),
        };
        self.calls.insert(step.id.clone(), id);
    }

    fn drain(&mut self) {
        let mut drained = Drained::default();
        let wait = drain(&mut self.session, &mut drained, self.scenario.now(self.at));
        self.wake = wait.map(|(at, _)| millis(at));
        self.due.retain(|_, (effect, _)| !drained.abandoned.contains(effect));
        for effect in drained.effects {
            let id = effect.id();
            if let Some(planned) = self.script.plan(effect) {
                self.issued += 1;
                self.due.insert((self.at + planned.after, self.issued), (id, planned));
            }
        }
    }
}

/// The first whole millisecond that is not before a moment.
pub fn millis(at: Mono) -> u64 {
    at.as_nanos().div_ceil(1_000_000)
}

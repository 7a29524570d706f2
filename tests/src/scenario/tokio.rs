//! Does tokio give the same trace? Its clock is paused and jumps; each call performs its effects in a task of its own, and the
//! session's own effects run in tasks of the runtime.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use hallpass_core::effect::{
    Answer, Arrival, Ask, CacheLoad, CacheStore, Cached, CallId, Declined, Effect, EffectId, Exchange, Failure, Lease,
    Load, Outcome, Permit, PermitAnswer, Release, Remove, Save, Sign, Signed,
};
use hallpass_core::error::Error;
use hallpass_core::host::{Host, Sink, drain, perform};
use hallpass_core::machine::{Notice, Reply, Session};
use hallpass_core::store::{LeaseNumber, Record, StoreError, Version};
use hallpass_core::time::Now;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use super::bare::millis;
use super::script::Script;
use super::{Scenario, Step, What};

/// Plays a scenario and answers its trace.
pub fn run(scenario: &Scenario) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), play(scenario.clone()))
}

struct World {
    scenario: Scenario,
    session: RefCell<Session>,
    script: RefCell<Script>,
    began: Instant,
    /// Who performs the effects of each call.
    calls: RefCell<BTreeMap<CallId, UnboundedSender<Effect>>>,
    wake: Cell<Option<u64>>,
    woken: Notify,
}

#[derive(Default)]
struct Drained {
    effects: Vec<Effect>,
    ended: Vec<CallId>,
}

impl Sink for Drained {
    fn run(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn abandon(&mut self, effect: EffectId) {
        self.effects.retain(|pending| pending.id() != effect);
    }

    fn reply(&mut self, to: CallId, _reply: Result<Reply, Error>) {
        self.ended.push(to);
    }

    fn notice(&mut self, _notice: Notice) {}
}

async fn play(scenario: Scenario) -> Vec<String> {
    let session = scenario.session();
    let script = RefCell::new(Script::new(&scenario, &session));
    let world = Rc::new(World {
        scenario,
        session: RefCell::new(session),
        script,
        began: Instant::now(),
        calls: RefCell::default(),
        wake: Cell::new(None),
        woken: Notify::new(),
    });
    spawn_local(keep_time(world.clone()));
    let mut ids = BTreeMap::new();
    for step in &world.scenario.steps {
        sleep_until(world.began + Duration::from_millis(step.at)).await;
        world.step(step, &mut ids);
    }
    sleep_until(world.began + Duration::from_millis(world.scenario.end)).await;
    world.session.borrow_mut().take_trace()
}

/// Polls the session when it wants to be.
async fn keep_time(world: Rc<World>) {
    loop {
        match world.wake.get() {
            None => world.woken.notified().await,
            Some(wake) => tokio::select! {
                () = sleep_until(world.began + Duration::from_millis(wake)) => world.drain(),
                () = world.woken.notified() => {}
            },
        }
    }
}

impl World {
    fn now(&self) -> Now {
        self.scenario.now(self.began.elapsed().as_millis() as u64)
    }

    fn step(self: &Rc<Self>, step: &Step, ids: &mut BTreeMap<String, CallId>) {
        let now = self.now();
        let mut session = self.session.borrow_mut();
        let id = match step.what {
            What::Call => {
                let head = step.head(&session);
                let id = session.call(head, now);
                let (to, mut effects) = unbounded_channel();
                self.calls.borrow_mut().insert(id, to);
                let world = self.clone();
                spawn_local(async move {
                    while let Some(effect) = effects.recv().await {
                        world.perform(effect).await;
                    }
                });
                Some(id)
            }
            What::Cancel => {
                session.cancel(ids[&step.id], now);
                None
            }
            What::SignIn => Some(session.sign_in(self.scenario.credentials(), now)),
            What::Resume => Some(session.resume(now)),
            What::Renew => Some(session.renew(now)),
            What::Validate => Some(session.validate(now)),
            What::SignOut => Some(session.sign_out(now)),
            What::Save => Some(session.save(now)),
            What::Close => Some(match step.within {
                Some(limit) => session.close_within(Duration::from_millis(limit), now),
                None => session.close(now),
            }),
            What::Forget => Some(session.forget(now)),
        };
        drop(session);
        if let Some(id) = id {
            ids.insert(step.id.clone(), id);
        }
        self.drain();
    }

    fn drain(self: &Rc<Self>) {
        let mut drained = Drained::default();
        let wait = drain(&mut self.session.borrow_mut(), &mut drained, self.now());
        self.wake.set(wait.map(|(at, _)| millis(at)));
        self.woken.notify_one();
        for effect in drained.effects {
            let performer = effect.call().and_then(|call| self.calls.borrow().get(&call).cloned());
            if let Some(performer) = performer {
                // A call that has ended meanwhile wants nothing any more.
                drop(performer.send(effect));
            } else {
                let world = self.clone();
                spawn_local(async move { world.perform(effect).await });
            }
        }
        for call in drained.ended {
            self.calls.borrow_mut().remove(&call);
        }
    }

    async fn perform(self: &Rc<Self>, effect: Effect) {
        let performed = perform(self.as_ref(), effect).await;
        // A session that has gone on without it says so, and that is all.
        let _ = performed.answer(&mut self.session.borrow_mut(), self.now());
        self.drain();
    }

    async fn outcome(&self, effect: Effect) -> Outcome {
        let planned = self.script.borrow_mut().plan(effect);
        let Some(planned) = planned else { return std::future::pending().await };
        if planned.after > 0 {
            sleep(Duration::from_millis(planned.after)).await;
        }
        self.script.borrow_mut().arrive(planned)
    }
}

impl Host for World {
    async fn exchange(&self, exchange: Box<Exchange>) -> Result<Arrival, Failure> {
        match self.outcome(Effect::Exchange(exchange)).await {
            Outcome::Exchange(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn load(&self, load: Load) -> Result<Option<Record>, StoreError> {
        match self.outcome(Effect::Load(Box::new(load))).await {
            Outcome::Load(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn save(&self, save: Save) -> Result<Version, StoreError> {
        match self.outcome(Effect::Save(Box::new(save))).await {
            Outcome::Save(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn remove(&self, remove: Remove) -> Result<(), StoreError> {
        match self.outcome(Effect::Remove(Box::new(remove))).await {
            Outcome::Remove(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn permit(&self, permit: Permit) -> PermitAnswer {
        match self.outcome(Effect::Permit(Box::new(permit))).await {
            Outcome::Permit(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn lease(&self, lease: Lease) -> Result<Option<LeaseNumber>, StoreError> {
        match self.outcome(Effect::Lease(Box::new(lease))).await {
            Outcome::Lease(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn release(&self, release: Release) -> Result<bool, StoreError> {
        match self.outcome(Effect::Release(Box::new(release))).await {
            Outcome::Release(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn cache_load(&self, load: CacheLoad) -> Option<Cached> {
        unreachable!("scenarios have no cache yet: {load:?}")
    }

    async fn cache_store(&self, store: CacheStore) -> bool {
        unreachable!("scenarios have no cache yet: {store:?}")
    }

    async fn sign(&self, sign: Sign) -> Result<Signed, Declined> {
        match self.outcome(Effect::Sign(Box::new(sign))).await {
            Outcome::Sign(result) => result,
            other => unreachable!("{other:?}"),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, Declined> {
        match self.outcome(Effect::Ask(Box::new(ask))).await {
            Outcome::Ask(result) => result,
            other => unreachable!("{other:?}"),
        }
    }
}

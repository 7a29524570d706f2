//! Drives one session's machine: its lock is held only while draining, and nothing of a program's runs under it.
//!
//! Effects of a call are performed in the caller's own task, through its [`Slot`]; effects of the session in tasks of the
//! runtime. A call on a session with a fresh token takes the lock twice, and neither spawns nor sends through a channel.

mod machine;
mod slot;

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallpass_core::effect::CallId;
use hallpass_core::error::Error;
use hallpass_core::host::{Performed, perform};
use hallpass_core::machine::{Head, Reply, Session as Core};
use hallpass_core::platform::Compiled;
use hallpass_core::time::Now;

use crate::body::CallBody;
use crate::client::Inner;
use crate::host::Performer;

pub(crate) use machine::{Acts, Machine, More};
pub(crate) use slot::{Event, Slot};

/// One session, as all its handles and tasks share it.
pub(crate) struct Shared {
    pub(crate) client: Arc<Inner>,
    pub(crate) account: Arc<str>,
    pub(crate) compiled: Arc<Compiled>,
    machine: Mutex<Machine>,
    /// How many handles programs hold.
    pub(crate) handles: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(client: Arc<Inner>, core: Core) -> Self {
        Self {
            client,
            account: Arc::clone(core.shared_account()),
            compiled: Arc::clone(core.compiled()),
            machine: Mutex::new(Machine::new(core)),
            handles: AtomicUsize::new(0),
        }
    }

    /// The machine. A poisoned lock means that the core panicked; what it holds is still the best there is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The platform's id.
    pub(crate) fn platform_id(&self) -> &str {
        &self.compiled.platform().id
    }

    pub(crate) fn now(&self) -> Now {
        self.client.clock.now()
    }

    /// Looks at the session without changing it.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Core) -> T) -> T {
        at(&self.lock().core)
    }

    /// Begins a call.
    pub(crate) fn begin_call(self: &Arc<Self>, head: Head, now: Now) -> Begun {
        self.begin(|core, now| core.call(head, now), now)
    }

    /// Gives a command that ends with a reply.
    pub(crate) fn begin(self: &Arc<Self>, command: impl FnOnce(&mut Core, Now) -> CallId, now: Now) -> Begun {
        let mut machine = self.lock();
        let id = command(&mut machine.core, now);
        let slot = machine.slot_for(id);
        let acts = self.drain(&mut machine, Some(id), now);
        drop(machine);
        self.act(acts.more);
        Begun { id, slot, first: acts.own }
    }

    /// Brings an answer back; what happens to `call` next, if anything.
    pub(crate) fn answer(self: &Arc<Self>, performed: Performed, call: Option<CallId>, now: Now) -> After {
        let mut machine = self.lock();
        // An answer that nobody waits for any more is no fault of anybody: its call was cancelled, or its deadline passed.
        let _ = performed.answer(&mut machine.core, now);
        let acts = self.drain(&mut machine, call, now);
        // Under the lock: a moment later somebody else may have made the answer this call's reply.
        let is_held = acts.own.is_some() || call.is_some_and(|call| machine.core.holds_answer(call));
        if call.is_none() {
            machine.rest();
        }
        drop(machine);
        self.act(acts.more);
        After { next: acts.own, is_held }
    }

    /// Fires what is due.
    pub(crate) fn tick(self: &Arc<Self>) {
        let now = self.now();
        let mut machine = self.lock();
        machine.scheduled = None;
        let acts = self.drain(&mut machine, None, now);
        machine.rest();
        drop(machine);
        self.act(acts.more);
    }

    /// Ends a call whose future was dropped, and nothing but that call.
    pub(crate) fn cancel(self: &Arc<Self>, call: CallId) {
        let now = self.now();
        let mut machine = self.lock();
        machine.core.cancel(call, now);
        let acts = self.drain(&mut machine, Some(call), now);
        machine.release(call);
        drop(machine);
        self.act(acts.more);
    }

    /// Closes a session that nobody holds any more, and keeps it until that is done; nobody hears how it went but the observer.
    pub(crate) fn abandon(self: &Arc<Self>) {
        let begun = self.begin(Core::close, self.now());
        if matches!(begun.first, Some(Event::Reply(_))) {
            return;
        }
        let shared = Arc::clone(self);
        drop(self.client.runtime.spawn(async move {
            let guard = Released { shared: &shared, id: begun.id, slot: begun.slot };
            while !matches!(poll_fn(|cx| guard.slot.poll(cx)).await, Event::Reply(_)) {}
        }));
    }

    /// Forgets where a call hears of things; it has ended.
    pub(crate) fn release(&self, call: CallId) {
        self.lock().release(call);
    }

    /// Polls the core until it waits, and leaves what happened where listeners find it. The timer is told under the session's lock, so
    /// that its moves come in the order in which they were decided.
    fn drain(self: &Arc<Self>, machine: &mut Machine, caller: Option<CallId>, now: Now) -> Acts {
        let mut acts = Acts::default();
        if let Some(moved) = machine.drain(caller, now, &mut acts) {
            self.client.timer.schedule(&self.client, moved, self);
        }
        if let Some(more) = &mut acts.more {
            more.listeners = self.client.events.post(self, &machine.core, &more.notices, now.wall);
        }
        acts
    }

    /// Does, outside of the lock, what was decided under it, but for what concerns the caller.
    fn act(self: &Arc<Self>, more: Option<Box<More>>) {
        let Some(more) = more else { return };
        for (call, slot, event) in more.others {
            slot.push(call, event);
        }
        for task in more.abandoned {
            task.abort();
        }
        for effect in more.session {
            let id = effect.id();
            let shared = Arc::clone(self);
            // Under the lock, so that the task cannot end before it is listed.
            let mut machine = self.lock();
            let task = self.client.runtime.spawn(async move {
                let performed = {
                    let (body, stash) = (CallBody::default(), Mutex::new(None));
                    let performer = Performer { session: &shared, body: &body, stash: &stash, now: shared.now() };
                    perform(&performer, effect).await
                };
                shared.lock().task_ended(id);
                let _: After = shared.answer(performed, None, shared.now());
            });
            machine.task_began(id, task.abort_handle());
        }
        for listener in more.listeners {
            listener.wake();
        }
        for notice in &more.notices {
            self.client.observe(&self.account, notice);
        }
    }

    /// Runs a command to its end.
    pub(crate) async fn run(self: &Arc<Self>, command: impl FnOnce(&mut Core, Now) -> CallId) -> Result<(), Error> {
        let begun = self.begin(command, self.now());
        self.ended(begun).await
    }

    /// Waits for the end of a command that has begun.
    pub(crate) async fn ended(self: &Arc<Self>, begun: Begun) -> Result<(), Error> {
        let guard = Released { shared: self, id: begun.id, slot: begun.slot };
        let mut next = begun.first;
        loop {
            match next {
                Some(Event::Reply(reply)) => return reply.map(|_: Reply| ()),
                Some(Event::Run(_)) | None => {}
            }
            next = Some(poll_fn(|cx| guard.slot.poll(cx)).await);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let scheduled = self.machine.get_mut().unwrap_or_else(PoisonError::into_inner).scheduled;
        if let Some(at) = scheduled {
            self.client.timer.forget(at, self);
        }
        self.client.live.leave(&self.compiled.platform().id, self);
        self.client.events.end_of(self);
        let stats = self.look(Core::stats);
        self.client.ledger().add(self.platform_id(), &stats);
    }
}

/// What happens to a call once an answer of its own was brought back.
pub(crate) struct After {
    /// What happens next; nothing: it waits.
    pub(crate) next: Option<Event>,
    /// Whether the answer that it got may still be its reply.
    pub(crate) is_held: bool,
}

/// A call or command that has begun.
pub(crate) struct Begun {
    pub(crate) id: CallId,
    /// Where it hears of what happens to it, but for what it brings about itself.
    pub(crate) slot: Arc<Slot>,
    /// What happens to it first.
    pub(crate) first: Option<Event>,
}

/// Gives a slot back when its command is over, or its future dropped: the command goes on.
struct Released<'a> {
    shared: &'a Arc<Shared>,
    id: CallId,
    slot: Arc<Slot>,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        let mut machine = self.shared.lock();
        machine.release(self.id);
        machine.rest();
    }
}

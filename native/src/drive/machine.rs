//! What is behind a session's lock: the core, and who is to hear what it says.

use std::sync::Arc;
use std::task::Waker;

use hallpass_core::effect::{CallId, Effect, EffectId};
use hallpass_core::error::Error;
use hallpass_core::host::{Sink, drain};
use hallpass_core::machine::{Notice, Reply, Session as Core};
use hallpass_core::time::{Mono, Now};
use tokio::task::AbortHandle;

use super::slot::{Event, Slot};
use crate::timer::Move;

/// What is behind a session's lock.
pub(crate) struct Machine {
    pub(crate) core: Core,
    /// Absent while the session rests.
    busy: Option<Box<Busy>>,
    /// When the timer will look at this session next.
    pub(crate) scheduled: Option<Mono>,
}

/// What only calls and tasks under way need.
#[derive(Default)]
struct Busy {
    /// Where each call hears of things, by [`CallId::slot`].
    slots: Vec<Option<(CallId, Arc<Slot>)>>,
    spare: Vec<Arc<Slot>>,
    /// Effects of the session that tasks are performing.
    tasks: Vec<(EffectId, AbortHandle)>,
}

/// What is to be done once the lock is released.
#[derive(Default)]
pub(crate) struct Acts {
    /// What concerns the call that drained.
    pub(crate) own: Option<Event>,
    /// Mostly there is nothing else.
    pub(crate) more: Option<Box<More>>,
}

/// What concerns others than the call that drained.
#[derive(Default)]
pub(crate) struct More {
    pub(crate) others: Vec<(CallId, Arc<Slot>, Event)>,
    pub(crate) session: Vec<Effect>,
    pub(crate) abandoned: Vec<AbortHandle>,
    pub(crate) notices: Vec<Notice>,
    /// Who is to be woken, having been told of the notices.
    pub(crate) listeners: Vec<Waker>,
}

impl Acts {
    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

impl Machine {
    pub(crate) fn new(core: Core) -> Self {
        Self { core, busy: None, scheduled: None }
    }

    /// Gives a new call its letter box.
    pub(crate) fn slot_for(&mut self, call: CallId) -> Arc<Slot> {
        let busy = self.busy.get_or_insert_default();
        let slot = busy.spare.pop().unwrap_or_default();
        slot.belong_to(call);
        let index = call.slot();
        if busy.slots.len() <= index {
            busy.slots.resize(index + 1, None);
        }
        busy.slots[index] = Some((call, Arc::clone(&slot)));
        slot
    }

    /// Takes a call's letter box back, unless that was done before.
    pub(crate) fn release(&mut self, call: CallId) {
        let Some(busy) = &mut self.busy else { return };
        let Some(place) = busy.slots.get_mut(call.slot()) else { return };
        let Some((_, slot)) = place.take_if(|(owner, _)| *owner == call) else { return };
        slot.clear();
        if busy.spare.len() < SPARE {
            busy.spare.push(slot);
        }
    }

    /// Lists the task that performs an effect of the session.
    pub(crate) fn task_began(&mut self, effect: EffectId, task: AbortHandle) {
        self.busy.get_or_insert_default().tasks.push((effect, task));
    }

    /// Takes a task off the list: it has performed its effect.
    pub(crate) fn task_ended(&mut self, effect: EffectId) {
        self.busy.as_mut().and_then(|busy| busy.take_task(effect));
    }

    /// Gives back what only calls and tasks under way need, so that a crowd of sessions at rest is small.
    pub(crate) fn rest(&mut self) {
        self.core.rest();
        self.busy.take_if(|busy| busy.is_over());
    }

    /// Polls the core until it waits. What concerns `caller` comes back in [`Acts::own`]; if that is its end, its letter box is
    /// taken back with it. Where the session's place in the timer is another now, the move is the timer's to make at once.
    pub(crate) fn drain(&mut self, caller: Option<CallId>, now: Now, acts: &mut Acts) -> Option<Move> {
        let mut sorting = Sorting { busy: self.busy.as_deref_mut(), caller, acts };
        let until = drain(&mut self.core, &mut sorting, now);
        let moved = until.and_then(|(at, _)| self.moved(at, caller));
        if let (Some(caller), Some(Event::Reply(_))) = (caller, &acts.own) {
            self.release(caller);
        }
        moved
    }

    /// The session wants to be looked at then. A call, which mostly ends long before its deadline, leaves an earlier moment as it is,
    /// which costs one look; what the session does by itself is rare, and a look at a session at rest is dear where there are many.
    fn moved(&mut self, to: Mono, caller: Option<CallId>) -> Option<Move> {
        let is_right = self.scheduled.is_some_and(|at| at == to || (at < to && caller.is_some()));
        (!is_right).then(|| Move { from: self.scheduled.replace(to), to })
    }
}

impl Busy {
    fn take_task(&mut self, effect: EffectId) -> Option<AbortHandle> {
        let at = self.tasks.iter().position(|(id, _)| *id == effect)?;
        Some(self.tasks.swap_remove(at).1)
    }

    fn is_over(&self) -> bool {
        self.tasks.is_empty() && self.slots.iter().all(Option::is_none)
    }
}

/// Sorts a session's outputs by who is to hear of them.
struct Sorting<'a> {
    busy: Option<&'a mut Busy>,
    caller: Option<CallId>,
    acts: &'a mut Acts,
}

impl Sorting<'_> {
    fn hand(&mut self, call: CallId, event: Event) {
        if self.caller == Some(call) {
            // Should a call be told to do something and to end at once, its end is what counts.
            self.acts.own = Some(event);
        } else if let Some(busy) = &self.busy
            && let Some(Some((owner, slot))) = busy.slots.get(call.slot())
            && *owner == call
        {
            self.acts.more().others.push((call, Arc::clone(slot), event));
        }
    }
}

impl Sink for Sorting<'_> {
    fn run(&mut self, effect: Effect) {
        match effect.call() {
            Some(call) => self.hand(call, Event::Run(effect)),
            None => self.acts.more().session.push(effect),
        }
    }

    fn abandon(&mut self, effect: EffectId) {
        // A call's own effect ends with the reply that follows.
        if let Some(more) = &mut self.acts.more {
            more.session.retain(|waiting| waiting.id() != effect);
        }
        if let Some(task) = self.busy.as_mut().and_then(|busy| busy.take_task(effect)) {
            self.acts.more().abandoned.push(task);
        }
    }

    fn reply(&mut self, to: CallId, reply: Result<Reply, Error>) {
        self.hand(to, Event::Reply(reply));
    }

    fn notice(&mut self, notice: Notice) {
        self.acts.more().notices.push(notice);
    }
}

/// Letter boxes kept for later calls.
const SPARE: usize = 256;

//! What can be chosen for a rota?

use std::time::Duration;

/// Which member a turn gets that has no key, or a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// The one that was given least recently.
    #[default]
    RoundRobin,
    /// The one with the fewest leases, among equals the one with the fewest uses.
    LeastUsed,
    /// For a new key the member that the two hash to, so that every process picks the same (rendezvous hashing), and the turn waits
    /// for it; without a key as [`LeastUsed`](Self::LeastUsed).
    Sticky,
}

/// How a rota behaves. A key keeps its member under every policy, as long as that member can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Which member comes next.
    pub policy: Policy,
    /// How many leases a member's session carries at once; one is exclusive.
    pub concurrent: u32,
    /// How many leases a member gets before it retires.
    pub uses: Option<u64>,
    /// How long a member is given, from when it was added or came back, before it retires.
    pub age: Option<Duration>,
    /// How long a retired member rests before its caps start anew; for ever when nothing is said.
    pub rest: Option<Duration>,
    /// How long a broken member is left alone the first time; doubled (up to eightfold) each time that it breaks on trial.
    pub cool_down: Duration,
    /// How long a throttled member pauses where the platform does not say.
    pub pause: Duration,
    /// How long health takes to come back by itself, from none to all of it.
    pub recovery: Duration,
    /// How long an offer stands before the next waiter gets it.
    pub claim: Duration,
    /// How many turns may wait.
    pub waiting: usize,
    /// How many keys are remembered; the one unused for longest is forgotten first.
    pub keys: usize,
}

impl Default for Rules {
    /// Round robin, exclusive, no caps; a cool-down of 30 s, a pause of 10 s, a recovery of 10 minutes, a claim of 250 ms, 10,000
    /// waiters and 10,000 keys.
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            concurrent: 1,
            uses: None,
            age: None,
            rest: None,
            cool_down: Duration::from_secs(30),
            pause: Duration::from_secs(10),
            recovery: Duration::from_secs(600),
            claim: Duration::from_millis(250),
            waiting: 10_000,
            keys: 10_000,
        }
    }
}

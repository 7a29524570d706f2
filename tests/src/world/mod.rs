//! Do the laws hold whatever happens? A platform, an issuer, a store, one or two processes and their programs, all drawn from a seed.
//!
//! The laws, checked at every step:
//!
//! 1. Every call and command ends exactly once, a call by its deadline.
//! 2. At most one renewal is in flight, and each has a reason: a window, a refusal of its generation, or the program.
//! 3. No refresh token is sent twice, unless it was certainly not used; so the strict issuer never sees a reuse.
//! 4. No refresh token is sent that is not saved, unless the program allows it.
//! 5. No call is sent with a generation whose save was not answered.
//! 6. A lower generation never overwrites a higher one in the store.
//! 7. Credentials go to the platform's origin only.
//! 8. A call that is not idempotent is acted upon at most once.
//! 9. `poll` ends; the same seed gives the same trace; at the end nothing is pending; a session has ended or is of use.
//!
//! Two processes share a store in some worlds: with leases, and then they are stopped for a while and their civil clocks are set; or without, where
//! the platform says `reuse_safe`. Not drawn yet: recipes other than the refresh token, probes, body rules and restarts.

mod issuer;
mod laws;
mod process;
mod rng;
mod server;

use rng::Rng;

use hallpass_core::effect::Effect;
use hallpass_core::store::LeaseNumber;
use issuer::Issuer;
use process::{Process, Ways};

use crate::dialogue::{Mode, Shelf};

/// Everything there is.
#[derive(Debug)]
struct World {
    rng: Rng,
    /// Virtual milliseconds.
    at: u64,
    issuer: Issuer,
    shelf: Shelf,
    leases: Leases,
    /// The generation that the store holds.
    stored: u64,
    /// Whether everything goes well from now on.
    is_calm: bool,
    processes: Vec<Process>,
}

/// The lease of the one record.
#[derive(Debug, Default)]
struct Leases {
    last: u64,
    held_until: u64,
}

impl Leases {
    fn take(&mut self, hold: u64, at: u64) -> Option<LeaseNumber> {
        (at >= self.held_until).then(|| {
            self.last += 1;
            self.held_until = at + hold;
            LeaseNumber(self.last)
        })
    }

    fn let_go(&mut self, number: LeaseNumber, at: u64) -> bool {
        let is_held = number.0 == self.last && at < self.held_until;
        if is_held {
            self.held_until = at;
        }
        is_held
    }
}

/// What became of a world.
#[derive(Debug)]
pub struct Outcome {
    /// The traces of its sessions.
    pub trace: Vec<String>,
    /// Calls that ended with an answer of 2xx.
    pub served: u64,
    /// Renewals that succeeded.
    pub renewals: u64,
    /// Sign-ins that succeeded.
    pub sign_ins: u64,
}

/// Lives one world through, and panics where a law is broken.
pub fn live(seed: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let is_shared = rng.percent(40);
    // Where refresh tokens must not be used twice, processes that share a store hold leases.
    let is_leased = is_shared && rng.percent(60);
    let mut issuer = Issuer::default();
    issuer.is_lenient = is_shared && !is_leased;
    issuer.lifetime = [5, 20, 60, 300, 3600][rng.below(5) as usize];
    let shelf = Shelf::default();
    let is_kept = is_shared || rng.percent(75);
    let is_bold = !is_shared && rng.percent(20);
    let count = if is_shared { 2 } else { 1 };
    let ways = Ways { is_lenient: issuer.is_lenient, is_kept, is_bold, is_leased };
    let process = |number: u64| Process::new(seed ^ number << 32, ways);
    let processes = (0..count).map(process).collect();
    let mut world =
        World { rng, at: 0, issuer, shelf, leases: Leases::default(), stored: 0, is_calm: false, processes };
    for _ in 0..STEPS {
        world.step();
    }
    world.calm_down();
    world.outcome()
}

impl World {
    /// One thing happens.
    fn step(&mut self) {
        let who = self.rng.below(self.processes.len() as u64) as usize;
        if self.rng.percent(4) {
            self.shelf.mode = if self.rng.percent(30) { Mode::Down } else { Mode::Up };
        }
        if self.rng.percent(2) {
            self.issuer.revoke();
        }
        if self.rng.percent(45) {
            self.act(who);
        }
        if self.processes.len() > 1 {
            self.disturb(who);
        }
        let by = match self.rng.below(10) {
            0..=5 => self.rng.below(200),
            6..=8 => self.rng.below(3000),
            _ => self.rng.below(self.issuer.lifetime * 1000),
        };
        self.pass(by);
    }

    /// A process is stopped for a while, or its civil clock is set.
    fn disturb(&mut self, who: usize) {
        let process = &mut self.processes[who];
        if self.rng.percent(3) {
            process.stop(self.at + self.rng.below(120_000));
        }
        if self.rng.percent(2) {
            process.set_clock([0, 5_000, -5_000, 600_000, -600_000][self.rng.below(5) as usize]);
        }
    }

    /// The program of one process does something.
    fn act(&mut self, who: usize) {
        let process = &mut self.processes[who];
        process.act(&mut self.rng, &mut self.issuer, self.at);
        self.drain(who);
    }

    /// Time passes; whatever is due happens, in an order of its own.
    fn pass(&mut self, by: u64) {
        let end = self.at + by;
        for rounds in 0.. {
            assert!(rounds < 100_000, "the world does not come to rest at {}", self.at);
            let next = self.processes.iter().filter_map(Process::next).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.at = self.at.max(next);
            let due: Vec<usize> = (0..self.processes.len())
                .filter(|who| self.processes[*who].next().is_some_and(|at| at <= self.at))
                .collect();
            let who = due[self.rng.below(due.len() as u64) as usize];
            self.wake(who);
        }
        self.at = end;
    }

    /// Something is due at one process: an answer, or the moment it waits for.
    fn wake(&mut self, who: usize) {
        if let Some(arriving) = self.processes[who].take_due(self.at, &mut self.rng) {
            let outcome = match arriving.what {
                process::Coming::Outcome(outcome) => outcome,
                process::Coming::Store(effect) => self.store(who, &effect),
            };
            self.processes[who].answer(arriving.effect, outcome, self.at);
        }
        self.drain(who);
    }

    fn store(&mut self, who: usize, effect: &Effect) -> hallpass_core::effect::Outcome {
        let is_up = self.shelf.mode == Mode::Up;
        let outcome = match effect {
            Effect::Lease(lease) if is_up => {
                hallpass_core::effect::Outcome::Lease(Ok(self.leases.take(lease.hold.as_millis() as u64, self.at)))
            }
            Effect::Release(release) if is_up => {
                hallpass_core::effect::Outcome::Release(Ok(self.leases.let_go(release.number, self.at)))
            }
            _ => self.shelf.perform(effect).expect("an effect of the store"),
        };
        if let (Effect::Save(_), hallpass_core::effect::Outcome::Save(Ok(_))) = (effect, &outcome) {
            let generation = self.processes[who].seen.saving(effect.id());
            assert!(generation >= self.stored, "generation {generation} overwrites {}", self.stored);
            self.stored = generation;
        }
        outcome
    }

    fn drain(&mut self, who: usize) {
        for effect in self.processes[who].drain(self.at, self.issuer.lifetime) {
            let id = effect.id();
            let (after, what) = match effect {
                Effect::Exchange(exchange) => {
                    let Some((after, result)) = self.serve(who, &exchange) else { continue };
                    (after, process::Coming::Outcome(hallpass_core::effect::Outcome::Exchange(result)))
                }
                Effect::Permit(_) => {
                    let answer = if self.is_calm || self.rng.percent(95) {
                        hallpass_core::effect::PermitAnswer::Granted
                    } else {
                        hallpass_core::effect::PermitAnswer::Denied
                    };
                    (self.rng.below(3), process::Coming::Outcome(hallpass_core::effect::Outcome::Permit(answer)))
                }
                store => {
                    let after = if !self.is_calm && self.rng.percent(3) { 6000 } else { self.rng.below(40) };
                    (after, process::Coming::Store(store))
                }
            };
            self.processes[who].expect(self.at + after, id, what);
        }
    }

    /// Nothing goes wrong any more: everything comes to an end, and sessions are of use or have ended.
    fn calm_down(&mut self) {
        self.is_calm = true;
        self.shelf.mode = Mode::Up;
        for process in &mut self.processes {
            process.stop(0);
        }
        self.pass(900_000);
        for who in 0..self.processes.len() {
            assert_eq!(self.processes[who].open(), 0, "calls or commands are pending after a quarter of an hour");
            self.processes[who].check_use(self.at);
            self.drain(who);
            self.pass(120_000);
            self.processes[who].was_of_use();
            self.processes[who].close(self.at);
            self.drain(who);
            self.pass(120_000);
            self.processes[who].has_closed();
        }
        assert!(self.issuer.reused == 0, "the issuer saw a refresh token twice");
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome { trace: Vec::new(), served: 0, renewals: 0, sign_ins: 0 };
        for process in &mut self.processes {
            outcome.trace.extend(process.session.take_trace());
            outcome.served += process.seen.served;
            outcome.renewals += process.session.stats().renewals;
            outcome.sign_ins += process.session.stats().sign_ins;
        }
        outcome
    }
}

impl Drop for World {
    /// Shows how it came to this, where a law was broken.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for process in &mut self.processes {
                let lines = process.session.take_trace();
                let last = &lines[lines.len().saturating_sub(40)..];
                eprintln!("the last that was seen:\n{}", last.join("\n"));
            }
        }
    }
}

/// Things that happen in a world before it calms down.
const STEPS: u32 = 250;

//! `hallpass demo`: does it hold against a real platform that expires, rotates, throttles and drops?
//!
//! A testbed listens on loopback with threads of its own. One program signs the accounts in and fetches the first half; it
//! ends, runtime and all; another opens the sealed store and fetches the second half. What both counted is then held against
//! what the platform counted.
//!
//! **Invariant:** the seed decides the platform's faults and nothing else; the key of the store is drawn anew on every run.

mod closing;
mod ledger;
mod program;
mod stage;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Instant;

use hallpass::{Error, Kind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zeroize::Zeroizing;

use crate::args::Demo;
use crate::commands::unwritable;
use crate::outcome::{Exit, Failure};
use crate::report;

use self::ledger::Ledger;
use self::program::{Begin, Program};
use self::stage::Stage;

pub(crate) fn run(wanted: &Demo) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let seed = match wanted.seed {
        Some(seed) => seed,
        None => u64::from(u32::from_be_bytes(random()?)),
    };
    let tells = if wanted.json { Tells::Nothing } else { Tells::Steps };
    let stage = Arc::new(Stage::open(seed, wanted.accounts)?);
    let folder = tempfile::tempdir().map_err(|error| unwritable("a temporary folder", &error))?;
    let secret = Zeroizing::new(random::<32>()?);
    let ledger = Arc::new(Ledger::new(stage.accounts(), progress(wanted, tells)));
    let half = wanted.calls / 2;
    let program = |first, last, begin| Program {
        stage: &stage,
        folder: folder.path(),
        secret: &secret,
        ledger: &ledger,
        first,
        last,
        begin,
    };

    tells.step(&ledger, &format!("a platform listens on {} (seed {seed})", stage.url()));
    program(0, half, Begin::SigningIn).run()?;
    tells.step(
        &ledger,
        &format!("the program ended after {half} resources an account; its sessions are sealed in the store"),
    );
    program(half, wanted.calls, Begin::Resuming).run()?;
    ledger.progress().finish_and_clear();
    tells.step(&ledger, "another program resumed all sessions without signing in, and fetched the rest");

    let closing = closing::Closing::new(seed, wanted.calls, half, &ledger, &stage.stats(), begun.elapsed());
    closing.print(wanted)?;
    if closing.holds() {
        return Ok(Exit::Served);
    }
    let what = format!("the demo did not hold: {}", closing.problems().join("; "));
    Err(Failure::from(Error::new(Kind::Misuse, what)).with_exit(Exit::Other))
}

/// What is told of the demo's steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tells {
    Steps,
    Nothing,
}

impl Tells {
    fn step(self, ledger: &Ledger, text: &str) {
        if self == Self::Steps {
            ledger.progress().suspend(|| report::line(text));
        }
    }
}

fn progress(wanted: &Demo, tells: Tells) -> ProgressBar {
    let is_seen = tells == Tells::Steps && std::io::stderr().is_terminal();
    let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(wanted.accounts * wanted.calls), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} resources  {msg}") {
        bar.set_style(style);
    }
    bar
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the system's random generator failed: {error}")))?;
    Ok(bytes)
}

//! Which core does a process run on, and how much of it did it use?

use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Which side of a bench a process is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Keeps this process, and the threads it starts from now on, on a core of its side. Says on standard error where it cannot.
pub(crate) fn pin(side: Side) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return say("cannot tell which cores there are; nothing is pinned");
    };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).take(2).collect();
    let core = match (side, cores.as_slice()) {
        (Side::Server, [first, _]) => *first,
        (Side::Client, [_, second]) => *second,
        (Side::Server | Side::Client, _) => {
            return say("there is one core only: client and server share it, and rates mean little");
        }
    };
    let mut one = CpuSet::new();
    one.set(core);
    if let Err(error) = sched_setaffinity(None, &one) {
        say(&format!("cannot pin to core {core}: {error}"));
    }
}

/// User and system time that this process has used.
pub(crate) fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn say(sentence: &str) {
    eprintln!("bench: {sentence}");
}

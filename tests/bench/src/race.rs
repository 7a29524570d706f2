//! How many calls a second, and for how much CPU each? One lap of one contender.

use std::time::{Duration, Instant};

use crate::cores;
use crate::figure::Failure;
use crate::lines::{Line, Lines};

/// What one lap took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lap {
    calls: usize,
    elapsed: Duration,
    used: Duration,
}

impl Lap {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of CPU, user and system, a call.
    pub(crate) fn cpu(&self) -> f64 {
        self.used.as_secs_f64() * 1e6 / self.calls as f64
    }
}

/// So many tasks make so many calls together, over lines that have been used before.
pub(crate) async fn lap<L: Lines>(lines: &L, tasks: usize, calls: usize) -> Result<Lap, Failure> {
    let each = calls / tasks;
    let mut ready = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        ready.push(lines.line().await?);
    }
    // Together, so that a pool comes to hold a connection for each.
    let ready = run(ready, WARM_UP).await?;
    let (started, used) = (Instant::now(), cores::used());
    run(ready, each).await?;
    Ok(Lap { calls: each * tasks, elapsed: started.elapsed(), used: cores::used().saturating_sub(used) })
}

async fn run<L: Line>(lines: Vec<L>, each: usize) -> Result<Vec<L>, Failure> {
    let start = |mut line: L| {
        tokio::spawn(async move {
            for _ in 0..each {
                line.call().await?;
            }
            Ok::<L, Failure>(line)
        })
    };
    let tasks: Vec<_> = lines.into_iter().map(start).collect();
    let mut back = Vec::with_capacity(tasks.len());
    for task in tasks {
        back.push(task.await??);
    }
    Ok(back)
}

const WARM_UP: usize = 50;

//! How many calls a second, and for how much CPU each? One lap of one contender.

use std::time::{Duration, Instant};

use crate::cores;
use crate::lines::{Line, Lines};
use hallpass_bench::figure::Failure;

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

/// So many tasks make calls for so long, over lines that have been used before.
pub(crate) async fn lap<L: Lines>(lines: &L, tasks: usize, length: Duration) -> Result<Lap, Failure> {
    let mut ready = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        ready.push(lines.line().await?);
    }
    // Together, so that a pool comes to hold a connection for each.
    let (ready, _) = run(ready, WARM_UP).await?;
    let (started, used) = (Instant::now(), cores::used());
    let (_, calls) = run(ready, length).await?;
    Ok(Lap { calls, elapsed: started.elapsed(), used: cores::used().saturating_sub(used) })
}

async fn run<L: Line>(lines: Vec<L>, length: Duration) -> Result<(Vec<L>, usize), Failure> {
    let until = Instant::now() + length;
    let start = |mut line: L| {
        tokio::spawn(async move {
            let mut calls = 0;
            while Instant::now() < until {
                line.call().await?;
                calls += 1;
            }
            Ok::<_, Failure>((line, calls))
        })
    };
    let tasks: Vec<_> = lines.into_iter().map(start).collect();
    let (mut back, mut total) = (Vec::with_capacity(tasks.len()), 0);
    for task in tasks {
        let (line, calls) = task.await??;
        back.push(line);
        total += calls;
    }
    Ok((back, total))
}

const WARM_UP: Duration = Duration::from_millis(50);

//! How long does it take to find one session among many, while others look too?

use std::hint::black_box;
use std::time::Instant;

use hallpass::Client;
use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{PLATFORM, account};

/// Nanoseconds from a look-up's start to its end, as eight tasks do them side by side on the runtime's threads.
pub(crate) async fn from_eight_tasks(client: &Client, size: usize) -> Result<Figure, Failure> {
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let client = client.clone();
        // Names are made before the clock starts, in an order that no cache foresees.
        let names: Vec<String> = (0..LOOKS).map(|look| account((look * 7_919 + task * 104_729) % size)).collect();
        tasks.push(tokio::spawn(async move {
            let started = Instant::now();
            let mut found = 0;
            for name in &names {
                found += usize::from(black_box(client.session(PLATFORM, black_box(name))).is_some());
            }
            (found, started.elapsed())
        }));
    }
    let mut nanos = 0.0;
    for task in tasks {
        let (found, took) = task.await?;
        if found != LOOKS {
            return Err(format!("{found} of {LOOKS} sessions were found").into());
        }
        nanos += took.as_secs_f64() * 1e9;
    }
    Ok(Figure::new(format!("sessions.lookup.{size}"), nanos / (TASKS * LOOKS) as f64, "ns", Target::None))
}

const TASKS: usize = 8;
const LOOKS: usize = 100_000;

//! How long does it take to find one session among many, while others look too?
//!
//! Both the processor's time and the clock's are told: on a machine with other work to do, the second holds that work as well.

use std::hint::black_box;
use std::time::Instant;

use hallpass::Client;
use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{PLATFORM, account};
use crate::spent::thread_time;

/// Nanoseconds of processor time that a look-up takes, and nanoseconds from its start to its end, as eight tasks do them side by side on
/// the runtime's threads.
pub(crate) async fn from_eight_tasks(client: &Client, size: usize) -> Result<[Figure; 2], Failure> {
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let client = client.clone();
        // Names are made before the clock starts, in an order that no cache foresees.
        let names: Vec<String> = (0..LOOKS).map(|look| account((look * 7_919 + task * 104_729) % size)).collect();
        tasks.push(tokio::spawn(async move {
            // Nothing is awaited, so the task stays on its thread.
            let (started, spent) = (Instant::now(), thread_time());
            let mut found = 0;
            for name in &names {
                found += usize::from(black_box(client.session(PLATFORM, black_box(name))).is_some());
            }
            (found, thread_time().saturating_sub(spent), started.elapsed())
        }));
    }
    let (mut busy, mut waited) = (0.0, 0.0);
    for task in tasks {
        let (found, spent, took) = task.await?;
        if found != LOOKS {
            return Err(format!("{found} of {LOOKS} sessions were found").into());
        }
        busy += spent.as_secs_f64() * 1e9;
        waited += took.as_secs_f64() * 1e9;
    }
    let each = |nanos: f64| nanos / (TASKS * LOOKS) as f64;
    Ok([
        Figure::new(format!("sessions.lookup.{size}"), each(busy), "ns", Target::None),
        Figure::new(format!("sessions.lookup_elapsed.{size}"), each(waited), "ns", Target::None),
    ])
}

const TASKS: usize = 8;
const LOOKS: usize = 100_000;

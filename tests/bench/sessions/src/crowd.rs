//! What does each of so many sessions take, to make and to keep?
//!
//! Bytes are what was asked of the allocator between an empty client and one with all its sessions signed in, over their number, less
//! each session's own account name and tokens. The handles that the program keeps are not in it. The resident set, with the allocator's
//! own losses, is printed beside it.

use std::time::Instant;

use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{Issuer, Manner, OWN_BYTES};
use crate::spent::process_time;
use crate::{HEAP, lookup};

pub(crate) fn measure(sizes: &[usize]) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for size in sizes {
        figures.extend(measure_one(*size)?);
    }
    Ok(figures)
}

fn measure_one(size: usize) -> Result<Vec<Figure>, Failure> {
    let issuer = Issuer::new(Manner::quiet(size));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let handle = runtime.handle().clone();
    let (sessions, client, mut figures) = runtime.block_on(async {
        let client = issuer.client()?;
        // What the first session brings about for all is not the others'.
        let first = issuer.sign_in_all(&client, 1).await?;
        let (heap, pages) = (HEAP.current_usage(), resident());
        let (started, spent) = (Instant::now(), process_time());
        let sessions = issuer.sign_in_all(&client, size).await?;
        let (took, spent) = (started.elapsed(), process_time().saturating_sub(spent));
        drop(first);
        let handles = sessions.capacity() * size_of::<hallpass::Session>();
        let each = |bytes: usize| bytes.saturating_sub(handles) as f64 / size as f64 - OWN_BYTES as f64;
        let named = |what: &str| format!("sessions.{what}.{size}");
        let figures = vec![
            Figure::new(
                named("bytes"),
                each(HEAP.current_usage().saturating_sub(heap)),
                "bytes",
                Target::AtMost(1024.0),
            ),
            Figure::new(named("resident"), each(resident().saturating_sub(pages)), "bytes", Target::None),
            Figure::new(named("create"), spent.as_secs_f64() * 1e6 / size as f64, "µs", Target::None),
            Figure::new(named("create_elapsed"), took.as_secs_f64() * 1e6 / size as f64, "µs", Target::None),
        ];
        Ok::<_, Failure>((sessions, client, figures))
    })?;
    if issuer.granted() != size as u64 + 1 {
        return Err(format!("{size} sessions signed in with {} exchanges", issuer.granted()).into());
    }
    figures.extend(handle.block_on(lookup::from_eight_tasks(&client, size))?);
    drop(sessions);
    Ok(figures)
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.as_deref().and_then(|line| line.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}

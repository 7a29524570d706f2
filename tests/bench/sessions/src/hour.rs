//! How long does a simulated hour take in which every session's token ends, or every session is kept alive, and does a larger crowd
//! make each of that dearer?
//!
//! The clock is tokio's paused one: it jumps to the next moment that anybody waits for. **Invariant:** what is counted happens exactly
//! once to each session within the hour. The hour is told in seconds of the clock on the wall, each of what happens in it in the
//! processor's time, which holds no other work of the machine.

use std::time::{Duration, Instant};

use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{Issuer, Manner};
use crate::spent::thread_time;

/// What happens to each session once in the hour.
#[derive(Clone, Copy, Debug)]
enum Event {
    Renewal,
    KeepAlive,
}

pub(crate) fn measure(sizes: &[usize]) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for event in [Event::Renewal, Event::KeepAlive] {
        figures.extend(event.measure(sizes)?);
    }
    Ok(figures)
}

/// What a renewal costs the largest crowd where another one has come and gone: its sessions' parts lie wherever there is room.
pub(crate) fn measure_again(sizes: &[usize]) -> Result<Vec<Figure>, Failure> {
    let Some(size) = sizes.last() else { return Ok(Vec::new()) };
    Event::KeepAlive.hour_of(*size)?;
    let spent = Event::Renewal.hour_of(*size)?.spent.as_secs_f64() * 1e6 / *size as f64;
    Ok(vec![Figure::new(format!("sessions.renewal_in_used_memory.{size}"), spent, "µs", Target::None)])
}

/// What an hour took.
struct Hour {
    elapsed: Duration,
    spent: Duration,
}

impl Event {
    fn measure(self, sizes: &[usize]) -> Result<Vec<Figure>, Failure> {
        let (name, hour) = match self {
            Self::Renewal => ("renewal", "hour"),
            Self::KeepAlive => ("keep_alive", "hour_kept_alive"),
        };
        let mut figures = Vec::new();
        let mut each = Vec::new();
        for size in sizes {
            let took = self.middle_hour_of(*size)?;
            each.push(took.spent.as_secs_f64() * 1e6 / *size as f64);
            figures.push(Figure::new(format!("sessions.{hour}.{size}"), took.elapsed.as_secs_f64(), "s", Target::None));
        }
        if let ([first, .., last], [fewest, .., most]) = (each.as_slice(), sizes) {
            let logarithms = (*most as f64).ln() / (*fewest as f64).ln();
            let growth = format!("sessions.{name}_growth.{fewest}_to_{most}");
            figures.push(Figure::new(format!("sessions.{name}_at_fewest"), *first, "µs", Target::None));
            figures.push(Figure::new(format!("sessions.{name}_at_most"), *last, "µs", Target::None));
            figures.push(Figure::new(growth, last / first, "ratio", Target::AtMost(logarithms)));
        }
        Ok(figures)
    }

    /// The middle one of several, where one is short.
    fn middle_hour_of(self, size: usize) -> Result<Hour, Failure> {
        let times = if size < LONG { 5 } else { 1 };
        let mut hours: Vec<Hour> = (0..times).map(|_| self.hour_of(size)).collect::<Result<_, _>>()?;
        hours.sort_by_key(|hour| hour.spent);
        Ok(hours.swap_remove(times / 2))
    }

    fn hour_of(self, size: usize) -> Result<Hour, Failure> {
        let quiet = Manner::quiet(size);
        let manner = match self {
            // The first token ends between ten and fifty minutes after the sign-in, the next one after the hour.
            Self::Renewal => Manner { lifetime: |n, of| if n < of { 600 + n * 2_400 / of } else { 7_200 }, ..quiet },
            // Forty to fifty minutes after the sign-in, and after as many again.
            Self::KeepAlive => {
                let describes = "[keep_alive]\nevery = \"45m\"\njitter = 10\npath = \"/me\"\n";
                Manner { lifetime: |_, _| 7_200, describes, ..quiet }
            }
        };
        let issuer = Issuer::new(manner);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let took = runtime.block_on(async {
            let client = issuer.client()?;
            let sessions = issuer.sign_in_all(&client, size).await?;
            let (started, spent) = (Instant::now(), thread_time());
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            let took = Hour { elapsed: started.elapsed(), spent: thread_time().saturating_sub(spent) };
            drop(sessions);
            Ok::<_, Failure>(took)
        })?;
        let (renewed, asked) = (issuer.granted() - size as u64, issuer.asked());
        let wanted = match self {
            Self::Renewal => (size as u64, 0),
            Self::KeepAlive => (0, size as u64),
        };
        if (renewed, asked) == wanted {
            Ok(took)
        } else {
            Err(format!("{renewed} renewals and {asked} keep-alives of {size} sessions in an hour").into())
        }
    }
}

/// From so many sessions on, one hour is long enough to be measured by itself.
const LONG: usize = 1_000_000;

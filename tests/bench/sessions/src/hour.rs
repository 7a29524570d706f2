//! How long does a simulated hour take in which every session's token ends, and does a larger crowd make each renewal dearer?
//!
//! The clock is tokio's paused one: it jumps to the next moment that anybody waits for. Each session's first token ends between ten and
//! fifty minutes after its sign-in, and the next one after the hour, so each renews exactly once.

use std::time::{Duration, Instant};

use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{Issuer, Manner, sign_in_all};

pub(crate) fn measure(sizes: &[usize]) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    let mut each = Vec::new();
    for size in sizes {
        let took = hour_of(*size)?;
        each.push(took.as_secs_f64() * 1e6 / *size as f64);
        figures.push(Figure::new(format!("sessions.hour.{size}"), took.as_secs_f64(), "s", Target::None));
    }
    if let ([first, .., last], [fewest, .., most]) = (each.as_slice(), sizes) {
        let logarithms = (*most as f64).ln() / (*fewest as f64).ln();
        let named = format!("sessions.renewal_growth.{fewest}_to_{most}");
        figures.push(Figure::new("sessions.renewal_at_fewest", *first, "µs/renewal", Target::None));
        figures.push(Figure::new("sessions.renewal_at_most", *last, "µs/renewal", Target::None));
        figures.push(Figure::new(named, last / first, "ratio", Target::AtMost(logarithms)));
    }
    Ok(figures)
}

fn hour_of(size: usize) -> Result<Duration, Failure> {
    let manner = Manner {
        lifetime: |n, of| if n < of { 600 + n * 2_400 / of } else { 7_200 },
        sessions: size as u64,
        thinks: Duration::ZERO,
        refuses: 0,
    };
    let issuer = Issuer::new(manner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let took = runtime.block_on(async {
        let client = issuer.client()?;
        let sessions = sign_in_all(&client, size).await?;
        let started = Instant::now();
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        let took = started.elapsed();
        drop(sessions);
        Ok::<_, Failure>(took)
    })?;
    let (renewed, wanted) = (issuer.granted() - size as u64, size as u64);
    if renewed == wanted { Ok(took) } else { Err(format!("{wanted} tokens ended, {renewed} were renewed").into()) }
}

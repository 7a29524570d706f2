//! How long do ten thousand calls that are refused at once wait beyond the one renewal that mends them all?
//!
//! All are sent with the same token before the first is refused. Beside it stands the same crowd with nothing refused: what so many
//! calls take anyway.

use std::time::{Duration, Instant};

use hallpass::Session;
use hallpass_bench::figure::{Failure, Figure, Target};

use crate::issuer::{Issuer, Manner};

pub(crate) fn measure() -> Result<Vec<Figure>, Failure> {
    let calm = rush(0)?;
    let storm = rush(CALLS)?;
    let named = |what: &str| format!("sessions.storm.{what}");
    Ok(vec![
        Figure::new(named("renewals"), storm.renewals as f64, "renewals", Target::AtMost(1.0)),
        Figure::new(named("p50_over_renewal"), storm.at(0.50), "ms", Target::None),
        Figure::new(named("p99_over_renewal"), storm.at(0.99), "ms", Target::None),
        Figure::new(named("p99_of_as_many_unrefused"), calm.at(0.99), "ms", Target::None),
    ])
}

/// How it went.
struct Rush {
    renewals: u64,
    /// From the renewal's answer, or from the start where there is none, to each call's answer; in order.
    delays: Vec<Duration>,
}

impl Rush {
    /// Milliseconds within which this share of the calls was answered.
    fn at(&self, share: f64) -> f64 {
        let place = (self.delays.len() as f64 * share) as usize;
        self.delays.get(place).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
    }
}

fn rush(refuses: usize) -> Result<Rush, Failure> {
    let issuer = Issuer::new(Manner { thinks: Duration::from_millis(50), refuses, ..Manner::quiet(1) });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let client = issuer.client()?;
        let session = issuer.sign_in_all(&client, 1).await?.pop().ok_or("nobody signed in")?;
        let started = Instant::now();
        let calls: Vec<_> = (0..CALLS).map(|_| tokio::spawn(call(session.clone()))).collect();
        let mut ends = Vec::with_capacity(CALLS);
        for call in calls {
            ends.push(call.await??);
        }
        if issuer.refused() != refuses as u64 {
            return Err(format!("{} of {refuses} calls were refused", issuer.refused()).into());
        }
        let since = if refuses == 0 { started } else { issuer.renewed().ok_or("nothing was renewed")? };
        let mut delays: Vec<_> = ends.into_iter().map(|end| end.saturating_duration_since(since)).collect();
        delays.sort_unstable();
        Ok(Rush { renewals: issuer.granted() - 1, delays })
    })
}

async fn call(session: Session) -> Result<Instant, Failure> {
    let answer = session.get("/items").send().await?;
    if answer.status() != http::StatusCode::OK {
        return Err(format!("a call was answered {}", answer.status()).into());
    }
    Ok(Instant::now())
}

const CALLS: usize = 10_000;

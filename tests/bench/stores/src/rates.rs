//! How often can so many tasks do something in a second?

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallpass_bench::figure::Failure;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) length: Duration,
}

impl Effort {
    pub(crate) const QUICK: Self = Self { rounds: 3, length: Duration::from_millis(300) };
    pub(crate) const FULL: Self = Self { rounds: 5, length: Duration::from_millis(1500) };
}

/// Times a second that `tasks` at once do what `act` does; each is told a number that no other is.
///
/// # Errors
///
/// The first failure of any.
pub(crate) async fn rate<F, Fut>(tasks: usize, length: Duration, act: F) -> Result<f64, Failure>
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    let act = Arc::new(act);
    let began = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let act = Arc::clone(&act);
            tokio::spawn(async move {
                let mut done = 0_u32;
                while began.elapsed() < length {
                    act(task * 7919 + done as usize).await?;
                    done += 1;
                }
                Ok::<_, Failure>(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// The middle one.
pub(crate) fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

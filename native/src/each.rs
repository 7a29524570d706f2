//! How is the same done for many items, a few at a time, without one failure losing the others?
//!
//! **Invariant:** every item has exactly one outcome, whatever happens to the others; no more than the chosen number are under way.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, stream};
use hallpass_core::error::Error;

use crate::pool::{Pooled, SessionPool};

/// How it went for one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<T, E> {
    /// The item's place among the items, from 0.
    pub index: usize,
    /// How it ended.
    pub end: End<T, E>,
}

/// How the work on one item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<T, E> {
    /// Well.
    Ok(T),
    /// With an error of its own.
    Err(E),
    /// In a panic, with its message.
    Panicked(String),
    /// It was not begun, because others had failed and the [stop rule](Each::stop_after) says so.
    Cancelled,
}

/// Items, and how they are to be gone through.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use hallpass::each::{Each, End};
///
/// let outcomes = Each::of(1..=4).concurrency(2).run(async |n| if n == 3 { Err("three") } else { Ok(n * 10) }).await;
/// let ends: Vec<_> = outcomes.into_iter().map(|outcome| outcome.end).collect();
/// assert_eq!(ends, [End::Ok(10), End::Ok(20), End::Err("three"), End::Ok(40)]);
/// # }
/// ```
#[must_use = "nothing happens until it is run"]
pub struct Each<I> {
    items: I,
    concurrency: usize,
    failures: usize,
}

/// Does the work for every item, at most `concurrency` at once, in the caller's own task; the outcomes are in the order of the items.
///
/// A panic of one item is its outcome. Dropping the future drops what is under way.
pub async fn for_each<I, T, E, F, Fut>(items: I, concurrency: usize, work: F) -> Vec<Outcome<T, E>>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Each::of(items).concurrency(concurrency).run(work).await
}

impl<I: IntoIterator> Each<I> {
    /// These items, one at a time. They are taken from the iterator as they are begun.
    pub fn of(items: I) -> Self {
        Self { items, concurrency: 1, failures: usize::MAX }
    }

    /// How many are under way at once; at least one.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Begins no more once so many have failed or panicked: what is under way goes on, the rest is [`End::Cancelled`].
    pub fn stop_after(mut self, failures: usize) -> Self {
        self.failures = failures.max(1);
        self
    }

    /// Does the work; the outcomes are in the order of the items.
    pub async fn run<T, E, F, Fut>(self, work: F) -> Vec<Outcome<T, E>>
    where
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut outcomes: Vec<_> = self.stream(work).collect().await;
        outcomes.sort_unstable_by_key(|outcome| outcome.index);
        outcomes
    }

    /// Does the work while the stream is polled; outcomes come as they end.
    pub fn stream<T, E, F, Fut>(self, mut work: F) -> impl Stream<Item = Outcome<T, E>>
    where
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let Self { items, concurrency, failures: most } = self;
        let (mut items, mut under_way, mut failures) = (items.into_iter().enumerate(), FuturesUnordered::new(), 0);
        stream::poll_fn(move |cx| {
            while failures < most && under_way.len() < concurrency {
                let Some((index, item)) = items.next() else { break };
                let begun = catch_unwind(AssertUnwindSafe(|| work(item)));
                under_way.push(async move {
                    let ended = match begun {
                        Ok(future) => AssertUnwindSafe(future).catch_unwind().await,
                        Err(panic) => Err(panic),
                    };
                    Outcome { index, end: end_of(ended) }
                });
            }
            match under_way.poll_next_unpin(cx) {
                Poll::Ready(Some(outcome)) => {
                    failures += usize::from(matches!(outcome.end, End::Err(_) | End::Panicked(_)));
                    Poll::Ready(Some(outcome))
                }
                // Nothing is under way: what is left, if anything, is not to be begun.
                Poll::Ready(None) => Poll::Ready(items.next().map(|(index, _)| Outcome { index, end: End::Cancelled })),
                Poll::Pending => Poll::Pending,
            }
        })
    }

    /// Does the work with a pooled session for each item, given back when its work ends.
    ///
    /// Where no session could be had, the item's error is made from the pool's.
    pub async fn run_in<T, E, F, Fut>(self, pool: &SessionPool, mut work: F) -> Vec<Outcome<T, E>>
    where
        E: From<Error>,
        F: FnMut(Pooled, I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let work = std::cell::RefCell::new(&mut work);
        self.run(async |item| {
            let session = pool.acquire().await?;
            let begun = (work.borrow_mut())(session, item);
            begun.await
        })
        .await
    }
}

impl<T, E> End<T, E> {
    /// What came of it, if it went well.
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Ok(value) => Some(value),
            Self::Err(_) | Self::Panicked(_) | Self::Cancelled => None,
        }
    }

    /// Whether it went well.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }
}

impl<I> fmt::Debug for Each<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}

fn end_of<T, E>(ended: Result<Result<T, E>, Box<dyn Any + Send>>) -> End<T, E> {
    match ended {
        Ok(Ok(value)) => End::Ok(value),
        Ok(Err(error)) => End::Err(error),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            End::Panicked(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
        }
    }
}

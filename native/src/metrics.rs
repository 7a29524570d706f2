//! How do a client's numbers reach a metrics system? Through the `metrics` facade, or as a text that Prometheus reads.
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `hallpass_COUNTER_total`, one for each of [`Stats::NAMES`](crate::Stats::NAMES) | counter | `platform` | sums over all sessions, those that are gone included |
//! | `hallpass_call_duration_seconds` | histogram | `platform`, `outcome` | from a call's beginning to the head of its answer; the outcome is a verdict or an error's kind |
//! | `hallpass_sessions` | gauge | `platform`, `state` | live sessions |
//! | `hallpass_calls_in_flight`, `hallpass_calls_waiting` | gauge | `platform` | calls that have not ended |
//! | `hallpass_connections` | gauge | `state`: `idle`, `in_use`, `connecting` | the connection pool |
//! | `hallpass_connection_waiters` | gauge | | exchanges that wait for a connection |
//! | `hallpass_connections_created_total`, `…_reused_total`, `…_closed_total` | counter | | the connection pool |
//! | `hallpass_session_generation`, `hallpass_session_age_seconds`, `hallpass_session_expires_in_seconds` | gauge | `platform`, `account` | one session; only with [`Accounts::Labelled`]. 0 once it is gone |
//!
//! Counters and gauges are set when a snapshot is published, so calls pay nothing for them; the histogram costs each call one entry.
//! No label holds a secret.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), hallpass::Error> {
//! use hallpass::metrics::{Accounts, Prometheus};
//!
//! let prometheus = Prometheus::new(Accounts::Summed)?;
//! let client = hallpass::Client::builder().meter(prometheus.meter()).build()?;
//! // In a program's own HTTP server:
//! let request = http::Request::get("/metrics").body(()).expect("a request");
//! assert_eq!(prometheus.answer(&client, &request).status(), 200);
//! # Ok(()) }
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hallpass_core::error::{Error, Kind};
use hallpass_core::machine::{State, Stats};
use metrics::{Recorder, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::client::Client;
use crate::seeing::Snapshot;

/// Whether single accounts can be told apart. Each is a time series of its own, so with many of them leave it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Accounts {
    /// Sums over a platform only.
    #[default]
    Summed,
    /// Some numbers of each session as well, under its account's name.
    Labelled,
}

/// Where a client's numbers go; for [`Builder::meter`](crate::Builder::meter). Clones are the same meter.
#[derive(Clone)]
pub struct Meter {
    inner: Arc<Inner>,
}

struct Inner {
    /// The program's installed recorder where absent.
    recorder: Option<Box<dyn Recorder + Send + Sync>>,
    accounts: Accounts,
    /// Sessions that were published.
    published: Mutex<BTreeSet<(String, String)>>,
}

/// A meter of its own, and the text of it that Prometheus reads.
#[derive(Clone)]
pub struct Prometheus {
    meter: Meter,
    handle: PrometheusHandle,
}

impl Meter {
    /// Goes to the recorder that the program has installed for the `metrics` facade.
    pub fn installed(accounts: Accounts) -> Self {
        Self::of(None, accounts)
    }

    /// Goes to this recorder.
    pub fn with(recorder: impl Recorder + Send + Sync + 'static, accounts: Accounts) -> Self {
        Self::of(Some(Box::new(recorder)), accounts)
    }

    fn of(recorder: Option<Box<dyn Recorder + Send + Sync>>, accounts: Accounts) -> Self {
        Self { inner: Arc::new(Inner { recorder, accounts, published: Mutex::default() }) }
    }

    /// Sets all counters and gauges to what a snapshot says. Call it now and then, or whenever the numbers are read.
    pub fn publish(&self, snapshot: &Snapshot) {
        self.record(|| {
            totals(snapshot);
            connections(snapshot);
            match self.inner.accounts {
                Accounts::Summed => {}
                Accounts::Labelled => self.accounts(snapshot),
            }
        });
    }

    /// Adds a call to the histogram.
    pub(crate) fn call(&self, platform: &str, outcome: &'static str, took: Duration) {
        let platform = platform.to_owned();
        self.record(|| histogram!(CALLS, "platform" => platform, "outcome" => outcome).record(took));
    }

    fn record(&self, with: impl FnOnce()) {
        match &self.inner.recorder {
            None => with(),
            Some(recorder) => metrics::with_local_recorder(&**recorder, with),
        }
    }

    fn accounts(&self, snapshot: &Snapshot) {
        let mut published = self.inner.published.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *published);
        for session in &snapshot.sessions {
            let name = (session.platform.clone(), session.account.clone());
            let left = session.expires_at.map_or(0.0, |ends| ends.since(snapshot.at).as_secs_f64());
            let age = session.age.unwrap_or_default().as_secs_f64();
            one(&name, session.generation as f64, age, left);
            gone.remove(&name);
            published.insert(name);
        }
        for name in gone {
            one(&name, 0.0, 0.0, 0.0);
        }
    }
}

impl Prometheus {
    /// A meter with a recorder of its own.
    ///
    /// # Errors
    ///
    /// `config_invalid` if the recorder cannot be made.
    pub fn new(accounts: Accounts) -> Result<Self, Error> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(CALLS.to_owned()), &BUCKETS)
            .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the metrics recorder cannot be made: {error}")))?
            .build_recorder();
        let handle = recorder.handle();
        Ok(Self { meter: Meter::with(recorder, accounts), handle })
    }

    /// The meter, for [`Builder::meter`](crate::Builder::meter).
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Everything at this moment, in Prometheus's text format.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        self.meter.publish(snapshot);
        self.handle.render()
    }

    /// Answers a request of a scraper: `GET` or `HEAD` of `/metrics`. For any HTTP server that speaks the `http` crate's types.
    pub fn answer<B>(&self, client: &Client, request: &Request<B>) -> Response<String> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let (status, text) = match (request.uri().path(), is_read) {
            ("/metrics", true) => (StatusCode::OK, self.render(&client.snapshot())),
            ("/metrics", false) => (StatusCode::METHOD_NOT_ALLOWED, "GET is what there is\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "the numbers are at /metrics\n".to_owned()),
        };
        let mut response = Response::new(text);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

fn totals(snapshot: &Snapshot) {
    for (platform, totals) in &snapshot.platforms {
        for (name, value) in Stats::NAMES.iter().zip(totals.stats.values()) {
            counter!(format!("hallpass_{name}_total"), "platform" => platform.clone()).absolute(value);
        }
        gauge!("hallpass_calls_in_flight", "platform" => platform.clone()).set(totals.in_flight as f64);
        gauge!("hallpass_calls_waiting", "platform" => platform.clone()).set(totals.waiting as f64);
        for state in State::ALL {
            let there = |session: &&crate::SessionSnapshot| session.platform == *platform && session.state == *state;
            let count = snapshot.sessions.iter().filter(there).count();
            gauge!("hallpass_sessions", "platform" => platform.clone(), "state" => state.as_str()).set(count as f64);
        }
    }
}

fn connections(snapshot: &Snapshot) {
    let Some(pool) = &snapshot.connections else { return };
    for (state, count) in [("idle", pool.idle), ("in_use", pool.in_use), ("connecting", pool.connecting)] {
        gauge!("hallpass_connections", "state" => state).set(count as f64);
    }
    gauge!("hallpass_connection_waiters").set(pool.waiting as f64);
    counter!("hallpass_connections_created_total").absolute(pool.created);
    counter!("hallpass_connections_reused_total").absolute(pool.reused);
    counter!("hallpass_connections_closed_total").absolute(pool.closed);
}

fn one(name: &(String, String), generation: f64, age: f64, left: f64) {
    let labels = [("platform", name.0.clone()), ("account", name.1.clone())];
    gauge!("hallpass_session_generation", &labels).set(generation);
    gauge!("hallpass_session_age_seconds", &labels).set(age);
    gauge!("hallpass_session_expires_in_seconds", &labels).set(left);
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("accounts", &self.inner.accounts).finish_non_exhaustive()
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").field("meter", &self.meter).finish_non_exhaustive()
    }
}

const CALLS: &str = "hallpass_call_duration_seconds";

const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

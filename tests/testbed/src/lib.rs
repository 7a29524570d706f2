//! A platform to sign in to, on loopback: which requests arrived, and what a client did about the answers, is known exactly.
//!
//! [`Testbed`] is a real HTTP/1.1 server. It signs accounts in by JSON, form with CSRF, a 409 handshake, static bearer
//! tokens, OAuth 2 refresh grants and browser bundles; it expires tokens by the millisecond, rotates refresh tokens and
//! kills a grant whose spent token comes back; it says "your session is gone" in every way seen in the wild; it throttles,
//! delays, truncates and resets by script or by seed. [`Stats`] counts all of it.
//!
//! [`Listener`] is the place where nothing may arrive, [`Raw`] answers with exact bytes. The endpoints are listed in this
//! package's `README.md`.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use hallpass_testbed::{Config, Testbed};
//!
//! let testbed = Testbed::start(Config::default()).await?;
//! let refresh_token = testbed.issue_refresh_token("alice")?;
//! assert_eq!(testbed.stats().sign_ins.total, 0);
//! # drop(refresh_token);
//! testbed.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! **Invariant:** a request is counted, judged and carried out under one lock, so counters never disagree with what clients
//! were told. Requests to `/stats` and `/control/…` are not counted.

mod accept;
mod answer;
mod areas;
mod body;
mod clock;
mod codes;
mod config;
mod counters;
mod error;
mod exchange;
mod faults;
mod grants;
mod identity;
mod listener;
mod platform;
mod raw;
mod record;
mod recorded;
mod route;
mod script;
mod service;
mod sessions;
mod stats;
mod testbed;
mod wire;

pub use crate::clock::Clock;
pub use crate::config::{Config, Expiry, Registration, Rotation, TokenFormat};
pub use crate::error::{BadRule, ClockIsReal, UnknownAccount};
pub use crate::faults::{FaultRates, FaultScope};
pub use crate::listener::Listener;
pub use crate::raw::{Raw, Then};
pub use crate::recorded::RecordedHead;
pub use crate::script::{Action, Point, Rule, RuleId, RuleState};
pub use crate::stats::{Accounted, ConnectionStats, CredentialStats, RefusalStats, RequestStats, Stats};
pub use crate::testbed::{Bundle, Testbed};

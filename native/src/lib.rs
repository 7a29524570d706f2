//! Hallpass keeps API clients signed in.
//!
//! A program hands a [`Client`] a [`Platform`] (data that describes a service) and [`Credentials`] for an account. Hallpass
//! signs in, or resumes a saved session without signing in; sends calls through it over pooled connections; renews it exactly
//! once when it is refused, however many calls notice; and keeps it in an encrypted [`store`].
//!
//! ```no_run
//! # async fn example() -> Result<(), hallpass::Error> {
//! use hallpass::{Client, Credentials, Platform};
//!
//! let platform = Platform::from_file("example.toml")?;
//! let client = Client::builder().build()?;
//! let session = client.sign_in(&platform, "alice", Credentials::password("alice", "…")).await?;
//! let answer = session.get("/api/items/1").send().await?;
//! println!("{} {}", answer.status(), answer.text().await?);
//! session.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! What is decided, is decided in [`core`]; this crate performs it with tokio, hyper and rustls.

mod ask;
mod body;
mod builder;
mod call;
mod client;
mod clock;
mod drive;
pub mod each;
pub mod exported;
mod heard;
mod host;
pub mod http;
pub mod keys;
#[cfg(feature = "metrics")]
pub mod metrics;
mod platform;
pub mod pool;
mod registry;
mod response;
mod rules;
mod seeing;
mod session;
mod signer;
pub mod store;
#[cfg(feature = "public-suffixes")]
mod suffixes;
#[cfg(feature = "testing")]
pub mod testing;
mod timer;
mod wire;

pub use hallpass_core as core;
pub use hallpass_core::cookie::PublicSuffixes;
pub use hallpass_core::credentials::{Credentials, Secret};
pub use hallpass_core::effect::{Answer, Declined, Question};
pub use hallpass_core::envelope::Keyring;
pub use hallpass_core::error::{Error, Fault, Kind, Retry};
pub use hallpass_core::machine::{KeepCredentials, Notice, Redirect, Repeatable, State, Stats, UnderWay, Verdict};

pub use ask::{AskFuture, Asker};
pub use body::{CallBody, ResponseStream};
pub use builder::{Builder, RenewWithoutStore};
pub use call::Call;
pub use client::{Client, Closed, Saved};
pub use each::for_each;
pub use heard::Head;
pub use platform::Platform;
pub use pool::{Pooled, SessionPool};
pub use response::Response;
pub use rules::{Document, RulesDocument};
pub use seeing::{Event, Events, Lagged, SessionSnapshot, Snapshot, Totals};
pub use session::Session;
pub use signer::{SignBody, SignFuture, SignRequest, Signer};

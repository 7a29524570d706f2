//! The sans-IO core of Hallpass: everything that decides, nothing that does.
//!
//! No runtime, clock, randomness, environment or `cfg(target)` here: time arrives as [`time::Now`], randomness as one
//! [`seed::Seed`], and everything that must happen outside leaves as an [`effect::Effect`].

pub mod cookie;
pub mod credentials;
pub mod document;
pub mod effect;
pub mod envelope;
pub mod error;
pub mod host;
pub mod limit;
pub mod machine;
pub mod platform;
pub mod retry;
pub mod rota;
pub mod rules;
pub mod seed;
pub mod store;
pub mod time;
pub mod url;

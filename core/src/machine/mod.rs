//! One account's machine: calls go in, effects come out, and nobody renews twice.
//!
//! [`Session`] has four kinds of methods. *Commands* (`call`, `cancel`, `sign_in`, `resume`, `renew`, `validate`, `save`, `close`,
//! `sign_out`, `forget`) are what the program wants. *Answers* (`complete`, `finish`) are what the driver brings back. [`Session::poll`]
//! says what to do next and is called until it answers [`Output::Wait`]; any number of commands and answers may come before.
//! *Getters* take `&self`.

mod again;
mod answers;
mod ask;
mod call;
mod calls;
mod closing;
mod csrf;
mod dpop;
mod dress;
mod expiry;
mod gate;
mod glance;
mod id_token;
mod keep_alive;
mod key;
mod leasing;
mod life;
mod lifetime;
mod notice;
mod oauth;
mod output;
mod own;
mod payload;
mod probe;
mod redirect;
mod refusal;
mod refused;
mod renewal;
mod renewed;
mod restoring;
mod saving;
mod seldom;
mod session;
mod settings;
mod sign_in;
mod sign_out;
mod signing;
mod stats;
mod table;
mod timers;
mod token;
mod trace;
mod validate;
mod window;

pub use answers::Misuse;
pub use call::{Body, CallOptions, Head, Redirect, Repeatable};
pub use glance::{Glance, kept};
pub use life::State;
pub use notice::Notice;
pub use output::{Answered, Output, Reason, Reply, Verdict};
pub use payload::SCHEMA;
pub use saving::store_error;
pub use session::Session;
pub use settings::{KeepCredentials, Leases, Persist, Settings};
pub use stats::{Stats, UnderWay};
pub(crate) use table::SLOT_BITS;

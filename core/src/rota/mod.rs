//! Which account's session does a program get next, when it has several?
//!
//! A [`Rota`] hands out turns: the right to use one member's session for a while. It is a machine like the others of this crate:
//! commands, [`poll`](Rota::poll), and nothing done by itself.
//!
//! ```text
//! a turn:    acquire ─▶ waiting ─▶ offered ─claim─▶ held ─release─▶ over
//!                          ▲          │ not claimed in time: the next waiter gets it
//!                          └─claim── lapsed           waiting, lapsed ─deadline─▶ failed
//!
//! a member:  ready ─429──────────────▶ cooling ─as long as asked─▶ ready
//!              ├────failures─────────▶ broken ─cool-down─▶ on trial ─good─▶ ready
//!              ├────uses, age────────▶ retired ─rest, or restored─▶ ready
//!              └────ended, banned────▶ expired, banned ─restored─▶ ready
//! ```
//!
//! A member whose session a call finds ended is given once more, so that the session can be opened anew; it is expired when that fails,
//! or when it ends again without having served.
//!
//! Four questions, a file each: what a lease's outcome says ([`Outcome`]), how a member stands ([`Reason`]), who waits for which
//! member, and how it is all counted ([`Stats`]).

mod keys;
mod machine;
mod member;
mod outcome;
mod rules;
mod serve;
mod stats;

pub use machine::{Claim, Output, Rota, Turn};
pub use member::Reason;
pub use outcome::Outcome;
pub use rules::{Policy, Rules};
pub use stats::{MemberStats, Stats};

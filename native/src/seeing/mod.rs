//! What does a client show of itself? Events as they happen, snapshots when asked for, spans for whoever traces.

mod event;
mod events;
mod hub;
mod snapshot;
pub(crate) mod span;

pub use event::Event;
pub use events::{Events, Lagged};
pub(crate) use hub::Hub;
pub(crate) use snapshot::Ledger;
pub use snapshot::{SessionSnapshot, Snapshot, Totals};

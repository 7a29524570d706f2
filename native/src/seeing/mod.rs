//! What does a client show of itself? Events as they happen, snapshots when asked for, spans for whoever traces.

mod event;
mod events;
mod hub;

pub use event::Event;
pub use events::{Events, Lagged};
pub(crate) use hub::Hub;

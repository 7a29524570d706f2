//! What the benches share: how a measurement is told.

pub mod figure;

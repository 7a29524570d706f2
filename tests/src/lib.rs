//! What Hallpass is held to: conformance data of others, vectors of its own, and the laws that every store obeys.
//!
//! Everything here is ordinary functions, so that a backend written elsewhere can be held to the same.

pub mod aes_gcm;
pub mod backend;
pub mod dialogue;
pub mod hex;
pub mod laws;
pub mod pattern;
pub mod report;
pub mod scenario;
pub mod world;

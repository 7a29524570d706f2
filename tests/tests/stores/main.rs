//! Do the stores that need a server obey the laws, and what do they say when the server is away?
//!
//! Every test starts servers of its own and ends them. `cargo xtask test --only stores` installs what they need and runs them.

mod redis;
mod redis_away;
mod redis_cluster;
mod redis_sentinel;
mod server;

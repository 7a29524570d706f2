//! Do clients, sessions and calls keep their promises over a real server that counts what it saw?

mod broken;
mod calls;
mod deadlines;
mod dropped;
mod each;
mod events;
mod folder;
mod grants;
mod keys;
mod pool;
mod races;
mod redirects;
mod refusals;
mod registry;
mod retries;
mod rules;
mod secrets;
mod signing;
mod snapshot;
mod staying;
mod storm;
mod support;
mod tasks;
mod tls;
mod trouble;

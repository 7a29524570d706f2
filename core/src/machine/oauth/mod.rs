//! OAuth 2 beyond the refresh token: what is sent for each grant, and what the answers mean.
//!
//! **Invariant:** no code, verifier, state, token or client secret is in any error, notice, trace or `Debug`.

mod authorize;
mod browser;
mod device;
pub(super) mod discovery;
pub(super) mod grant;
pub(super) mod metadata;
mod pkce;
mod polls;

//! Does the bare session behave as promised, one behaviour a test? Time moves when the script says so.

mod answers;
mod bundle;
mod calls;
mod challenges;
mod closing;
mod csrf;
mod dpop;
mod expiry;
mod keep_alive;
mod lifetime;
mod oauth;
mod people;
mod platforms;
mod redirects;
mod refusals;
mod renewals;
mod restoring;
mod retries;
mod saving;
mod secrets;
mod seeing;
mod sign_in;
mod sign_out;
mod signatures;
mod steps;
mod validate;

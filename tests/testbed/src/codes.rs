//! What people's browsers and second devices have been given: authorization codes and device codes, and what became of them.
//!
//! **Invariant:** a code is good once, for the address and the challenge that it was asked for with.

use std::collections::HashMap;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// Every code since the platform started.
#[derive(Default)]
pub(crate) struct Codes {
    authorizations: HashMap<String, Authorization>,
    devices: HashMap<String, Device>,
}

/// What an authorization code was asked for with.
pub(crate) struct Authorization {
    pub(crate) account: Arc<str>,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
}

/// A device that waits for a person.
pub(crate) struct Device {
    pub(crate) user_code: String,
    pub(crate) expires: u64,
    pub(crate) interval: u64,
    pub(crate) polled: Option<u64>,
    pub(crate) decision: Decision,
}

/// What the person said.
#[derive(Clone)]
pub(crate) enum Decision {
    Pending,
    Denied,
    Approved(Arc<str>),
}

/// Why a poll brings no tokens (RFC 8628 §3.5).
pub(crate) enum NotYet {
    Unknown,
    Expired,
    Denied,
    TooFast,
    Pending,
}

impl Codes {
    pub(crate) fn authorize(&mut self, code: String, authorization: Authorization) {
        self.authorizations.insert(code, authorization);
    }

    pub(crate) fn device(&mut self, code: String, device: Device) {
        self.devices.insert(code, device);
    }

    /// Uses an authorization code up; nothing unless everything fits.
    pub(crate) fn redeem(&mut self, code: &str, redirect_uri: &str, verifier: &str) -> Option<Arc<str>> {
        let found = self.authorizations.remove(code)?;
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier));
        (found.redirect_uri == redirect_uri && found.challenge == challenge).then_some(found.account)
    }

    /// Takes a person's decision; `false` where no device waits with this code.
    pub(crate) fn decide(&mut self, user_code: &str, decision: &Decision, now: u64) -> bool {
        let waits = |device: &&mut Device| {
            device.user_code == user_code && device.expires > now && matches!(device.decision, Decision::Pending)
        };
        let found = self.devices.values_mut().find(waits);
        found.map(|device| device.decision = decision.clone()).is_some()
    }

    /// What a poll with this device code brings.
    pub(crate) fn poll(&mut self, code: &str, now: u64) -> Result<Arc<str>, NotYet> {
        let device = self.devices.get_mut(code).ok_or(NotYet::Unknown)?;
        let is_early = device.polled.replace(now).is_some_and(|before| now < before.saturating_add(device.interval));
        if device.expires <= now {
            return Err(NotYet::Expired);
        }
        match device.decision.clone() {
            Decision::Denied => Err(NotYet::Denied),
            Decision::Pending | Decision::Approved(_) if is_early => {
                device.interval += 5000;
                Err(NotYet::TooFast)
            }
            Decision::Pending => Err(NotYet::Pending),
            Decision::Approved(account) => {
                self.devices.remove(code);
                Ok(account)
            }
        }
    }
}

//! What has changed between two bundles of one account?
//!
//! **Invariant:** names only, never a value.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::{Credentials, Secret};

/// What is not as it was: names such as ``the cookie `sid` ``, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// What has another value.
    pub changed: Vec<String>,
    /// What was not there before.
    pub appeared: Vec<String>,
    /// What is gone.
    pub vanished: Vec<String>,
}

impl Credentials {
    /// How these credentials differ from the ones before them: user agent, account, cookies, headers and fields by their names.
    ///
    /// Only what is of the same bundle belongs together: a changed user agent with old cookies is what platforms look out for.
    pub fn drift_from(&self, previous: &Self) -> Drift {
        let (old, new) = (previous.parts(), self.parts());
        let mut drift = Drift::default();
        for (name, value) in &new {
            match old.get(name) {
                None => drift.appeared.push(name.clone()),
                Some(before) if before != value => drift.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        // Whether a bundle says whose it is, is no drift.
        drift.appeared.retain(|name| name != ACCOUNT_ID);
        drift.vanished = old.into_keys().filter(|name| !new.contains_key(name) && name != ACCOUNT_ID).collect();
        drift
    }

    /// Everything by a name that can be shown.
    fn parts(&self) -> BTreeMap<String, Zeroizing<Vec<u8>>> {
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let mut parts = BTreeMap::new();
        for cookie in self.jar.iter() {
            let name = String::from_utf8_lossy(cookie.name());
            parts.insert(format!("the cookie `{name}`"), Zeroizing::new(cookie.value().to_vec()));
        }
        let line = self.cookies.as_ref().map_or("", Secret::expose);
        for (name, value) in line.split(';').filter_map(|pair| pair.split_once('=')) {
            parts.insert(format!("the cookie `{}`", name.trim()), bytes(value.trim()));
        }
        for (name, secret) in &self.headers {
            parts.insert(format!("the header `{name}`"), bytes(secret.expose()));
        }
        for (name, secret) in &self.fields {
            parts.insert(format!("the field `{name}`"), bytes(secret.expose()));
        }
        for (name, text) in [("the user agent", &self.user_agent), (ACCOUNT_ID, &self.account_id)] {
            parts.extend(text.iter().map(|text| (name.to_owned(), bytes(text))));
        }
        parts
    }
}

impl Drift {
    /// Whether both are the same.
    pub fn is_none(&self) -> bool {
        self.changed.is_empty() && self.appeared.is_empty() && self.vanished.is_empty()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (what, names) in [("changed", &self.changed), ("new", &self.appeared), ("gone", &self.vanished)] {
            if !names.is_empty() {
                write!(f, "{between}{what}: {}", names.join(", "))?;
                between = "; ";
            }
        }
        if between.is_empty() { f.write_str("nothing has changed") } else { Ok(()) }
    }
}

const ACCOUNT_ID: &str = "the account id";

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(text: &str) -> Credentials {
        Credentials::from_json(text).expect("valid")
    }

    #[test]
    fn drift_names_what_changed_came_and_went_and_shows_no_value() {
        let old = bundle(r#"{"cookie": "sid=hunter2; b=2", "user_agent": "One", "x-bc": "hunter3", "password": "p"}"#);
        let new = bundle(
            r#"{"cookie": "sid=hunter4; c=3", "user_agent": "Two", "x-bc": "hunter3", "id": 7, "password": "p"}"#,
        );
        let drift = new.drift_from(&old);
        assert_eq!(drift.changed, ["the cookie `sid`", "the user agent"]);
        assert_eq!(drift.appeared, ["the cookie `c`"]);
        assert_eq!(drift.vanished, ["the cookie `b`"]);
        assert_eq!(
            drift.to_string(),
            "changed: the cookie `sid`, the user agent; new: the cookie `c`; gone: the cookie `b`"
        );
        assert!(!format!("{drift:?}").contains("hunter"));
    }

    #[test]
    fn equal_bundles_have_not_drifted() {
        let one = bundle(r#"{"cookie": "sid=1"}"#);
        assert!(one.drift_from(&one.clone()).is_none());
        assert_eq!(one.drift_from(&one).to_string(), "nothing has changed");
    }
}

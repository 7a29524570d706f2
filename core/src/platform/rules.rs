//! What answers of a platform mean, and how long and how often to try, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// Who the platform says this session is: what its probe answers, what an ID token names, or both, and then both say the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Where the probe asks with GET; resolved against the platform's base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The JSON pointer (RFC 6901) of the account's id in the probe's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The JSON pointer (RFC 6901) of the account's id in the claims of the ID token that comes with tokens: usually `/sub`. It is read
    /// from the token endpoint's own answers, at sign-in and, where they bring one, at renewal; its signature is not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// What a refused session looks like; any one of these is a refusal.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Refused {
    /// Statuses that refuse the session.
    pub status: Vec<u16>,
    /// Statuses that may refuse the session: the identity probe decides. Such an answer's body is read before, up to 64 KiB, so that its
    /// connection is free while the platform is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspect: Vec<u16>,
    /// Paths (prefixes) to which a refused session is redirected, such as `/login`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_to: Vec<String>,
    /// Headers that refuse the session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderRule>,
    /// Small bodies that refuse the session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<BodyRule>,
    /// Whether deleting the credential cookie (`credential.cookie`) refuses the session.
    pub cookie_deleted: bool,
}

/// A header whose presence, or value, refuses the session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderRule {
    /// Its name.
    pub name: String,
    /// Its exact value; any value when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A body that must be read to know what the answer means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BodyRule {
    /// The statuses whose bodies are read.
    pub status: Vec<u16>,
    /// The media type (without parameters) whose bodies are read.
    #[serde(default = "json")]
    pub content_type: String,
    /// The JSON pointer (RFC 6901) of the value that tells.
    pub pointer: String,
    /// The values (strings, or numbers and booleans as JSON writes them) that refuse the session.
    pub values: Vec<String>,
    /// Bytes to read at most; a larger body is not a refusal.
    #[serde(default = "cap")]
    pub cap: usize,
}

/// When and how often attempts are repeated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RetryRules {
    /// Attempts a call makes at most, the first included; replays after a renewal and redirects are not counted.
    pub attempts: u32,
    /// The first ceiling of the full-jitter backoff; doubles with each attempt.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub base: Duration,
    /// The highest ceiling of the backoff.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub cap: Duration,
    /// Methods, besides the idempotent ones (RFC 9110 §9.2.2), that are safe to repeat here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// A call, up to the head of its answer: attempts, waits, redirects and renewal included.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub total: Duration,
    /// One exchange that the session makes for itself (sign-in step, renewal, probe).
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub exchange: Duration,
    /// One answer of the store.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub store: Duration,
    /// How long the program may take to answer a question: a second factor, a person's consent, a custom sign-in.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub challenge: Duration,
}

impl Default for Refused {
    fn default() -> Self {
        Self {
            status: vec![401],
            suspect: Vec::new(),
            redirect_to: Vec::new(),
            headers: Vec::new(),
            bodies: Vec::new(),
            cookie_deleted: false,
        }
    }
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { attempts: 4, base: Duration::from_millis(250), cap: Duration::from_secs(20), methods: Vec::new() }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(60),
            exchange: Duration::from_secs(30),
            store: Duration::from_secs(5),
            challenge: Duration::from_secs(300),
        }
    }
}

fn json() -> String {
    "application/json".to_owned()
}

const fn cap() -> usize {
    64 * 1024
}

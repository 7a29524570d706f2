//! A platform as data: where it is, how one signs in, what a refusal looks like, and who may see credentials.
//!
//! **Invariant:** every key is checked; an unknown or mistyped one is refused with its name, its line and the nearest key
//! that exists. No secret belongs in a platform file.

mod check;
mod compiled;
mod duration;
mod oauth;
mod parse;
mod program;
mod recipe;
mod rules;
#[cfg(feature = "schema")]
mod schema;
mod signing;
mod staying;
pub(crate) mod steps;
pub mod template;

use serde::{Deserialize, Serialize};

pub use compiled::Compiled;
pub use oauth::{AuthorizationCode, ClientCredentials, DeviceCode, OAuth};
pub(crate) use program::{Plan, Step, StepBody, To};
pub use recipe::{Bundle, ClientAuth, Csrf, Login, OAuthRefresh, Place, SignIn, Source, Success, TokenPointers};
pub use rules::{BodyRule, HeaderRule, Identity, Refused, RetryRules, Timeouts};
pub use signing::{Dpop, DpopAlg, Signer};
pub use staying::{ExpirySource, KeepAlive, Lifetime, SignOut};
pub use steps::{AnswerRule, ApiKey, CallCsrf, CodeRules, Element, Handshake, JsonRule, SignInStep, Steps};

/// A service that accounts sign in to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The stable name; saved sessions belong to it.
    pub id: String,
    /// What relative addresses resolve against; its origin may see credentials.
    pub base_url: String,
    /// Further origins that may see credentials, as `scheme://host[:port]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// How an account signs in.
    pub sign_in: SignIn,
    /// How a session is renewed, where that is not the sign-in recipe itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<OAuthRefresh>,
    /// Where the endpoints of an OAuth 2 platform are learned, where this file does not name them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
    /// How a session shows itself on each attempt.
    #[serde(default)]
    pub credential: Credential,
    /// What the program's signer adds to attempts, if the platform wants any signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// Whether tokens are bound to a key of the session's (DPoP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop: Option<Dpop>,
    /// The token against cross-site requests that calls carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<CallCsrf>,
    /// Who the platform says this session is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What a refused session looks like.
    #[serde(default)]
    pub refused: Refused,
    /// How a session is kept alive while nobody uses it; when absent, it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<KeepAlive>,
    /// How long a session may last, whatever the platform says of its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// How the platform is told that a session is over; when absent, it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_out: Option<SignOut>,
    /// When and how often attempts are repeated.
    #[serde(default)]
    pub retry: RetryRules,
    /// How long things may take.
    #[serde(default)]
    pub timeouts: Timeouts,
}

impl Platform {
    /// Where the platform is asked who a session is, if it can be asked.
    pub fn probe(&self) -> Option<&str> {
        self.identity.as_ref()?.path.as_deref()
    }
}

/// How a session shows itself on each attempt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Credential {
    /// The header that carries the access token; `authorization` when a token is at hand and nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What precedes the token in that header; `Bearer` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The cookie that *is* the credential: when its value changes the generation grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// How long an access token lives, in seconds, where the platform does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// What tells when the credential ends: the first of these that does. `expires_in`, `cookie`, `jwt` and `lifetime`, in this order,
    /// when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_from: Option<Vec<ExpirySource>>,
}

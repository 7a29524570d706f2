//! A sign-in written step by step, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HeaderRule, Source, Success, TokenPointers};

/// Requests that are made one after the other.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// The steps, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<SignInStep>,
}

/// One request of a sign-in.
///
/// In the templates of its path, headers and fields `{name}` stands for what an earlier step took under that name, or else for that field of
/// the credentials; `{code}` is the code of a second factor. A step that names `{code}` after a step with a `challenge` is made only when
/// that challenge came.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignInStep {
    /// Where it goes; a template, resolved against the platform's base.
    pub path: String,
    /// Its method; POST with a body and GET without one when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// An urlencoded body: names and templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<BTreeMap<String, String>>,
    /// A JSON object of texts as the body: names and templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<BTreeMap<String, String>>,
    /// Further headers: names and templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What later steps need of its answer, by the names that their templates have for it. With `challenge`, what is not there is
    /// left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extract: BTreeMap<String, Source>,
    /// What success looks like.
    #[serde(default)]
    pub success: Success,
    /// Where the tokens are in the answer, if it holds any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPointers>,
    /// Whether redirects are followed before the answer is judged: with GET, ten at most, with cookies only to origins that the platform
    /// names.
    #[serde(default)]
    pub follow: bool,
    /// An answer that brings a token with which the step is sent once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Handshake>,
    /// What an answer looks like that asks for a second factor; the next step sends its `{code}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<AnswerRule>,
    /// How often codes may be wrong, where this step sends `{code}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeRules>,
}

/// An answer that refuses a request for want of a token, and brings one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// The status of such an answer.
    #[serde(default = "conflict")]
    pub status: u16,
    /// The header that brings the token, and takes it back.
    pub header: String,
}

/// What an answer looks like; everything that is said must hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AnswerRule {
    /// Its status is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// It has this header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderRule>,
    /// It sets this cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// It redirects to a path that begins so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
    /// Its JSON body holds this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonRule>,
}

/// A value in a JSON body.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JsonRule {
    /// Its JSON pointer (RFC 6901).
    pub pointer: String,
    /// The values (strings, or numbers and booleans as JSON writes them) that it may have; any when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How often codes of a second factor may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CodeRules {
    /// Codes that are tried at most.
    pub tries: u32,
    /// The JSON pointer (RFC 6901) of the number of tries left, in the answer to a wrong code; it is believed rather than `tries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<String>,
    /// What an answer looks like after which no code is asked for any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<AnswerRule>,
}

/// An API key that every attempt carries: the credentials' field `api_key`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ApiKey {
    /// In this header.
    Header(String),
    /// In this parameter of the address's query. It is added to attempts at the platform's origins alone, and shown nowhere.
    Query(String),
}

/// A token against cross-site requests that calls carry; at the platform's origins alone. Sign-in steps carry it too, where they say nothing
/// else of its header, and so do the redirects that they and calls follow.
///
/// Token endpoints get none: what is sent there carries no cookie that it would protect, and the client shows itself (RFC 6749 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CallCsrf {
    /// The header that carries it.
    pub header: String,
    /// The cookie whose value, percent-decoded, it is. It is sent with every method but GET, HEAD, OPTIONS and TRACE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The status of an answer that brings the token in that header, such as 409. The attempt is repeated with it, once, and the token is
    /// sent from then on with every method. A token that a sign-in step's answer brings so is carried by calls as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<u16>,
}

/// An HTML element, one attribute of which is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Element {
    /// Its name, such as `meta`.
    pub element: String,
    /// The attributes that it must have, with their values, such as `name = "csrf-token"`.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// The attribute that is taken, such as `content`.
    pub take: String,
}

impl SignInStep {
    /// Its method, said or not.
    pub(crate) fn method(&self) -> &str {
        let has_body = self.form.is_some() || self.json.is_some();
        self.method.as_deref().unwrap_or(if has_body { "POST" } else { "GET" })
    }

    /// Every template in it, with the key that it stands under.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (String, &str)> {
        let tables = [("form", self.form.as_ref()), ("json", self.json.as_ref()), ("headers", Some(&self.headers))];
        let tables = tables.into_iter().filter_map(|(key, table)| Some((key, table?)));
        let inner = tables
            .flat_map(|(key, table)| table.iter().map(move |(name, text)| (format!("{key}.{name}"), text.as_str())));
        std::iter::once(("path".to_owned(), self.path.as_str())).chain(inner)
    }

    /// Whether one of its templates names this.
    pub(crate) fn names(&self, wanted: &str) -> bool {
        self.templates().any(|(_, text)| super::template::names(text).is_ok_and(|names| names.contains(&wanted)))
    }
}

impl Default for CodeRules {
    fn default() -> Self {
        Self { tries: 3, tries_left: None, stop: None }
    }
}

const fn conflict() -> u16 {
    409
}

/// What templates call the code of a second factor.
pub(crate) const CODE: &str = "code";

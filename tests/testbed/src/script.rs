//! Which faults were asked for by name: rules that match requests and are used up.
//!
//! **Invariant:** a rule that is exhausted stays listed with its counts; among rules that match, the oldest with something
//! left answers, and every matching rule counts the match.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::error::BadRule;

/// One scripted fault: when, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only requests with this method; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only paths that begin so (without the query); any when empty.
    #[serde(default)]
    pub path: String,
    /// Only requests that claim this account, by a token or cookie of it (expired or not) or by signing in as it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The first match that it acts on, counted from 1.
    #[serde(default = "once")]
    pub nth: u64,
    /// On how many matches it acts; 0 is for ever.
    #[serde(default = "once")]
    pub times: u64,
    /// What it does.
    pub action: Action,
}

/// What a fault does to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Answers so instead; the request is not carried out.
    Status {
        /// The status code.
        status: u16,
        /// Headers of the answer.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The answer's body.
        #[serde(default)]
        body: String,
    },
    /// Carries the request out and sends the answer late.
    Delay {
        /// How late, in milliseconds.
        ms: u64,
    },
    /// Lets the client wait until it gives up.
    Stall {
        /// Where the answer stops.
        #[serde(default)]
        at: Point,
    },
    /// Ends the connection with an RST.
    Reset {
        /// Where the answer stops.
        #[serde(default)]
        at: Point,
    },
    /// Ends the connection with a FIN.
    Close {
        /// Where the answer stops.
        #[serde(default)]
        at: Point,
    },
    /// Carries the request out, announces the whole body and closes in the middle of it.
    Truncate {
        /// How many bytes of the body arrive; half of it when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<u64>,
    },
    /// Answers so many matching requests in a row with 429, each time it acts.
    Throttle {
        /// How many requests.
        count: u64,
        /// `Retry-After`, in seconds.
        retry_after: u64,
    },
}

/// Where an answer stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Before the request is carried out.
    #[default]
    Before,
    /// After the request is carried out, before the answer's first byte.
    Answered,
    /// In the middle of the head.
    Head,
    /// In the middle of the body.
    Body,
}

/// Names a rule that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u64);

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleState {
    /// Its name.
    pub id: RuleId,
    /// How many requests it matched.
    pub matched: u64,
    /// How many requests it acted on.
    pub fired: u64,
    /// The rule.
    pub rule: Rule,
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Script {
    added: u64,
    rules: Vec<Active>,
}

struct Active {
    state: RuleState,
    /// Times that it has started to act; a burst is one.
    started: u64,
    /// What is left of a burst.
    burst: u64,
}

impl Rule {
    /// Acts once, on the first request whose path begins with `path`.
    pub fn on(path: impl Into<String>, action: Action) -> Self {
        Self { method: None, path: path.into(), account: None, nth: 1, times: 1, action }
    }

    /// Only requests with this method.
    pub fn method(self, method: impl Into<String>) -> Self {
        Self { method: Some(method.into()), ..self }
    }

    /// Only requests that claim this account.
    pub fn account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// Begins with this match, counted from 1.
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// Acts on so many matches; 0 is for ever.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), BadRule> {
        if self.nth == 0 {
            return Err(BadRule::Nth);
        }
        match &self.action {
            Action::Status { status, headers, .. } => {
                if !(200..1000).contains(status) {
                    return Err(BadRule::Status(*status));
                }
                header_map(headers).map(drop)
            }
            Action::Throttle { count: 0, .. } => Err(BadRule::Count),
            Action::Throttle { .. }
            | Action::Delay { .. }
            | Action::Stall { .. }
            | Action::Reset { .. }
            | Action::Close { .. }
            | Action::Truncate { .. } => Ok(()),
        }
    }

    fn matches(&self, method: &Method, path: &str, account: Option<&str>) -> bool {
        self.method.as_deref().is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
            && path.starts_with(&self.path)
            && self.account.as_deref().is_none_or(|wanted| account == Some(wanted))
    }
}

impl Action {
    /// The name under which it is counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Delay { .. } => "delay",
            Self::Stall { .. } => "stall",
            Self::Reset { .. } => "reset",
            Self::Close { .. } => "close",
            Self::Truncate { .. } => "truncate",
            Self::Throttle { .. } => "throttle",
        }
    }
}

impl Script {
    pub(crate) fn add(&mut self, rule: Rule) -> Result<RuleId, BadRule> {
        rule.check()?;
        self.added += 1;
        let id = RuleId(self.added);
        let state = RuleState { id, matched: 0, fired: 0, rule };
        self.rules.push(Active { state, started: 0, burst: 0 });
        Ok(id)
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn states(&self) -> Vec<RuleState> {
        self.rules.iter().map(|active| active.state.clone()).collect()
    }

    /// What the script does to this request, if anything.
    pub(crate) fn decide(&mut self, method: &Method, path: &str, account: Option<&str>) -> Option<Action> {
        let mut decided = None;
        for active in &mut self.rules {
            if !active.state.rule.matches(method, path, account) {
                continue;
            }
            active.state.matched += 1;
            if decided.is_none() && active.fires() {
                active.state.fired += 1;
                decided = Some(active.state.rule.action.clone());
            }
        }
        decided
    }
}

impl Active {
    fn fires(&mut self) -> bool {
        if self.burst > 0 {
            self.burst -= 1;
            return true;
        }
        let rule = &self.state.rule;
        if self.state.matched < rule.nth || (rule.times > 0 && self.started >= rule.times) {
            return false;
        }
        self.started += 1;
        if let Action::Throttle { count, .. } = rule.action {
            self.burst = count - 1;
        }
        true
    }
}

pub(crate) fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, BadRule> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bad = || BadRule::Header(name.clone());
        let key = HeaderName::try_from(name).map_err(|_| bad())?;
        map.append(key, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(map)
}

/// The status of a rule that was checked.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn once() -> u64 {
    1
}

//! What does the world answer in a scenario, and how much later?

use std::collections::BTreeMap;

use bytes::Bytes;
use hallpass_core::credentials::Secret;
use hallpass_core::effect::{
    self, Arrival, Declined, Effect, Exchange, Failure, FailureKind, Outcome, PermitAnswer, Sent, SignWork,
};
use hallpass_core::store::{Record, StoreError};
use serde::Deserialize;

use super::{Given, Scenario, signs};
use crate::dialogue::{Shelf, arrival};
use crate::hex;

/// What exchanges with one method and path are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct Answer {
    #[serde(default)]
    pub method: Option<String>,
    pub path: String,
    #[serde(default)]
    pub nth: Option<u32>,
    pub after: u64,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub fail: Option<String>,
    #[serde(default)]
    pub sent: Option<String>,
}

/// What is different about one operation of the store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct StoreRule {
    pub op: String,
    pub nth: u32,
    #[serde(default)]
    pub after: u64,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub put: Option<String>,
    #[serde(default)]
    pub held: bool,
}

/// What one permit is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct PermitRule {
    pub nth: u32,
    pub answer: String,
}

/// What one question is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct AskRule {
    pub nth: u32,
    pub after: u64,
    pub code: Option<String>,
    pub redirected: Option<String>,
    pub shown: bool,
    pub signed_in: Option<Given>,
    pub declined: Option<String>,
}

/// The world of one run.
#[derive(Debug)]
pub struct Script {
    scenario: Scenario,
    shelf: Shelf,
    counts: BTreeMap<String, u32>,
}

/// An answer on its way.
#[derive(Debug)]
pub struct Planned {
    /// Virtual milliseconds until it arrives.
    pub after: u64,
    what: Due,
}

#[derive(Debug)]
enum Due {
    Ready(Box<Outcome>),
    Stored { effect: Box<Effect>, rule: Option<StoreRule> },
}

impl Script {
    /// The world at the beginning of a scenario.
    pub fn new(scenario: &Scenario, session: &hallpass_core::machine::Session) -> Self {
        let shelf = Shelf::default();
        if let (Some(sealed), Some(key)) = (&scenario.record, session.record_key()) {
            shelf.put(&key, hex::decode(sealed).expect("hexadecimal"));
        }
        Self { scenario: scenario.clone(), shelf, counts: BTreeMap::new() }
    }

    /// What the store holds.
    pub fn record(&self) -> Option<Record> {
        self.shelf.record()
    }

    /// Looks up what an effect is answered; `None`: it never is.
    pub fn plan(&mut self, effect: Effect) -> Option<Planned> {
        match effect {
            Effect::Exchange(exchange) => self.plan_exchange(&exchange),
            Effect::Permit(_) => {
                let nth = self.count("permit".to_owned());
                let rule = self.scenario.permits.iter().find(|rule| rule.nth == nth);
                let answer = match rule.map(|rule| rule.answer.as_str()) {
                    None | Some("granted") => PermitAnswer::Granted,
                    Some("denied") => PermitAnswer::Denied,
                    Some(other) => panic!("`{other}` is no answer to a permit"),
                };
                Some(Planned { after: 0, what: Due::Ready(Box::new(Outcome::Permit(answer))) })
            }
            Effect::Load(_) => Some(self.plan_stored("load", effect)),
            Effect::Save(_) => Some(self.plan_stored("save", effect)),
            Effect::Remove(_) => Some(self.plan_stored("remove", effect)),
            Effect::Sign(sign) => Some(self.plan_sign(&sign.work)),
            Effect::Ask(_) => {
                let nth = self.count("ask".to_owned());
                let rule = self.scenario.asks.iter().find(|rule| rule.nth == nth)?;
                Some(Planned { after: rule.after, what: Due::Ready(Box::new(Outcome::Ask(rule.result()))) })
            }
            Effect::Lease(_) => Some(self.plan_stored("lease", effect)),
            Effect::Release(_) => Some(self.plan_stored("release", effect)),
            Effect::CacheLoad(_) | Effect::CacheStore(_) => {
                panic!("scenarios do not answer {effect:?} yet")
            }
        }
    }

    /// What an answer is, now that it is due. A store acts at this moment, not when it was asked.
    pub fn arrive(&mut self, planned: Planned) -> Outcome {
        let (effect, rule) = match planned.what {
            Due::Ready(outcome) => return *outcome,
            Due::Stored { effect, rule } => (*effect, rule),
        };
        let rule = rule.as_ref();
        if let (Some(sealed), Effect::Save(save)) = (rule.and_then(|rule| rule.put.as_ref()), &effect) {
            self.shelf.put(&save.key, hex::decode(sealed).expect("hexadecimal"));
        }
        let error = rule.and_then(|rule| rule.error.as_deref()).map(|error| match error {
            "unavailable" => StoreError::Unavailable("scripted".to_owned()),
            "damaged" => StoreError::Damaged("scripted".to_owned()),
            other => panic!("`{other}` is no error of a store"),
        });
        if rule.is_some_and(|rule| rule.held) {
            return Outcome::Lease(Ok(None));
        }
        match (error, &effect) {
            (Some(error), Effect::Load(_)) => Outcome::Load(Err(error)),
            (Some(error), Effect::Save(_)) => Outcome::Save(Err(error)),
            (Some(error), Effect::Lease(_)) => Outcome::Lease(Err(error)),
            (Some(error), Effect::Release(_)) => Outcome::Release(Err(error)),
            (Some(error), _) => Outcome::Remove(Err(error)),
            (None, _) => self.shelf.perform(&effect).expect("an operation of the store"),
        }
    }

    fn plan_sign(&mut self, work: &SignWork) -> Planned {
        let nth = self.count("sign".to_owned());
        let rules = self.scenario.signs.as_deref().unwrap_or_default();
        let (after, result) = signs::result(rules, work, nth);
        Planned { after, what: Due::Ready(Box::new(Outcome::Sign(result))) }
    }

    fn plan_stored(&mut self, op: &str, effect: Effect) -> Planned {
        let nth = self.count(op.to_owned());
        let rule = self.scenario.store.iter().find(|rule| rule.op == op && rule.nth == nth).cloned();
        Planned {
            after: rule.as_ref().map_or(0, |rule| rule.after),
            what: Due::Stored { effect: Box::new(effect), rule },
        }
    }

    fn plan_exchange(&mut self, exchange: &Exchange) -> Option<Planned> {
        let (method, path) = (exchange.method.as_str(), exchange.uri.path());
        let nth = self.count(format!("{method} {path}"));
        let fits = |rule: &&Answer| rule.method.as_deref().unwrap_or("GET") == method && rule.path == path;
        let mut rules = self.scenario.answers.iter().filter(fits);
        let rule =
            rules.clone().find(|rule| rule.nth == Some(nth)).or_else(|| rules.find(|rule| rule.nth.is_none()))?;
        Some(Planned { after: rule.after, what: Due::Ready(Box::new(Outcome::Exchange(rule.result(exchange)))) })
    }

    fn count(&mut self, what: String) -> u32 {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        *count
    }
}

impl Answer {
    fn result(&self, exchange: &Exchange) -> Result<Arrival, Failure> {
        if let Some(kind) = &self.fail {
            let mut kinds = FailureKind::ALL.iter().copied();
            let kind = kinds.find(|known| known.error_kind().as_str() == kind).expect("a kind of failure");
            let sent = if self.sent.as_deref() == Some("no") { Sent::No } else { Sent::Maybe };
            return Err(Failure::new(kind, sent, "scripted"));
        }
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let whole = arrival(self.status.expect("a status or a failure"), &headers, "");
        Ok(match exchange.read.cap_for(whole.status, &whole.headers) {
            None => Arrival { body: None, ..whole },
            Some(cap) if self.body.len() > cap => Arrival { body: None, over_cap: true, ..whole },
            Some(_) => Arrival { body: Some(Bytes::from(self.body.clone())), ..whole },
        })
    }
}

impl AskRule {
    fn result(&self) -> Result<effect::Answer, Declined> {
        match self {
            Self { code: Some(code), .. } => Ok(effect::Answer::Code(Secret::new(code.as_str()))),
            Self { redirected: Some(to), .. } => Ok(effect::Answer::Redirected(Secret::new(to.as_str()))),
            Self { shown: true, .. } => Ok(effect::Answer::Shown),
            Self { signed_in: Some(given), .. } => Ok(effect::Answer::SignedIn(Box::new(given.credentials()))),
            Self { declined, .. } => Err(Declined { why: declined.clone().unwrap_or_default() }),
        }
    }
}

//! What the platform does with a request, and what comes back, if anything.

use hallpass_core::effect::{Arrival, Exchange, Failure, FailureKind, Owner, Purpose, SendBody, Sent};

use super::World;
use crate::dialogue::arrival;

/// How the way there and back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Well,
    /// No connection: nothing was sent.
    Refused,
    /// The request never arrived, but the sender cannot know.
    LostThere,
    /// The request was acted upon, and its answer was lost.
    LostBack,
    /// Turned away before anything was done.
    Busy(u16),
    /// Acted upon, and then the server failed.
    Failed,
    /// Acted upon, and nobody ever answers.
    Silent,
}

impl World {
    /// Plays an exchange: the latency and the answer; `None` where there is none.
    pub(super) fn serve(&mut self, who: usize, exchange: &Exchange) -> Option<(u64, Result<Arrival, Failure>)> {
        let way = self.way();
        let after = match self.rng.below(20) {
            0 if !self.is_calm => 25_000 + self.rng.below(10_000),
            _ => 1 + self.rng.below(400),
        };
        let lost = |kind, sent| Some((after, Err(Failure::new(kind, sent, "drawn"))));
        let is_own = matches!(exchange.owner, Owner::Session(Purpose::Renewal | Purpose::SignIn));
        let token = is_own.then(|| refresh_token(exchange));
        let certainly_unused = |process: &mut super::process::Process| {
            if let Some(token) = &token {
                process.seen.unused(token);
            }
        };
        match way {
            Way::Refused => {
                certainly_unused(&mut self.processes[who]);
                return lost(FailureKind::Connect, Sent::No);
            }
            Way::LostThere => return lost(FailureKind::ConnectionLost, Sent::Maybe),
            Way::Busy(status) => {
                certainly_unused(&mut self.processes[who]);
                let headers: &[(&str, &str)] = if self.rng.percent(50) { &[("retry-after", "2")] } else { &[] };
                return Some((after, Ok(arrival(status, headers, ""))));
            }
            Way::Well | Way::LostBack | Way::Failed | Way::Silent => {}
        }
        let answer = match &token {
            Some(token) => self.tokens(token),
            None => self.resource(who, exchange),
        };
        match way {
            Way::LostBack => lost(FailureKind::ConnectionLost, Sent::Maybe),
            Way::Failed => Some((after, Ok(arrival(500, &[], "")))),
            Way::Silent => None,
            Way::Well | Way::Refused | Way::LostThere | Way::Busy(_) => Some((after, Ok(answer))),
        }
    }

    fn way(&mut self) -> Way {
        if self.is_calm {
            return Way::Well;
        }
        match self.rng.below(40) {
            0 | 1 => Way::Refused,
            2 => Way::LostThere,
            3 => Way::LostBack,
            4 | 5 => Way::Busy(429),
            6 => Way::Failed,
            7 => Way::Silent,
            _ => Way::Well,
        }
    }

    fn tokens(&mut self, token: &str) -> Arrival {
        match self.issuer.exchange(token, self.at) {
            Some((body, _)) => arrival(200, &[("content-type", "application/json")], &body),
            None => arrival(400, &[("content-type", "application/json")], r#"{"error": "invalid_grant"}"#),
        }
    }

    fn resource(&mut self, who: usize, exchange: &Exchange) -> Arrival {
        let is_home = exchange.uri.host() == Some("api.example");
        let token = exchange.headers.get("authorization").and_then(|value| value.to_str().ok());
        if !is_home {
            assert!(
                token.is_none() && !exchange.headers.contains_key("cookie"),
                "credentials left for {}",
                exchange.uri
            );
            assert_eq!(exchange.generation, 0);
            return arrival(200, &[("set-cookie", "evil=1")], "");
        }
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !self.issuer.accepts(token, self.at) {
            return arrival(401, &[], "");
        }
        let drawn = self.rng.below(12);
        if let (Owner::Call(call), 2..) = (exchange.owner, drawn) {
            self.processes[who].seen.acted(call, &exchange.method);
        }
        match drawn {
            0 => arrival(302, &[("location", "https://cdn.example/x")], ""),
            1 => arrival(307, &[("location", "/other")], ""),
            2 => arrival(200, &[("set-cookie", &format!("c{}={}", self.rng.below(4), self.rng.below(100)))], ""),
            3 => arrival(503, &[], ""),
            _ => arrival(200, &[], ""),
        }
    }
}

/// The refresh token that a token request takes along.
pub(super) fn refresh_token(exchange: &Exchange) -> String {
    let SendBody::Bytes(body) = &exchange.body else { panic!("a token request has a body") };
    let text = std::str::from_utf8(body).expect("text");
    let token = text.split('&').find_map(|pair| pair.strip_prefix("refresh_token="));
    token.expect("a refresh token").to_owned()
}

//! What did every request say, and which secrets is each account known by? For tests that search the one for the other.

use std::fmt::Write;

use crate::exchange::Exchange;
use crate::platform::World;

/// Requests as they arrived, once that is asked for.
#[derive(Default)]
pub(crate) struct Record(Option<Vec<String>>);

impl Record {
    /// Writes down every request from now on.
    pub(crate) fn begin(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(crate) fn add(&mut self, exchange: &Exchange) {
        let Some(requests) = &mut self.0 else { return };
        let mut text = format!("{} {}\n", exchange.method, exchange.uri);
        for (name, value) in &exchange.headers {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&exchange.body));
        requests.push(text);
    }

    pub(crate) fn requests(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl World {
    /// Every secret that an account has, or was ever given.
    pub(crate) fn secrets(&self, account: &str) -> Vec<String> {
        let mut secrets: Vec<String> = self.accounts.password(account).into_iter().collect();
        secrets.extend(self.grants.tokens_of(account).map(str::to_owned));
        secrets.extend(self.sessions.secrets_of(account).map(str::to_owned));
        secrets.sort();
        secrets
    }
}

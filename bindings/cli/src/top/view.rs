//! What is shown at a moment: a client's snapshot, the sessions that could not be opened, and where the person looks.
//!
//! **Invariant:** nothing here asks anybody or draws anything, so that what is shown is a function of what is held.

use std::time::Duration;

use hallpass::{SessionSnapshot, Snapshot};

/// Everything that a frame shows.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) platform: String,
    pub(super) rows: Vec<Row>,
    /// The first lines: sums over all sessions, and the connections.
    pub(super) summary: [String; 2],
    /// The row that keys are about.
    pub(super) selected: usize,
    /// How the last wish went.
    pub(super) message: String,
    pub(super) help: Help,
}

/// Whether the keys are explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Help {
    #[default]
    Hidden,
    Shown,
}

/// One session, as words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) account: String,
    /// The state's word, or `unopened`.
    pub(super) state: &'static str,
    pub(super) age: String,
    pub(super) expires: String,
    pub(super) generation: String,
    pub(super) calls: String,
    pub(super) in_flight: String,
    pub(super) waiting: String,
    pub(super) errors: String,
    pub(super) retries: String,
    pub(super) renewals: String,
    pub(super) last_error: &'static str,
}

/// A saved session that could not be opened, and why.
#[derive(Clone, Debug)]
pub(super) struct Unopened {
    pub(super) account: String,
    pub(super) kind: &'static str,
}

impl View {
    /// Takes over what a snapshot says; the selection stays with its account.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot, unopened: &[Unopened]) {
        let before = self.account().map(str::to_owned);
        self.rows = snapshot.sessions.iter().map(|session| Row::of(session, snapshot)).collect();
        self.rows.extend(unopened.iter().map(Row::unopened));
        self.rows.sort_by(|a, b| a.account.cmp(&b.account));
        self.summary = [sums(snapshot), connections(snapshot)];
        if let Some(at) = before.and_then(|account| self.rows.iter().position(|row| row.account == account)) {
            self.selected = at;
        }
        self.go(0);
    }

    /// The account that keys are about.
    pub(super) fn account(&self) -> Option<&str> {
        self.rows.get(self.selected).map(|row| row.account.as_str())
    }

    /// Moves the selection by so many rows, as far as there are rows.
    pub(super) fn go(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
    }
}

impl Row {
    fn of(session: &SessionSnapshot, snapshot: &Snapshot) -> Self {
        let stats = &session.stats;
        Self {
            account: session.account.clone(),
            state: session.state.as_str(),
            age: session.age.map(span).unwrap_or_default(),
            expires: match session.expires_at {
                None => "-".to_owned(),
                Some(ends) if ends > snapshot.at => span(ends.since(snapshot.at)),
                Some(_) => "ended".to_owned(),
            },
            generation: session.generation.to_string(),
            calls: stats.calls.to_string(),
            in_flight: session.in_flight.to_string(),
            waiting: session.waiting.to_string(),
            errors: stats.errors.to_string(),
            retries: stats.retries.to_string(),
            renewals: stats.renewals.to_string(),
            last_error: session.last_error.map_or("", hallpass::Kind::as_str),
        }
    }

    fn unopened(session: &Unopened) -> Self {
        Self { account: session.account.clone(), state: "unopened", last_error: session.kind, ..Self::default() }
    }
}

fn sums(snapshot: &Snapshot) -> String {
    let (totals, stats) = (&snapshot.totals, &snapshot.totals.stats);
    format!(
        "{} sessions  calls {}  in flight {}  waiting {}  errors {}  retries {}  renewals {}",
        totals.sessions, stats.calls, totals.in_flight, totals.waiting, stats.errors, stats.retries, stats.renewals
    )
}

fn connections(snapshot: &Snapshot) -> String {
    let Some(pool) = snapshot.connections else { return String::new() };
    format!(
        "connections {}: {} in use, {} idle, {} waited for  made {}  reused {}",
        pool.open, pool.in_use, pool.idle, pool.waiting, pool.created, pool.reused
    )
}

/// A length of time in the unit that fits, in few letters.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

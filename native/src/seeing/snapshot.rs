//! How do a client's sessions stand at this moment?
//!
//! **Invariant:** a snapshot holds names, numbers and times; never a secret. Totals never go back, also when sessions go.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass_core::error::Kind;
use hallpass_core::machine::{Session as Core, State, Stats};
use hallpass_core::time::Wall;
use serde::Serialize;

use crate::http::PoolStats;

/// All of a client at one moment; see [`Client::snapshot`](crate::Client::snapshot).
///
/// Serialized, moments are unix milliseconds and durations milliseconds, and counters stand beside the other fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken.
    #[serde(serialize_with = "written::moment")]
    pub at: Wall,
    /// Every live session, by platform and account.
    pub sessions: Vec<SessionSnapshot>,
    /// Sums of each platform, with the counters of sessions that are gone.
    pub platforms: BTreeMap<String, Totals>,
    /// Sums of all platforms.
    pub totals: Totals,
    /// The connection pool; `None` where a script stands in for the network.
    pub connections: Option<PoolStats>,
}

/// One session at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionSnapshot {
    /// The platform's id.
    pub platform: String,
    /// The account's name.
    pub account: String,
    /// Where it stands.
    #[serde(serialize_with = "written::word")]
    pub state: State,
    /// How many sign-ins and renewals its present credentials have behind them.
    pub generation: u64,
    /// How long ago the account signed in.
    #[serde(serialize_with = "written::span")]
    pub age: Option<Duration>,
    /// When its present access token ends, where that is known.
    #[serde(serialize_with = "written::moment_if_any")]
    pub expires_at: Option<Wall>,
    /// Calls that wait for an answer from the wire.
    pub in_flight: usize,
    /// Calls that wait for anything else.
    pub waiting: usize,
    /// The kind of the last error of a call, or that the session met with by itself.
    #[serde(serialize_with = "written::kind")]
    pub last_error: Option<Kind>,
    /// Whether the store holds all that it has; `None` where it is kept nowhere.
    pub is_saved: Option<bool>,
    /// Its counters since it was made in this process.
    #[serde(flatten, serialize_with = "written::counters")]
    pub stats: Stats,
}

/// Sums over sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Live sessions.
    pub sessions: usize,
    /// Their calls that wait for an answer from the wire.
    pub in_flight: usize,
    /// Their calls that wait for anything else.
    pub waiting: usize,
    /// The counters of all sessions since the client was made.
    #[serde(flatten, serialize_with = "written::counters")]
    pub stats: Stats,
}

/// What sessions that are gone have counted, by platform.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<String, Line>);

#[derive(Debug, Default)]
struct Line {
    gone: Stats,
    /// The highest sums told so far: a session that is just going is in neither list for an instant.
    told: Stats,
}

impl SessionSnapshot {
    pub(crate) fn of(core: &Core, at: Wall) -> Self {
        let under_way = core.under_way();
        Self {
            platform: core.compiled().platform().id.clone(),
            account: core.account().to_owned(),
            state: core.state(),
            generation: core.generation(),
            age: core.signed_in_at().map(|since| at.since(since)),
            expires_at: core.expires_at(),
            in_flight: under_way.in_flight,
            waiting: under_way.waiting,
            last_error: core.last_error(),
            is_saved: core.keeps(),
            stats: core.stats(),
        }
    }
}

impl Snapshot {
    /// Sums up what live sessions say and what gone ones left.
    pub(crate) fn new(
        at: Wall,
        mut sessions: Vec<SessionSnapshot>,
        ledger: &mut Ledger,
        connections: Option<PoolStats>,
    ) -> Self {
        let mut platforms: BTreeMap<String, Totals> = BTreeMap::new();
        for (platform, line) in &ledger.0 {
            platforms.entry(platform.clone()).or_default().stats = line.gone;
        }
        for session in &sessions {
            let totals = match platforms.get_mut(&session.platform) {
                Some(totals) => totals,
                None => platforms.entry(session.platform.clone()).or_default(),
            };
            totals.stats = totals.stats.with(&session.stats, u64::saturating_add);
            if session.state != State::Closed {
                totals.sessions += 1;
                totals.in_flight += session.in_flight;
                totals.waiting += session.waiting;
            }
        }
        let mut totals = Totals::default();
        for (platform, of) in &mut platforms {
            let line = ledger.0.entry(platform.clone()).or_default();
            line.told = of.stats.with(&line.told, u64::max);
            of.stats = line.told;
            totals.sessions += of.sessions;
            totals.in_flight += of.in_flight;
            totals.waiting += of.waiting;
            totals.stats = totals.stats.with(&of.stats, u64::saturating_add);
        }
        sessions.retain(|session| session.state != State::Closed);
        sessions.sort_by(|a, b| (&a.platform, &a.account).cmp(&(&b.platform, &b.account)));
        Self { at, sessions, platforms, totals, connections }
    }
}

impl Ledger {
    /// Keeps what a session has counted that goes now.
    pub(crate) fn add(&mut self, platform: &str, stats: &Stats) {
        if !self.0.contains_key(platform) {
            self.0.insert(platform.to_owned(), Line::default());
        }
        if let Some(line) = self.0.get_mut(platform) {
            line.gone = line.gone.with(stats, u64::saturating_add);
        }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
mod written {
    //! How fields are written that are no numbers or words by themselves.

    use std::time::Duration;

    use hallpass_core::error::Kind;
    use hallpass_core::machine::{State, Stats};
    use hallpass_core::time::Wall;
    use serde::Serialize;
    use serde::ser::{SerializeMap, Serializer};

    pub(super) fn moment<S: Serializer>(at: &Wall, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.as_millis())
    }

    pub(super) fn moment_if_any<S: Serializer>(at: &Option<Wall>, to: S) -> Result<S::Ok, S::Error> {
        at.map(Wall::as_millis).serialize(to)
    }

    pub(super) fn span<S: Serializer>(of: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        of.map(|of| u64::try_from(of.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(super) fn word<S: Serializer>(state: &State, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(state.as_str())
    }

    pub(super) fn kind<S: Serializer>(kind: &Option<Kind>, to: S) -> Result<S::Ok, S::Error> {
        kind.map(Kind::as_str).serialize(to)
    }

    pub(super) fn counters<S: Serializer>(stats: &Stats, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(Stats::NAMES.len()))?;
        for (name, value) in Stats::NAMES.iter().zip(stats.values()) {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

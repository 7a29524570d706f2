//! What a session counts.

/// Counters of one session since it was made; they only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Calls begun.
    pub calls: u64,
    /// Attempts of calls that went to the wire.
    pub attempts: u64,
    /// Attempts beyond the first of a hop, after a failure or a busy answer.
    pub retries: u64,
    /// Attempts repeated with a newer generation after a refusal.
    pub replays: u64,
    /// Redirects followed.
    pub redirects: u64,
    /// Answers that refused a session.
    pub refusals: u64,
    /// Successful sign-ins.
    pub sign_ins: u64,
    /// Successful renewals.
    pub renewals: u64,
    /// Sessions opened from the store.
    pub restores: u64,
    /// Successful saves.
    pub saves: u64,
    /// Calls answered from the cache.
    pub cache_hits: u64,
}

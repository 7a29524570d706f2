//! What does the end of a call say about the session that made it?
//!
//! **Invariant:** the mapping is complete, and nothing but what a platform says of the account itself makes a member `expired`: a
//! throttle is not the session's fault, a network that is away breaks a member for a while at most.

use crate::error::{Error, Fault, Kind, Retry};
use crate::machine::Verdict;
use crate::time::Wall;

/// What the use of a session showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It served.
    Good,
    /// Nothing that says anything about it: it was not used, or the program was at fault.
    Neutral,
    /// It, or the platform, failed; several in a row break a member for a while.
    Failed,
    /// The platform asks to wait, until then where it tells. Not the session's fault: its health stays as it is.
    Throttled(Option<Wall>),
    /// The session has ended and the account must sign in again. Where a call shows it, the session may be opened anew once; where the
    /// program says it, or opening fails, the account is expired.
    Expired,
    /// The platform shut the account out.
    Banned,
}

impl Outcome {
    /// What an answer shows.
    #[must_use]
    pub const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Served | Verdict::Declined => Self::Good,
            Verdict::Refused | Verdict::Rejected => Self::Expired,
            Verdict::Throttled(at) => Self::Throttled(at),
            Verdict::Failed => Self::Failed,
        }
    }

    /// What an error shows, of a call or of opening the session.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        match (error.code(), error.code().fault()) {
            (Kind::Throttled, _) => Self::Throttled(match error.retry() {
                Retry::After(at) => Some(at),
                Retry::Never | Retry::Now | Retry::GaveUp => None,
            }),
            (Kind::CredentialsInvalid, _) | (_, Fault::Account) => Self::Expired,
            (_, Fault::Platform | Fault::Network | Fault::Store) => Self::Failed,
            (_, Fault::Program | Fault::Internal) => Self::Neutral,
        }
    }

    /// Its stable word, the same in every binding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Neutral => "neutral",
            Self::Failed => "failed",
            Self::Throttled(_) => "throttled",
            Self::Expired => "expired",
            Self::Banned => "banned",
        }
    }

    /// The outcome of a word; `until` is for `throttled` only.
    pub fn parse(word: &str, until: Option<Wall>) -> Option<Self> {
        let all = [Self::Good, Self::Neutral, Self::Failed, Self::Throttled(until), Self::Expired, Self::Banned];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// Whether it counts at once, not only when the lease ends.
    pub(super) const fn is_urgent(self) -> bool {
        match self {
            Self::Throttled(_) | Self::Expired | Self::Banned => true,
            Self::Good | Self::Neutral | Self::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_an_outcome() {
        let at = Some(Wall::from_millis(5));
        let pairs = [
            (Verdict::Served, Outcome::Good),
            (Verdict::Declined, Outcome::Good),
            (Verdict::Refused, Outcome::Expired),
            (Verdict::Rejected, Outcome::Expired),
            (Verdict::Throttled(at), Outcome::Throttled(at)),
            (Verdict::Failed, Outcome::Failed),
        ];
        for (verdict, outcome) in pairs {
            assert_eq!(Outcome::of_verdict(verdict), outcome);
        }
    }

    #[test]
    fn only_the_accounts_own_errors_end_a_member() {
        for kind in Kind::ALL {
            let outcome = Outcome::of_error(&Error::new(*kind, ""));
            let expired = kind.fault() == Fault::Account || *kind == Kind::CredentialsInvalid;
            assert_eq!(outcome == Outcome::Expired, expired, "{kind:?}");
            assert_eq!(matches!(outcome, Outcome::Throttled(_)), *kind == Kind::Throttled, "{kind:?}");
        }
        let at = Wall::from_millis(7);
        let error = Error::new(Kind::Throttled, "").with_retry(Retry::After(at));
        assert_eq!(Outcome::of_error(&error), Outcome::Throttled(Some(at)));
    }

    #[test]
    fn a_word_is_read_as_it_is_written() {
        let until = Some(Wall::from_millis(9));
        for word in ["good", "neutral", "failed", "throttled", "expired", "banned"] {
            assert_eq!(Outcome::parse(word, until).map(Outcome::as_str), Some(word));
        }
        assert_eq!(Outcome::parse("bad", None), None);
    }
}

//! What can go wrong, by whose fault it is, as one flat type with stable names.
//!
//! **Invariant:** [`Kind::as_str`] is the same string in Rust, in JavaScript and on the command line (listed in
//! `tests/vectors/error-kinds.json`), and no error ever carries a secret.

use std::borrow::Cow;
use std::fmt;

use crate::time::Wall;

/// Why something that was asked for did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    detail: Cow<'static, str>,
    retry: Retry,
}

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// The same request will fail the same way.
    Never,
    /// The cause may already be gone.
    Now,
    /// Not before this moment.
    After(Wall),
    /// Hallpass repeated it as often as the rules allow.
    GaveUp,
}

/// Who would have to do something else for it to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The program: a wrong argument, file or setting.
    Program,
    /// The account: its credentials or its session.
    Account,
    /// The platform's servers.
    Platform,
    /// What lies between.
    Network,
    /// The store or the sealed records in it.
    Store,
    /// Hallpass or the program that drives it.
    Internal,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $fault:ident;)*) => {
        /// The stable name of a failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in the order of the vector file.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable string, the same in every binding.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)* }
            }
        }
    };
}

kinds! {
    /// A platform file has an unknown key, a missing one, or a value that cannot be.
    PlatformInvalid = "platform_invalid", Program;
    /// Credentials lack what the platform's recipe needs, or cannot be read.
    CredentialsInvalid = "credentials_invalid", Program;
    /// A request cannot be sent as it is: no scheme, unknown scheme, a body where none is allowed.
    RequestInvalid = "request_invalid", Program;
    /// A setting, argument or environment variable is wrong.
    ConfigInvalid = "config_invalid", Program;
    /// The call was cancelled by the program.
    Cancelled = "cancelled", Program;
    /// A body that can be sent only once would have to be sent again.
    BodyNotReplayable = "body_not_replayable", Program;
    /// A signer that needs the body cannot see one that can be sent only once.
    BodyNotSignable = "body_not_signable", Program;
    /// The program's signer declined, failed, or did not answer in time.
    SignerFailed = "signer_failed", Program;
    /// An effect was answered twice, by the wrong kind, or on the wrong session.
    Misuse = "misuse", Internal;
    /// The core trapped; its memory is not trusted any more.
    CoreTrapped = "core_trapped", Internal;

    /// No session is saved for this account, so there is nothing to resume.
    NoSession = "no_session", Account;
    /// The platform refused the credentials that were given.
    CredentialsRefused = "credentials_refused", Account;
    /// The platform asks for something more (a second factor) that nobody answers.
    ChallengeRequired = "challenge_required", Account;
    /// The code of a second factor was refused, and no other is asked for.
    ChallengeRefused = "challenge_refused", Account;
    /// No tries of a second factor are left.
    ChallengeExhausted = "challenge_exhausted", Account;
    /// Nobody answered in time what the platform asks for.
    ChallengeOverdue = "challenge_overdue", Account;
    /// The program would not answer what the platform asks for.
    ChallengeCancelled = "challenge_cancelled", Account;
    /// The session ended and nothing is at hand to renew it.
    Expired = "expired", Account;
    /// The platform refused a session that was fresh.
    Rejected = "rejected", Account;
    /// The answer to a renewal was lost after the issuer may have rotated the token.
    RenewalLost = "renewal_lost", Account;
    /// The session was closed by the program.
    Closed = "closed", Account;
    /// The platform says this is another account than the session claims.
    AccountMismatch = "account_mismatch", Account;
    /// The saved session was made under a platform that names other origins.
    PlatformChanged = "platform_changed", Account;

    /// The platform answered something that its description does not allow for (HTML for JSON, a missing field).
    UnexpectedAnswer = "unexpected_answer", Platform;
    /// An answer that had to be read whole is larger than its cap.
    AnswerTooLarge = "answer_too_large", Platform;
    /// More redirects than allowed, or a loop.
    TooManyRedirects = "too_many_redirects", Platform;
    /// A redirect that cannot be followed.
    RedirectInvalid = "redirect_invalid", Platform;
    /// The platform failed (5xx) as often as the rules allow.
    PlatformFailed = "platform_failed", Platform;
    /// The platform asks to wait longer than the call may take.
    Throttled = "throttled", Platform;

    /// The host name does not resolve.
    Dns = "dns", Network;
    /// The connection was refused or could not be made.
    Connect = "connect", Network;
    /// The TLS handshake failed or the certificate is not trusted.
    Tls = "tls", Network;
    /// The connection broke before the answer's head arrived.
    ConnectionLost = "connection_lost", Network;
    /// The connection broke in the middle of the answer's body.
    BodyTruncated = "body_truncated", Network;
    /// The answer is not HTTP.
    Protocol = "protocol", Network;
    /// No connection was made in time.
    ConnectTimeout = "connect_timeout", Network;
    /// The answer's head did not arrive in time.
    FirstByteTimeout = "first_byte_timeout", Network;
    /// The next part of the answer's body did not arrive in time.
    ChunkTimeout = "chunk_timeout", Network;
    /// The call's total deadline passed.
    Timeout = "timeout", Network;
    /// An effect that the driver was asked for was never answered.
    DriverTimeout = "driver_timeout", Internal;
    /// More calls wait than the queue may hold.
    Overloaded = "overloaded", Program;
    /// No session of a pool was free before the deadline; the detail says how many are busy, cooling, broken, expired or banned.
    PoolExhausted = "pool_exhausted", Program;
    /// No account of a pool can ever serve: all are banned, expired or retired for good.
    PoolEmpty = "pool_empty", Account;

    /// The store cannot be reached or failed.
    StoreUnavailable = "store_unavailable", Store;
    /// Another process saved a newer session.
    StoreConflict = "store_conflict", Store;
    /// The store lacks what this platform needs.
    StoreUnfit = "store_unfit", Store;
    /// No key is at hand to open or seal a record.
    KeyMissing = "key_missing", Store;
    /// The record names a key that the keyring does not hold.
    KeyUnknown = "key_unknown", Store;
    /// A key cannot be read, or is of the wrong length.
    KeyInvalid = "key_invalid", Store;
    /// The record was sealed for another account, platform or namespace.
    WrongContext = "wrong_context", Store;
    /// The record is cut short or altered.
    Damaged = "damaged", Store;
    /// The record's format is newer than this release reads.
    VersionUnknown = "version_unknown", Store;
}

impl Error {
    /// An error whose retry advice is the kind's own.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry = match kind.fault() {
            Fault::Network => Retry::Now,
            Fault::Platform if matches!(kind, Kind::PlatformFailed) => Retry::GaveUp,
            Fault::Store if matches!(kind, Kind::StoreUnavailable) => Retry::Now,
            _ if matches!(kind, Kind::Overloaded | Kind::PoolExhausted) => Retry::Now,
            Fault::Program | Fault::Account | Fault::Platform | Fault::Store | Fault::Internal => Retry::Never,
        };
        Self { kind, detail: detail.into(), retry }
    }

    /// The same error with other retry advice.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Its stable name.
    pub fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    /// Its stable name, as a value to match on.
    pub fn code(&self) -> Kind {
        self.kind
    }

    /// Whether asking again can help.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// What was being done and what the reader can do; never a secret.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind.as_str())
    }
}

impl std::error::Error for Error {}

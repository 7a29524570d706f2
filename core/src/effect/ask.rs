//! What a program may be asked while an account signs in, and what it may answer.
//!
//! **Invariant:** `Debug` shows no code, no address and no credentials.

use std::fmt;
use std::time::Duration;

use super::kinds::AskKind;
use super::ticket::Ticket;
use crate::credentials::{Credentials, Secret};
use crate::time::Mono;

/// Ask the program something.
///
/// It belongs to the session: it is performed in a task of the runtime, whoever caused it, and goes on when that caller is gone.
#[derive(Debug)]
pub struct Ask {
    /// The right to answer.
    pub ticket: Ticket<AskKind>,
    /// When the core goes on without an answer: `challenge_overdue`.
    pub deadline: Mono,
    /// What is asked.
    pub question: Question,
}

/// What a program may be asked.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// The code of a second factor; the answer is [`Answer::Code`].
    SecondFactor {
        /// How many codes may still be tried, where that is known.
        tries_left: Option<u32>,
        /// How many codes the platform has refused in this sign-in so far: a person is told that the last one was wrong.
        refused: u32,
    },
    /// A person's consent in a browser; the answer is [`Answer::Redirected`].
    Authorize {
        /// The address to open.
        url: String,
        /// Where the browser is sent back to.
        redirect_uri: String,
    },
    /// A code that a person enters on another device; the answer is [`Answer::Shown`], and the session goes on by itself. Declining
    /// ends the sign-in.
    DeviceCode {
        /// What the person enters.
        user_code: String,
        /// Where the person enters it.
        verification_uri: String,
        /// The same address with the code in it, where the platform gives one.
        verification_uri_complete: Option<String>,
        /// How long the code is good.
        expires_in: Duration,
    },
    /// The program's own sign-in; the answer is [`Answer::SignedIn`].
    Custom {
        /// What the program gave to sign in with.
        credentials: Credentials,
    },
}

/// What a program answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The code of a second factor.
    Code(Secret),
    /// The whole address that the browser was sent back to.
    Redirected(Secret),
    /// The person was shown what to enter.
    Shown,
    /// What the session shows itself with from now on: cookies, user agent, headers, account id and the fields `access_token`,
    /// `refresh_token` and `expires_in` (seconds).
    SignedIn(Box<Credentials>),
}

impl Question {
    /// Its stable word, the same in every binding.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SecondFactor { .. } => "second_factor",
            Self::Authorize { .. } => "authorize",
            Self::DeviceCode { .. } => "device_code",
            Self::Custom { .. } => "custom",
        }
    }
}

impl Answer {
    /// Its stable word, the same in every binding.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Redirected(_) => "redirected",
            Self::Shown => "shown",
            Self::SignedIn(_) => "signed_in",
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Question");
        shown.field("asks", &self.as_str());
        if let Self::SecondFactor { tries_left, refused } = self {
            shown.field("tries_left", tries_left).field("refused", refused);
        }
        shown.finish_non_exhaustive()
    }
}

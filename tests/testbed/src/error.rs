//! What a program that drives the testbed may get wrong.

/// The account does not exist and the platform takes no new ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the testbed has no account {name:?}; add it to the configuration or open the registration")]
pub struct UnknownAccount {
    pub(crate) name: String,
}

/// The clock is the machine's own and cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the testbed runs on the machine's clock; start it with a manual clock to move it")]
pub struct ClockIsReal;

/// A scripted rule that no answer could be made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// The status is outside of 200 to 999.
    #[error("status {0} is not one that an answer can have")]
    Status(u16),
    /// A header's name or value is not valid on the wire.
    #[error("header {0:?} has a name or a value that cannot be sent")]
    Header(String),
    /// Matches are counted from one.
    #[error("nth counts from 1")]
    Nth,
    /// A burst of nothing.
    #[error("a throttle needs a count of at least 1")]
    Count,
}

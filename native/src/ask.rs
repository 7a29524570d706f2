//! What does a program answer when a platform asks for something more?
//!
//! **Invariant:** a question is asked in a task of the runtime, outside of all locks; dropping the future that signs in does not
//! take it back, the end of the sign-in does.

use std::pin::Pin;

use hallpass_core::effect::{Answer, Declined, Question};

/// What answers a question; boxed, so that anything that asks can be kept in one client.
pub type AskFuture<'a> = Pin<Box<dyn Future<Output = Result<Answer, Declined>> + Send + 'a>>;

/// Answers what a platform asks while an account signs in: the code of a second factor, a person's consent, a sign-in of the
/// program's own. Given to a client by [`Builder::ask`](crate::Builder::ask).
///
/// Every function from the account's name and the question to a future of the answer is one:
///
/// ```
/// use hallpass::{Answer, Client, Declined, Question, Secret};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), hallpass::Error> {
/// let client = Client::builder().ask(|account: String, question: Question| async move {
///     match question {
///         Question::SecondFactor { .. } => Ok(Answer::Code(Secret::new(code_for(&account).await))),
///         _ => Err(Declined { why: "only second factors are answered here".to_owned() }),
///     }
/// });
/// # async fn code_for(_: &str) -> String { String::new() }
/// # client.build()?;
/// # Ok(()) }
/// ```
pub trait Asker: Send + Sync {
    /// Answers one question. The future is dropped when the answer is not waited for any more: the sign-in ended, or the platform's
    /// `timeouts.challenge` passed.
    fn ask<'a>(&'a self, account: &'a str, question: Question) -> AskFuture<'a>;
}

impl<F, R> Asker for F
where
    F: Fn(String, Question) -> R + Send + Sync,
    R: Future<Output = Result<Answer, Declined>> + Send + 'static,
{
    fn ask<'a>(&'a self, account: &'a str, question: Question) -> AskFuture<'a> {
        Box::pin(self(account.to_owned(), question))
    }
}

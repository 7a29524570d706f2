//! What does the person at the terminal answer when a platform asks for something more?
//!
//! **Invariant:** questions are written to standard error; codes and addresses that come back are shown nowhere.

use hallpass::core::effect::{Answer, Declined, Question};
use hallpass::{AskFuture, Asker, Secret};

use crate::loopback::{self, Loopback};
use crate::{prompt, report};

/// The person at the terminal, and their browser.
pub(crate) struct Person {
    /// Where the browser comes back to, where that is on this machine.
    pub(crate) loopback: Option<Loopback>,
    pub(crate) browser: Browser,
}

/// Whether the browser is opened for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Opened,
    LeftToThePerson,
}

impl Asker for Person {
    fn ask<'a>(&'a self, _account: &'a str, question: Question) -> AskFuture<'a> {
        Box::pin(async move {
            match question {
                Question::SecondFactor { tries_left, refused } => {
                    if refused > 0 {
                        report::remark("the platform refused that code");
                    }
                    if let Some(left) = tries_left {
                        report::remark(&format!("tries left: {left}"));
                    }
                    typed("code of the second factor").await.map(Answer::Code)
                }
                Question::Authorize { url, redirect_uri } => self.browse(&url, &redirect_uri).await,
                Question::DeviceCode { user_code, verification_uri, verification_uri_complete, expires_in } => {
                    let minutes = expires_in.as_secs().div_ceil(60);
                    report::remark(&format!("open {verification_uri} on any device and enter the code {user_code}"));
                    if let Some(complete) = &verification_uri_complete {
                        report::remark(&format!("or open {complete}"));
                    }
                    report::remark(&format!("waiting for that; the code is good for {minutes} min"));
                    self.open(verification_uri_complete.as_ref().unwrap_or(&verification_uri));
                    Ok(Answer::Shown)
                }
                _ => Err(declined("the command line cannot answer what this platform asks")),
            }
        })
    }
}

impl Person {
    /// Sends the person's browser away and waits for it to come back.
    async fn browse(&self, url: &str, redirect_uri: &str) -> Result<Answer, Declined> {
        report::remark("open this address in a browser on this machine to sign in:");
        report::line(url);
        self.open(url);
        match self.loopback.as_ref().filter(|here| here.redirect_uri() == redirect_uri) {
            Some(here) => {
                let came_back = here.answer(url).await;
                came_back.map(Answer::Redirected).map_err(|error| declined(&format!("listening on loopback: {error}")))
            }
            None => typed("the whole address that the browser came back to").await.map(Answer::Redirected),
        }
    }

    fn open(&self, url: &str) {
        if self.browser == Browser::Opened
            && let Err(error) = loopback::open(url)
        {
            report::remark(&format!("no browser could be opened: {error}"));
        }
    }
}

/// What the person types; their terminal is waited for in a thread of its own.
async fn typed(what: &'static str) -> Result<Secret, Declined> {
    if !prompt::is_possible() {
        return Err(declined(&format!("nobody is at a terminal to be asked for the {what}")));
    }
    let asked = tokio::task::spawn_blocking(move || prompt::field(what, "")).await;
    match asked {
        Ok(Ok(text)) => Ok(Secret::new(text.as_str())),
        Ok(Err(failure)) => Err(declined(failure.error.detail())),
        Err(_) => Err(declined("the terminal could not be read")),
    }
}

fn declined(why: &str) -> Declined {
    Declined { why: why.to_owned() }
}

//! How is a question to the program written? As `wire` says under `"ask"`.

use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::Question;

use crate::wire::{Drained, Written};

impl Drained {
    /// Writes a question.
    pub(crate) fn question(&mut self, question: &Question) -> Written {
        self.0.str(question.as_str())?;
        match question {
            Question::SecondFactor { tries_left, refused } => {
                self.number(tries_left.map(f64::from))?;
                self.0.u32(*refused)?.null()?.null().map(drop)
            }
            Question::Authorize { url, redirect_uri } => self.0.str(url)?.str(redirect_uri)?.null()?.null().map(drop),
            Question::DeviceCode { user_code, verification_uri, verification_uri_complete, expires_in } => {
                self.0.str(user_code)?.str(verification_uri)?;
                self.text(verification_uri_complete.as_deref())?;
                self.0.f64(expires_in.as_secs_f64() * 1e3).map(drop)
            }
            Question::Custom { credentials } => {
                self.credentials(credentials)?;
                self.0.null()?.null()?.null().map(drop)
            }
            _ => self.0.null()?.null()?.null()?.null().map(drop),
        }
    }

    fn credentials(&mut self, credentials: &Credentials) -> Written {
        self.0.array(5)?;
        self.text(credentials.account_id.as_deref())?;
        self.text(credentials.cookies.as_ref().map(Secret::expose))?;
        self.text(credentials.user_agent.as_deref())?;
        for names in [&credentials.headers, &credentials.fields] {
            self.0.array(names.len() as u64 * 2)?;
            for (name, secret) in names {
                self.0.str(name)?.str(secret.expose())?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: Option<&str>) -> Written {
        match text {
            Some(text) => self.0.str(text).map(drop),
            None => self.0.null().map(drop),
        }
    }
}

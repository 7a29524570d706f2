//! Which form are credentials in that somebody pasted?

use super::{Form, Imported, har, invalid, place};
use crate::credentials::Credentials;
use crate::document::{Duplicates, json};
use crate::error::Error;
use crate::platform::Compiled;
use crate::time::Wall;

impl Credentials {
    /// Reads credentials in whichever form they are: JSON (`auth.json` or ours), a HAR file, a cURL command, `cookies.txt`, or
    /// a `Cookie` line.
    ///
    /// # Errors
    ///
    /// As the form's own reader, and `credentials_invalid` where it is none of them.
    pub fn import(text: &str, platform: &Compiled, now: Wall) -> Result<Imported, Error> {
        match Form::of(text) {
            Some(Form::Har) => Self::from_har(text, platform),
            Some(Form::Curl) => Self::from_curl(text, platform),
            Some(Form::CookiesTxt) => Self::from_cookies_txt(text, platform, now),
            Some(Form::CookieLine) => Self::from_cookie_line(text),
            Some(Form::Json) => {
                // A HAR file is JSON, too; what it is stands anywhere in it.
                if let Ok(node) = json::read_with(text.as_bytes(), Duplicates::LastWins)
                    && node.pointer("/log/entries").is_some()
                {
                    return har::of_node(&node, platform);
                }
                Ok(Imported { credentials: Self::from_json(text)?, ..Imported::new(Form::Json) })
            }
            Some(Form::Environment) | None => Err(invalid(
                "it is neither JSON, a HAR file, a cURL command, a cookies.txt nor a Cookie line (name=value; name=value)",
            )),
        }
    }

    /// Reads a `Cookie` line, with or without the header's name before it.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` where it holds no cookie or cannot be sent; never with a value.
    pub fn from_cookie_line(text: &str) -> Result<Imported, Error> {
        let mut imported = Imported::new(Form::CookieLine);
        let line = place::without_name(text.trim());
        place::header(&mut imported.credentials, "cookie", line)
            .map_err(|problem| invalid(format!("the cookie line {problem}")))?;
        Ok(imported)
    }
}

impl Form {
    /// The form of a text by its looks; a HAR file looks like JSON.
    fn of(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let first = text.lines().next()?;
        let command = first.trim_start_matches(['$', '>', ' ']);
        if text.starts_with(['{', '[']) {
            Some(Self::Json)
        } else if command.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("curl")) {
            Some(Self::Curl)
        } else if first.starts_with("# ") || text.lines().any(|line| line.matches('\t').count() >= 5) {
            Some(Self::CookiesTxt)
        } else if !text.contains('\n') && text.contains('=') {
            Some(Self::CookieLine)
        } else {
            None
        }
    }
}

//! Which cookies of a Netscape `cookies.txt` are the platform's?

use super::{Form, Imported};
use crate::cookie::Cookie;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::platform::Compiled;
use crate::time::Wall;

impl Credentials {
    /// Reads a `cookies.txt`: those of its cookies that requests to the platform's origins would carry, with their attributes.
    /// Others are left out, and so are those that have expired.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` with the line that is none of such a file; never with a value.
    pub fn from_cookies_txt(text: &str, platform: &Compiled, now: Wall) -> Result<Imported, Error> {
        let mut imported = Imported::new(Form::CookiesTxt);
        let is_wanted = |cookie: &Cookie| platform.origins().iter().any(|origin| cookie.is_for_host(origin.host()));
        for left in imported.credentials.jar.take_cookies_txt(text.as_bytes(), now, &is_wanted)? {
            let what = format!("the cookie `{}` of {}", super::shown(&left.name), super::shown(&left.domain));
            imported.leave_out(what, left.why);
        }
        Ok(imported)
    }
}

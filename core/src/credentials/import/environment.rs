//! Which credentials do environment variables with a prefix hold?

use super::{Form, Imported, invalid, place};
use crate::credentials::{Credentials, Secret};
use crate::error::Error;

impl Credentials {
    /// Reads `PREFIX_COOKIE`, `PREFIX_USER_AGENT`, `PREFIX_AUTHORIZATION`, `PREFIX_ACCOUNT_ID`, `PREFIX_HEADER_X_BC` (the header
    /// `x-bc`), and any other `PREFIX_NAME` as the field `name`: `PREFIX_USERNAME`, `PREFIX_PASSWORD`, `PREFIX_ACCESS_TOKEN` …
    ///
    /// Of the pairs given, those without the prefix are passed over, and so are empty values. Reading the file that a variable
    /// such as `PREFIX_PASSWORD_FILE` names is the caller's, who gives its content as `PREFIX_PASSWORD`.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` with the variable's name where its value cannot be sent; never with a value.
    pub fn from_env(prefix: &str, pairs: &[(String, Secret)]) -> Result<Imported, Error> {
        let mut imported = Imported::new(Form::Environment);
        let to = &mut imported.credentials;
        for (variable, secret) in pairs {
            let Some(name) = variable.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { continue };
            let text = secret.expose().trim_end_matches(['\r', '\n']);
            if name.is_empty() || text.is_empty() {
                continue;
            }
            let name = name.to_ascii_lowercase();
            let placed = match name.as_str() {
                "cookie" | "cookies" => place::header(to, "cookie", place::without_name(text)),
                "user_agent" => place::header(to, "user-agent", text),
                "authorization" => place::header(to, "authorization", text),
                "account_id" | "id" => place::account_id(to, text),
                _ => match name.strip_prefix("header_") {
                    Some(header) => place::header(to, &header.replace('_', "-"), text),
                    None => place::field(to, &name, text),
                },
            };
            placed.map_err(|problem| invalid(format!("the variable {variable} {problem}")))?;
        }
        Ok(imported)
    }
}

//! `hallpass platform new`: a platform file from a few answers.
//!
//! **Invariant:** what is written has been read back and checked; a file that is there is replaced only when that was asked for.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass::{Error, Kind};
use serde_json::json;

use super::draft::Draft;
use crate::args::{New, Recipe};
use crate::outcome::{Exit, Failure};
use crate::output::{self, Replaces};
use crate::places::Places;
use crate::{commands, prompt, report};

pub(super) fn run(wanted: &New) -> Result<Exit, Failure> {
    let mut draft = Draft::of(wanted);
    draft.complete()?;
    draft.checked()?;
    let text = draft.text();
    let path = match &wanted.output {
        Some(path) if path == Path::new("-") => {
            commands::say(text.trim_end())?;
            return Ok(Exit::Served);
        }
        Some(path) => path.clone(),
        None => usual_place(&draft.id)?,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| commands::unwritable(&folder.display().to_string(), &error))?;
    }
    output::write_new(&path, text.as_bytes(), if wanted.force { Replaces::Yes } else { Replaces::No })?;
    if wanted.json {
        commands::say_json(&json!({ "file": path, "id": draft.id }))?;
    } else {
        commands::say(&format!("wrote {}", path.display()))?;
        report::remark(&format!("sign in with `hallpass login {} ACCOUNT`", crate::outcome::quoted(&word(&path))));
    }
    Ok(Exit::Served)
}

impl Draft {
    /// Asks for what is not given, where somebody is there to be asked; what cannot be left out is an error otherwise.
    fn complete(&mut self) -> Result<(), Failure> {
        let asks = prompt::is_possible();
        let every = Recipe::value_variants().iter().map(|recipe| recipe.name()).collect::<Vec<_>>().join(", ");
        self.settle(asks, "--id", "name of the platform", |draft| &mut draft.id)?;
        self.settle(asks, "--base-url", "address, such as https://api.example.com", |draft| &mut draft.base_url)?;
        while self.recipe.is_none() {
            let typed = required(asks, "--sign-in", &format!("how one signs in ({every})"))?;
            self.recipe = Recipe::from_str(&typed.replace('_', "-"), true).ok();
        }
        match self.recipe {
            Some(Recipe::Form | Recipe::Json) => {
                self.settle(asks, "--login-path", "where the sign-in goes, such as /login", |draft| {
                    &mut draft.login_path
                })?;
            }
            Some(Recipe::ApiKey) if self.key_query.is_empty() => {
                self.settle(asks, "--key-header", "header that carries the key, such as x-api-key", |draft| {
                    &mut draft.key_header
                })?;
            }
            Some(recipe) => self.complete_grant(recipe, asks)?,
            None => {}
        }
        if asks && self.identity_path.is_empty() {
            self.identity_path = prompt::openly("where it says who one is, such as /me (empty: nowhere)")?;
            if !self.identity_path.is_empty() && self.account_id.is_empty() {
                self.account_id = prompt::openly("JSON pointer of the account's id there, such as /id (empty: none)")?;
            }
        }
        Ok(())
    }

    /// What a grant of OAuth 2 needs: the issuer, or its endpoints, and the client.
    fn complete_grant(&mut self, recipe: Recipe, asks: bool) -> Result<(), Failure> {
        let mut names =
            vec![("--token-url", "token endpoint, such as /oauth/token", (|draft| &mut draft.token_url) as Place)];
        match recipe {
            Recipe::DeviceCode => {
                names.push(("--device-url", "device authorization endpoint", |draft| &mut draft.device_url));
            }
            Recipe::AuthorizationCode => {
                names.push(("--authorize-url", "where the browser goes to sign in", |draft| &mut draft.authorize_url));
            }
            Recipe::Oauth2Refresh | Recipe::ClientCredentials => {}
            Recipe::Bundle | Recipe::Form | Recipe::Json | Recipe::Basic | Recipe::ApiKey | Recipe::Bearer => {
                return Ok(());
            }
        }
        let is_given = !self.token_url.is_empty();
        while asks && self.issuer.is_empty() && !is_given {
            self.issuer =
                prompt::openly("address of the issuer, which says where its endpoints are (empty: there is none)")?;
            let Err(failure) = self.checked() else { break };
            report::failure(&failure, report::Errors::Text);
            self.issuer.clear();
        }
        if self.issuer.is_empty() {
            for (flag, question, place) in names {
                self.settle(asks, flag, question, place)?;
            }
        }
        if recipe != Recipe::Oauth2Refresh {
            self.settle(asks, "--client-id", "client id", |draft| &mut draft.client_id)?;
        } else if asks && self.client_id.is_empty() {
            self.client_id = prompt::openly("client id (empty: none)")?;
        }
        Ok(())
    }

    /// Fills a place, asking again while the answer cannot be.
    fn settle(&mut self, asks: bool, flag: &str, question: &str, place: Place) -> Result<(), Failure> {
        if !place(self).is_empty() {
            return Ok(());
        }
        loop {
            *place(self) = required(asks, flag, question)?;
            match self.checked() {
                Ok(()) => return Ok(()),
                Err(failure) => report::failure(&failure, report::Errors::Text),
            }
        }
    }
}

/// An answer that there must be.
fn required(asks: bool, flag: &str, question: &str) -> Result<String, Failure> {
    if !asks {
        let what = format!("a platform file needs {flag}: {question}");
        return Err(Failure::from(Error::new(Kind::ConfigInvalid, what)).with_hint("at a terminal it is asked for"));
    }
    loop {
        let typed = prompt::openly(question)?;
        if !typed.is_empty() {
            return Ok(typed);
        }
    }
}

fn usual_place(id: &str) -> Result<PathBuf, Failure> {
    if id.contains(['/', '\\']) || id.starts_with('.') {
        let what = format!("`{id}` is no file name; say where the file goes: hallpass platform new FILE");
        return Err(Error::new(Kind::ConfigInvalid, what).into());
    }
    Ok(Places::find()?.platforms().join(format!("{id}.toml")))
}

/// How the file is called on the command line.
fn word(path: &Path) -> String {
    let usual = Places::find().ok().filter(|places| path.parent() == Some(&places.platforms()));
    match (usual, path.file_stem()) {
        (Some(_), Some(name)) => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    }
}

/// Where an answer goes.
type Place = fn(&mut Draft) -> &mut String;

//! `hallpass platform new`: a platform file from a few answers.
//!
//! **Invariant:** what is written has been read back and checked; a file that is there is replaced only when that was asked for.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass::core::platform::Platform;
use hallpass::{Error, Kind};
use serde_json::{Value, json};

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

/// The answers so far; empty is not answered, or left out.
struct Draft {
    id: String,
    base_url: String,
    recipe: Option<Recipe>,
    login_path: String,
    token_url: String,
    client_id: String,
    identity_path: String,
    account_id: String,
}

impl Draft {
    fn of(wanted: &New) -> Self {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        Self {
            id: text(&wanted.id),
            base_url: text(&wanted.base_url),
            recipe: wanted.sign_in,
            login_path: text(&wanted.login_path),
            token_url: text(&wanted.token_url),
            client_id: text(&wanted.client_id),
            identity_path: text(&wanted.identity_path),
            account_id: text(&wanted.account_id),
        }
    }

    /// Asks for what is not given, where somebody is there to be asked; what cannot be left out is an error otherwise.
    fn complete(&mut self) -> Result<(), Failure> {
        let asks = prompt::is_possible();
        let every = Recipe::value_variants().iter().map(|recipe| name(*recipe)).collect::<Vec<_>>().join(", ");
        self.settle(asks, "--id", "name of the platform", |draft| &mut draft.id)?;
        self.settle(asks, "--base-url", "address, such as https://api.example.com", |draft| &mut draft.base_url)?;
        while self.recipe.is_none() {
            let typed = required(asks, "--sign-in", &format!("how one signs in ({every})"))?;
            self.recipe = Recipe::from_str(&typed, true).ok();
        }
        match self.recipe {
            Some(Recipe::Form | Recipe::Json) => {
                self.settle(asks, "--login-path", "where the sign-in goes, such as /login", |draft| {
                    &mut draft.login_path
                })?;
            }
            Some(Recipe::Oauth2Refresh) => {
                self.settle(asks, "--token-url", "token endpoint, such as /oauth/token", |draft| &mut draft.token_url)?;
                if asks && self.client_id.is_empty() {
                    self.client_id = prompt::openly("client id (empty: none)")?;
                }
            }
            Some(Recipe::Bundle | Recipe::Bearer) | None => {}
        }
        if asks && self.identity_path.is_empty() {
            self.identity_path = prompt::openly("where it says who one is, such as /me (empty: nowhere)")?;
            if !self.identity_path.is_empty() && self.account_id.is_empty() {
                self.account_id = prompt::openly("JSON pointer of the account's id there, such as /id (empty: none)")?;
            }
        }
        Ok(())
    }

    /// Fills a place, asking again while the answer cannot be.
    fn settle(
        &mut self,
        asks: bool,
        flag: &str,
        question: &str,
        place: fn(&mut Self) -> &mut String,
    ) -> Result<(), Failure> {
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

    /// Whether the answers so far can be.
    fn checked(&self) -> Result<(), Failure> {
        let fill = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let whole = Self {
            id: fill(&self.id, "x"),
            base_url: fill(&self.base_url, "https://x.example"),
            recipe: self.recipe.or(Some(Recipe::Bearer)),
            login_path: fill(&self.login_path, "/"),
            token_url: fill(&self.token_url, "/"),
            client_id: self.client_id.clone(),
            identity_path: self.identity_path.clone(),
            account_id: self.account_id.clone(),
        };
        Platform::from_toml(&whole.text()).map(drop).map_err(|error| {
            // The line is one of a file that nobody has seen yet.
            let detail = error.detail().split_once(": ").map_or(error.detail(), |(_, what)| what).to_owned();
            Error::new(Kind::PlatformInvalid, detail).into()
        })
    }

    /// The file.
    fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        line(&format!("id = {}", quoted(&self.id)));
        line(&format!("base_url = {}", quoted(&self.base_url)));
        line("");
        match self.recipe {
            Some(recipe @ (Recipe::Form | Recipe::Json)) => {
                line(&format!("[sign_in.{}]", name(recipe)));
                line(&format!("path = {}", quoted(&self.login_path)));
                line("# The names that the platform gives its fields, and what of the credentials goes there.");
                line("fields = { username = \"{username}\", password = \"{password}\" }");
            }
            Some(recipe @ Recipe::Oauth2Refresh) => {
                line(&format!("[sign_in.{}]", name(recipe)));
                line("");
                line("[renew]");
                line(&format!("token_url = {}", quoted(&self.token_url)));
                if !self.client_id.is_empty() {
                    line(&format!("client_id = {}", quoted(&self.client_id)));
                }
            }
            Some(recipe @ Recipe::Bundle) => {
                line(&format!("[sign_in.{}]", name(recipe)));
                line("# What a bundle must hold to be of use:");
                line("# required_cookies = [\"sid\"]");
                line("# required_headers = [\"user-agent\"]");
            }
            Some(recipe @ Recipe::Bearer) => line(&format!("[sign_in.{}]", name(recipe))),
            None => {}
        }
        if !self.identity_path.is_empty() {
            line("");
            line("# Who the platform says one is.");
            line("[identity]");
            line(&format!("path = {}", quoted(&self.identity_path)));
            if !self.account_id.is_empty() {
                line(&format!("account_id = {}", quoted(&self.account_id)));
            }
        }
        out
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

fn name(recipe: Recipe) -> &'static str {
    match recipe {
        Recipe::Bundle => "bundle",
        Recipe::Form => "form",
        Recipe::Json => "json",
        Recipe::Oauth2Refresh => "oauth2_refresh",
        Recipe::Bearer => "bearer",
    }
}

/// A TOML string; what JSON escapes is escaped the same there.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

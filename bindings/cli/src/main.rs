//! The `hallpass` command: curl that stays signed in.
//!
//! Reads the command line, hands it to one command, and ends with the exit code that says how it went. What is decided
//! about sessions is decided in the library; here are files, prompts, tables and exit codes.

mod args;
mod asking;
mod commands;
mod demo;
mod fernet;
mod loopback;
mod outcome;
mod output;
mod places;
mod platforms;
mod prompt;
mod redact;
mod report;
mod top;
mod vault;

use std::process::ExitCode;

use clap::Parser;
use hallpass::{Error, Kind};

use crate::args::{Arguments, Command, SessionsCommand};
use crate::outcome::{Exit, Failure};
use crate::report::Errors;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => return refuse(&refused).into(),
    };
    let errors = arguments.errors();
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            report::failure(&failure, errors);
            failure.exit().into()
        }
    }
}

fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let common = arguments.common;
    if let Command::Demo(wanted) = arguments.command {
        return demo::run(&wanted);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        match arguments.command {
            Command::Login(wanted) => commands::login::run(&common, wanted).await,
            Command::Fetch(wanted) => commands::fetch::run(&common, wanted).await,
            Command::Check(wanted) => commands::check::run(&common, &wanted).await,
            Command::Refresh(wanted) => commands::refresh::run(&common, &wanted).await,
            Command::Sessions(wanted) => match wanted.command {
                None => commands::sessions::run(&common, &wanted).await,
                Some(SessionsCommand::Export(wanted)) => commands::exported::export(&common, &wanted).await,
                Some(SessionsCommand::Import(wanted)) => commands::exported::import(&common, &wanted).await,
            },
            Command::Top(wanted) => top::run(&common, &wanted).await,
            Command::Export(wanted) => commands::export::run(&common, &wanted).await,
            Command::Import(args::ImportCommand::Redis(wanted)) => commands::import_redis::run(&common, &wanted).await,
            Command::Keys(wanted) => commands::keys::run(&common, wanted).await,
            Command::Platform(wanted) => commands::platform::run(&wanted),
            Command::Completions(wanted) => commands::completions::run(&wanted),
            Command::Logout(wanted) => commands::logout::run(&common, &wanted).await,
            Command::Demo(wanted) => demo::run(&wanted),
        }
    })
}

/// A command line that cannot be, or a wish for help.
fn refuse(refused: &clap::Error) -> Exit {
    if !refused.use_stderr() {
        // Where help cannot be written nobody reads it.
        drop(refused.print());
        return Exit::Served;
    }
    match report::wished_for(std::env::args_os().skip(1)) {
        Errors::Text => drop(refused.print()),
        Errors::Json => {
            let text = refused.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            let what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            report::failure(&Error::new(Kind::ConfigInvalid, what).into(), Errors::Json);
        }
    }
    Exit::Usage
}

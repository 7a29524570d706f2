//! `hallpass completions`: what makes a shell complete this command.

use clap::CommandFactory;

use crate::args::{Arguments, Completions};
use crate::outcome::{Exit, Failure};

pub(crate) fn run(wanted: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut Arguments::command(), "hallpass", &mut script);
    super::say(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Served)
}

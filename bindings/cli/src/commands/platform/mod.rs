//! `hallpass platform`: platform files, checked and written.

mod check;
mod describe;
mod draft;
mod new;
mod remarks;

use crate::args::PlatformCommand;
use crate::outcome::{Exit, Failure};

pub(crate) fn run(wanted: &PlatformCommand) -> Result<Exit, Failure> {
    match wanted {
        PlatformCommand::Check(wanted) => check::run(wanted),
        PlatformCommand::New(wanted) => new::run(wanted),
    }
}

//! `store-holder PATH COUNT`: takes the lease of one record over and over, for the tests that let several run at once.
//!
//! Prints each lease's number in a line of its own; ends after COUNT of them. While it holds one it keeps a file `held` beside
//! PATH that nobody else may have: where it is there already, the program fails. Every fourth lease is so short that it
//! ends by itself and is never let go.

use std::fs::{self, File};
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hallpass::store::StoreError;
use hallpass_conformance::{backend, pattern};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(Ok(count))) = (arguments.next(), arguments.next().map(|count| count.parse())) else {
        eprintln!("usage: store-holder PATH COUNT");
        return ExitCode::from(2);
    };
    match hold(&path, count).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store-holder: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn hold(path: &str, count: u64) -> Result<(), StoreError> {
    let store = backend::open(Path::new(path))?;
    let key = pattern::key();
    let held = Path::new(path).with_file_name("held");
    let failed = |error| StoreError::Unavailable(format!("holding: {error}"));
    let mut granted = 0;
    while granted < count {
        let is_brief = granted % 4 == 3;
        let hold = if is_brief { BRIEF } else { LONG };
        let Some(number) = store.lease(&key, hold).await? else { continue };
        if !is_brief {
            File::create_new(&held).map_err(failed)?;
            fs::remove_file(&held).map_err(failed)?;
            if !store.release(&key, number).await? {
                return Err(StoreError::Unavailable(format!("the lease {} was lost", number.0)));
            }
        }
        writeln!(stdout(), "{}", number.0).and_then(|()| stdout().flush()).map_err(failed)?;
        granted += 1;
    }
    Ok(())
}

const BRIEF: Duration = Duration::from_millis(3);
/// No run takes so long.
const LONG: Duration = Duration::from_secs(600);

//! `store-writer PATH COUNT`: saves one record over and over, for the tests that kill it or let several run at once.
//!
//! Prints each accepted version in a line of its own, after the save returned; ends after COUNT of them. Each record is
//! [`hallpass_conformance::pattern`] of its version, so that a reader can tell a whole one.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use hallpass::store::{Expected, Expiry, StoreError};
use hallpass_conformance::{backend, pattern};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(Ok(count))) = (arguments.next(), arguments.next().map(|count| count.parse())) else {
        eprintln!("usage: store-writer PATH COUNT");
        return ExitCode::from(2);
    };
    match write(&path, count).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store-writer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn write(path: &str, count: u64) -> Result<(), StoreError> {
    let store = backend::open(Path::new(path))?;
    let key = pattern::key();
    let mut accepted = 0;
    while accepted < count {
        let present = store.load(&key).await?.map(|record| record.version);
        let expected = present.map_or(Expected::Absent, Expected::Version);
        let next = present.map_or(1, |version| version.0 + 1);
        match store.save(&key, pattern::bytes(next), expected, Expiry::default()).await {
            Ok(version) => {
                let told = writeln!(stdout(), "{}", version.0).and_then(|()| stdout().flush());
                told.map_err(|error| StoreError::Unavailable(format!("telling: {error}")))?;
                accepted += 1;
            }
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

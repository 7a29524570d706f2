//! `store-changer PATH FIRST`: saves, removes and leases one record for ever, for the tests that kill it.
//!
//! Its steps are counted from FIRST. What a step leaves is [`hallpass_conformance::pattern::left_by`] it: a record that tells the step,
//! or none. After each it prints the step and the version that it saved or removed, and every few steps it takes a lease for a moment and
//! now and then lets it go.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hallpass::store::{Expected, Expiry, StoreError, Version};
use hallpass_conformance::{backend, pattern};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(Ok(first))) = (arguments.next(), arguments.next().map(|first| first.parse())) else {
        eprintln!("usage: store-changer PATH FIRST");
        return ExitCode::from(2);
    };
    let Err(error) = change(Path::new(&path), first).await;
    eprintln!("store-changer: {error}");
    ExitCode::FAILURE
}

async fn change(path: &Path, first: u64) -> Result<std::convert::Infallible, StoreError> {
    let store = backend::open(path)?;
    let key = pattern::key();
    let mut present = store.load(&key).await?.map(|record| record.version);
    for step in first.. {
        let expected = present.map_or(Expected::Absent, Expected::Version);
        let told = if let Some(sealed) = pattern::left_by(step) {
            let version = store.save(&key, sealed, expected, Expiry::default()).await?;
            present = Some(version);
            version
        } else {
            let removed = store.remove(&key, expected).await?;
            present = None;
            removed.unwrap_or(Version(0))
        };
        let told = writeln!(stdout(), "{step} {}", told.0).and_then(|()| stdout().flush());
        told.map_err(|error| StoreError::Unavailable(format!("telling: {error}")))?;
        if step % 3 == 0
            && let Some(number) = store.lease(&key, Duration::from_millis(1)).await?
            && step % 2 == 0
        {
            store.release(&key, number).await?;
        }
    }
    Err(StoreError::Unsupported("numbers ran out".to_owned()))
}

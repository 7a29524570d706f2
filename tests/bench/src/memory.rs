//! What costs no exchange: finding a session in memory, sealing and opening a record.

use std::hint::black_box;
use std::time::Instant;

use hallpass::core::envelope::{open, seal};
use hallpass::core::seed::Seed;
use hallpass::core::store::RecordKey;
use hallpass::{Client, Keyring};

use crate::lines::{ACCOUNT, PLATFORM};
use hallpass_bench::figure::{Failure, Figure, Target};

/// Nanoseconds to find a live session by platform and account, and to let go of it again.
pub(crate) fn session_lookup(client: &Client) -> Result<Figure, Failure> {
    if client.session(PLATFORM, ACCOUNT).is_none() {
        return Err("the session is not live".into());
    }
    let nanos = best(200_000, || drop(black_box(client.session(black_box(PLATFORM), black_box(ACCOUNT)))));
    Ok(Figure::new("call.session_lookup", nanos, "ns", Target::AtMost(80.0)))
}

/// Microseconds to seal and to open a record of 1 KiB.
pub(crate) fn seal_and_open() -> Result<[Figure; 2], Failure> {
    let keyring = Keyring::new("bench", [7; 32])?;
    let key = RecordKey::session("bench", PLATFORM, ACCOUNT);
    let plaintext = [0x5a; 1024];
    let mut rng = Seed::new([9; 32]).rng("salt");
    let sealed = seal(&keyring, &key, 1, &plaintext, &mut rng);
    open(&keyring, &key, &sealed)?;
    let sealing = best(5_000, || drop(black_box(seal(&keyring, &key, 1, black_box(&plaintext), &mut rng))));
    let opening = best(5_000, || drop(black_box(open(&keyring, &key, black_box(&sealed)))));
    Ok([
        Figure::new("call.seal_1_kib", sealing / 1e3, "µs", Target::None),
        Figure::new("call.open_1_kib", opening / 1e3, "µs", Target::None),
    ])
}

/// Nanoseconds of one turn in the best of a few runs: what others do on this machine only adds.
fn best(turns: u32, mut turn: impl FnMut()) -> f64 {
    let run = |turn: &mut dyn FnMut()| {
        let started = Instant::now();
        for _ in 0..turns {
            turn();
        }
        started.elapsed().as_secs_f64() * 1e9 / f64::from(turns)
    };
    (0..9).map(|_| run(&mut turn)).fold(f64::INFINITY, f64::min)
}

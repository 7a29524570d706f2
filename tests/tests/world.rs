//! Do the laws of `hallpass_conformance::world` hold over many seeds? `HALLPASS_SEEDS` sets how many.

use std::panic::catch_unwind;

use hallpass_conformance::world::live;

fn seeds() -> u64 {
    std::env::var("HALLPASS_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

#[test]
fn every_law_holds_in_every_world() {
    let (mut served, mut renewals, mut sign_ins) = (0, 0, 0);
    for seed in 0..seeds() {
        let outcome =
            catch_unwind(|| live(seed)).unwrap_or_else(|_| panic!("a law is broken in the world of seed {seed}"));
        served += outcome.served;
        renewals += outcome.renewals;
        sign_ins += outcome.sign_ins;
    }
    println!("{served} calls served, {renewals} renewals, {sign_ins} sign-ins");
    assert!(served > 20 * seeds() && renewals > seeds() && sign_ins > seeds(), "worlds in which something happens");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..10 {
        assert_eq!(live(seed).trace, live(seed).trace, "seed {seed}");
    }
}

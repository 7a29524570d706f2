//! Does the demo hold, does it say so in numbers, and does a seed repeat its faults?

use serde_json::Value;

use crate::world::World;

fn demo(world: &World, seed: &str) -> Value {
    let ran = world.run(&["demo", "--json", "--seed", seed]).expect(0);
    assert_eq!(ran.err, "");
    ran.json()
}

#[test]
fn the_demo_holds_and_the_same_seed_gives_the_same_faults() {
    let world = World::new();
    let (first, second) = (demo(&world, "7"), demo(&world, "7"));
    for run in [&first, &second] {
        assert_eq!((&run["passed"], &run["problems"]), (&true.into(), &Value::Array(Vec::new())), "{run:#}");
        let platform = &run["platform"];
        assert_eq!(platform["sign_ins"], 3);
        assert_eq!((&platform["refresh_token_reuses"], &platform["grants_killed"]), (&0.into(), &0.into()));
        for kind in ["delay", "reset", "status", "throttle", "truncate"] {
            assert!(platform["faults"][kind].as_u64().unwrap() > 0, "{kind}: {run:#}");
        }
        let accounts = run["accounts"].as_array().unwrap();
        assert_eq!(accounts.len(), 3);
        let mut renewals = 0;
        for account in accounts {
            let count = |name: &str| account[name].as_u64().unwrap_or_else(|| panic!("{name}: {run:#}"));
            assert_eq!((count("served"), count("failed"), count("sign_ins"), count("resumes")), (200, 0, 1, 1));
            assert_eq!(count("calls"), 200 + count("fetched_again"));
            assert_eq!(count("attempts"), count("calls") + count("retries") + count("replays"), "{run:#}");
            assert!(count("renewals_by_window") > 0 && count("renewals_by_refusal") > 0, "{run:#}");
            assert_eq!(count("cache_hits"), 0);
            renewals += count("renewals");
        }
        assert_eq!(platform["token_requests"], renewals);
    }
    assert_eq!(first["platform"]["faults"], second["platform"]["faults"]);
}

#[test]
fn the_demo_leaves_nothing_in_the_users_folders_and_prints_a_table() {
    let world = World::new();
    let ran = world.run(&["demo", "--calls", "10", "--accounts", "4"]).expect(0);
    for name in ["alice", "bob", "carol", "dave", "sign-ins 4, ", "refresh-token reuses 0", "cache hits"] {
        assert!(ran.out.contains(name), "{name}: {}", ran.out);
    }
    assert!(ran.err.contains("resumed all sessions without signing in"), "{}", ran.err);
    assert!(!world.store().exists() && !world.key_file().exists());
}

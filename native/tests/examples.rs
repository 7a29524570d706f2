//! Do the example programs do what they say?

use std::path::Path;
use std::process::Command;

use hallpass_testbed::{Config, Testbed};

#[tokio::test]
async fn the_pool_example_spreads_its_items_over_three_accounts() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let tests = std::env::current_exe().expect("this test is a file");
    let built = tests.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let example = built.join("examples").join(format!("pool{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(example);
    command.env("HALLPASS_EXAMPLE_URL", testbed.url());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("runs").expect("starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.starts_with("60 of 60 items\n"), "{printed}");
    let stats = testbed.stats();
    for name in ["alice", "bob", "carol"] {
        assert!(printed.contains(&format!("{name}: ")), "{printed}");
        assert!(stats.requests.by_account[name] > 10, "{name} did its part");
    }
    assert_eq!(stats.sign_ins.total, 3);
}

//! Are sessions kept in Redis where a URL says so, and nowhere else?

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{PASSWORD, World};

/// A Redis of this test's own, on a socket in the world's folder.
struct Server(Child);

impl Server {
    fn start(world: &World) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--requirepass", PASSWORD, "--unixsocket", "socket", "--dir"]);
        command.arg(world.folder()).stdout(Stdio::null());
        let child = command.current_dir(world.folder()).spawn();
        let server = Self(child.expect("redis-server is needed: `cargo xtask test --only stores` installs it"));
        let deadline = Instant::now() + Duration::from_secs(30);
        // Until another process listens: it is asked again until a deadline.
        while std::os::unix::net::UnixStream::connect(world.folder().join("socket")).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
fn a_session_in_redis_is_resumed_and_nothing_is_in_a_folder() {
    let world = World::new();
    let server = Server::start(&world);
    let url = format!("unix://:{PASSWORD}@{}", world.folder().join("socket").display());
    let run = |words: &[&str]| world.check(&world.command(words).env("HALLPASS_STORE", &url).output().unwrap());
    let login = || world.check(&world.login_command("alice").env("HALLPASS_STORE", &url).output().unwrap());
    run(&["sessions"]).expect(0).says("no sessions are saved in Redis");
    login().expect(0);
    run(&["fetch", "example", "alice", "/me"]).expect(0);
    assert!(run(&["sessions"]).expect(0).out.contains("alice"));
    assert_eq!(world.testbed.stats().sign_ins.total, 1, "the session was resumed");
    assert!(!world.store().exists(), "no folder was made");
    drop(server);
    run(&["fetch", "example", "alice", "/me"]).expect_kind(7, "store_unavailable").says("no connection to Redis");
}

#[test]
fn a_url_that_cannot_be_read_is_refused_and_its_password_is_not_shown() {
    let world = World::new();
    let url = format!("redis://app:{PASSWORD}@localhost?retries=1");
    world.run(&["sessions", "--store", &url]).expect(7).says("retries is not known");
}

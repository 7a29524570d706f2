//! Does the live view show what is, obey its keys, and give the terminal back?

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::terminal::{Outputs, Terminal};
use crate::world::World;

/// A terminal of 80 by 24 whose screen is read as a person would.
struct Watched {
    terminal: Terminal,
    screen: vt100::Parser,
}

impl Watched {
    fn run(mut command: Command) -> Self {
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        Self { terminal: Terminal::run(&command, &Outputs::Screen), screen: vt100::Parser::default() }
    }

    /// Waits until the screen shows this.
    fn sees(&mut self, text: &str) {
        while !self.screen.screen().contents().contains(text) {
            let more = self.terminal.screen.recv();
            let more = more.unwrap_or_else(|_| panic!("{text} is never shown: {}", self.screen.screen().contents()));
            self.screen.process(more.as_bytes());
        }
    }

    /// The command's exit code, once the terminal is as it was.
    fn leaves(mut self) -> i32 {
        let code = self.terminal.child.wait().unwrap().code().expect("it ends by itself");
        let modes = tcgetattr(&self.terminal.keyboard).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON), "{modes:?}");
        for more in &self.terminal.screen {
            self.screen.process(more.as_bytes());
        }
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{}", screen.contents());
        code
    }
}

fn oauth() -> World {
    let world = World::new();
    let text = include_str!("../../../../examples/platforms/testbed-oauth.toml");
    world.write_platform("oauth", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    for account in ["alice", "bob"] {
        let grant = world.testbed.issue_refresh_token(account).unwrap();
        let mut login = world.command(&["login", "oauth", account]);
        login.env("HALLPASS_FIELD_REFRESH_TOKEN", grant);
        world.check(&login.output().unwrap()).expect(0);
    }
    world
}

#[test]
fn keys_validate_renew_and_close_and_q_gives_the_terminal_back() {
    let world = oauth();
    let requests = |world: &World| world.testbed.stats().requests.total;
    let mut watched = Watched::run(world.command(&["top", "oauth", "--all", "--every", "0.05"]));
    for text in ["hallpass top  testbed-oauth", "alice", "bob", "active", "2 sessions", "EXPIRES", "RENEWALS"] {
        watched.sees(text);
    }
    let before = requests(&world);
    watched.terminal.types("v");
    watched.sees("alice is good");
    assert_eq!(requests(&world), before + 1);
    watched.terminal.types("jr");
    watched.sees("bob was renewed");
    watched.sees("renewals 1");
    assert_eq!(world.testbed.stats().token_requests.by_account["bob"], 2);
    watched.terminal.types("?");
    watched.sees("none is signed out");
    watched.terminal.types("?c");
    watched.sees("bob was saved and closed");
    watched.sees("1 sessions");
    watched.terminal.types("q");
    assert_eq!(watched.leaves(), 0);
    let ran = world.run(&["fetch", "oauth", "bob", "/api/items/1"]).expect(0);
    assert!(!ran.out.is_empty(), "what was renewed is saved: {ran:?}");
    assert_eq!(world.testbed.stats().refresh_reuses, 0);
}

#[test]
fn an_interruption_and_a_signal_give_the_terminal_back() {
    let world = World::signed_in();
    let mut watched = Watched::run(world.command(&["top", "example", "alice"]));
    watched.sees("active");
    watched.terminal.types("\x03");
    assert_eq!(watched.leaves(), 0);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut watched = Watched::run(world.command(&["top", "example", "alice"]));
        watched.sees("active");
        let pid = i32::try_from(watched.terminal.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        assert_eq!(watched.leaves(), 130, "{signal:?}");
    }
}

#[test]
fn without_a_terminal_it_says_so_and_prints_once_when_asked_to() {
    let world = World::signed_in();
    world.run(&["top", "example", "--all"]).expect_kind(2, "config_invalid").says("--once");
    let ran = world.run(&["top", "example", "--all", "--once"]).expect(0);
    for text in ["1 sessions", "ACCOUNT", "LAST ERROR", "alice", "active"] {
        assert!(ran.out.contains(text), "{text}: {ran:?}");
    }
    let json = world.run(&["top", "example", "alice", "--json"]).expect(0).json();
    assert_eq!(json["snapshot"]["sessions"][0]["state"], "active");
    assert_eq!(json["snapshot"]["totals"]["restores"], 1);
    assert_eq!(json["unopened"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_opened_is_shown_with_why_and_nothing_to_open_is_an_error() {
    let world = World::signed_in();
    let ran = world.run(&["top", "example", "alice", "nobody", "--once"]).expect(0);
    assert!(ran.out.contains("unopened") && ran.out.contains("no_session"), "{ran:?}");
    world
        .run(&["top", "example", "nobody", "--once"])
        .expect_kind(3, "no_session")
        .says("hallpass login example nobody");
    world.run(&["logout", "example", "alice"]).expect(0);
    world.run(&["top", "example", "--all", "--once"]).expect_kind(3, "no_session");
    world.run(&["top", "example", "--once"]).expect(2);
}

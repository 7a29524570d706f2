//! What does somebody at a terminal see and not see?

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::world::{PASSWORD, World};

/// Somebody at a terminal, and the command that runs there.
pub(crate) struct Terminal {
    pub(crate) keyboard: File,
    pub(crate) screen: Receiver<String>,
    shown: String,
    pub(crate) child: Child,
}

/// Which of the command's outputs the person sees.
pub(crate) enum Outputs {
    /// Neither: what it asks, it asks on its own terminal.
    Neither,
    /// Its errors.
    Errors,
    /// Both.
    Screen,
}

impl Terminal {
    pub(crate) fn run(inner: &Command, outputs: &Outputs) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(slave, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let keyboard = File::from(master);
        // Asked before the command begins, which may silence it at any moment from then on.
        assert!(tcgetattr(&keyboard).unwrap().local_modes.contains(LocalModes::ECHO), "a new terminal echoes");
        let mut output = keyboard.try_clone().unwrap();

        // Of util-linux: the terminal on standard input becomes the command's own.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg("--wait").arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let screen = || Stdio::from(slave.try_clone().unwrap());
        let (out, err) = match outputs {
            Outputs::Neither => (Stdio::piped(), Stdio::piped()),
            Outputs::Errors => (Stdio::piped(), screen()),
            Outputs::Screen => (screen(), screen()),
        };
        command.stdout(out).stderr(err);
        let child = command.stdin(slave).spawn().unwrap();
        drop(command);

        let (seen, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            // The terminal fails to be read once the command has gone.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if seen.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { keyboard, screen, shown: String::new(), child }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn sees(&mut self, text: &str) {
        while !self.shown.contains(text) {
            self.shown.push_str(&self.screen.recv().expect("more is shown"));
        }
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO)
    }
}

#[test]
fn what_is_missing_is_asked_for_and_a_secret_is_not_echoed() {
    let world = World::new();
    let mut terminal = Terminal::run(&world.command(&["login", "example", "alice"]), &Outputs::Neither);
    // The name is the account's: Enter is enough.
    terminal.types("\n");
    terminal.sees("password: ");
    terminal.types(&format!("{PASSWORD}\n"));
    let Terminal { child, screen, mut shown, .. } = terminal;
    let ran = world.check(&child.wait_with_output().unwrap()).expect(0);
    shown.extend(screen.iter());
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(ran.err.contains("username [alice]: "), "{ran:?}");
    assert_eq!(ran.out, "signed in to testbed-json as alice (acct-alice)\n");
}

#[test]
fn an_interrupted_prompt_is_130_and_gives_the_terminal_back_as_it_was() {
    let world = World::new();
    let mut login = world.command(&["login", "example", "alice"]);
    login.env("HALLPASS_FIELD_USERNAME", "alice");
    let mut terminal = Terminal::run(&login, &Outputs::Neither);
    terminal.sees("password: ");
    assert!(!terminal.echoes());
    terminal.types("half of it\x03");
    let mut child = terminal.child;
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(tcgetattr(&terminal.keyboard).unwrap().local_modes.contains(LocalModes::ECHO));
    assert_eq!(world.testbed.stats().requests.total, 0);
}

#[test]
fn the_demo_shows_how_far_it_is_at_a_terminal_and_only_there() {
    const BAR: &str = "/30 resources";
    let world = World::new();
    let mut demo = world.command(&["demo", "--calls", "10"]);
    demo.env("TERM", "xterm").env_remove("NO_COLOR");
    let mut terminal = Terminal::run(&demo, &Outputs::Errors);
    terminal.sees(BAR);
    let ran = world.check(&terminal.child.wait_with_output().unwrap()).expect(0);
    assert!(!ran.out.contains(BAR), "{ran:?}");

    let ran = world.check(&demo.output().unwrap()).expect(0);
    assert!(!ran.err.contains(BAR) && !ran.out.contains(BAR), "{ran:?}");
}

#[test]
fn a_platform_file_is_asked_for_question_by_question_and_a_wrong_answer_again() {
    let world = World::new();
    let mut terminal = Terminal::run(&world.command(&["platform", "new"]), &Outputs::Errors);
    terminal.sees("name of the platform: ");
    terminal.types("mine\n");
    terminal.sees("such as https://api.example.com: ");
    terminal.types("api.example.com\n");
    terminal.sees("`base_url` has no scheme");
    terminal.types(&format!("{}\n", world.testbed.url()));
    terminal.sees("how one signs in (");
    terminal.types("json\n");
    terminal.sees("such as /login: ");
    terminal.types("/json/login\n");
    terminal.sees("such as /me (empty: nowhere): ");
    terminal.types("/me\n");
    terminal.sees("such as /id (empty: none): ");
    terminal.types("id\n");
    let ran = world.check(&terminal.child.wait_with_output().unwrap());
    ran.expect(2);
    assert!(!world.config().join("platforms/mine.toml").exists(), "what cannot be is not written");

    let words = ["platform", "new", "--id", "mine", "--base-url", "https://a.example", "--sign-in", "bundle"];
    let mut terminal = Terminal::run(&world.command(&words), &Outputs::Errors);
    terminal.sees("such as /me (empty: nowhere): ");
    terminal.types("\n");
    let ran = world.check(&terminal.child.wait_with_output().unwrap()).expect(0);
    assert!(ran.out.starts_with("wrote "), "{ran:?}");
    world.run(&["platform", "check", "mine"]).expect(0);
}

#[test]
fn a_curl_command_is_pasted_at_a_terminal() {
    let world = World::new();
    let bundle = world.testbed.issue_bundle("alice", "Mozilla/5.0 (test)").unwrap();
    let text = include_str!("../../../../examples/platforms/testbed-bundle.toml");
    world.write_platform("bundle", &text.replace("http://127.0.0.1:8080", &world.testbed.url()));
    let mut terminal = Terminal::run(&world.command(&["login", "bundle", "alice", "--curl", "-"]), &Outputs::Errors);
    terminal.types(&format!(
        "curl '{}/x' \\\n  -b '{}' \\\n  -A '{}' \\\n  -H 'x-bc: {}'\n\x04",
        world.testbed.url(),
        bundle.cookie,
        bundle.user_agent,
        bundle.x_bc
    ));
    let ran = world.check(&terminal.child.wait_with_output().unwrap()).expect(0);
    assert_eq!(ran.out, "signed in to testbed-bundle as alice (acct-alice)\n");
}

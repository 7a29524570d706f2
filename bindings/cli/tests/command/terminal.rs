//! What does somebody at a terminal see and not see?

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::world::{PASSWORD, World};

#[test]
fn what_is_missing_is_asked_for_and_a_secret_is_not_echoed() {
    let world = World::new();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = ptsname(&master, Vec::new()).unwrap();
    let slave = rustix::fs::open(slave, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut keyboard = File::from(master);
    let mut screen = keyboard.try_clone().unwrap();

    let inner = world.command(&["login", "example", "alice"]);
    // Of util-linux: the terminal on standard input becomes the command's own.
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg("--wait").arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let child = command.stdin(slave).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);

    let (seen, watched) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 256];
        // The terminal fails to be read once the command has gone.
        while let Ok(read @ 1..) = screen.read(&mut bytes) {
            seen.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).unwrap();
        }
    });
    // The name is the account's: Enter is enough.
    keyboard.write_all(b"\n").unwrap();
    let mut shown = String::new();
    while !shown.contains("password: ") {
        shown.push_str(&watched.recv().expect("the password is asked for"));
    }
    keyboard.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let ran = world.check(child.wait_with_output().unwrap()).expect(0);
    shown.extend(watched.iter());
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(ran.err.contains("username [alice]: "), "{ran:?}");
    assert_eq!(ran.out, "signed in to testbed-json as alice (acct-alice)\n");
}

//! Are keys taken only from where they are safe, and made only where nothing is sealed yet?

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hallpass::keys::{self, KeyFile, Source, Stretching};
use hallpass::store::FileStore;
use hallpass::{Keyring, Secret};

use crate::support::{alice, client_at, kind, quick, testbed};

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    assert!(keys::from_file(&path).expect("a missing file is no error").is_none());
    let text = hallpass::Keyring::render_key("k9", &[3; 32]).expect("a key");
    std::fs::write(&path, format!("# made for a test\n\n  {}  \n", text.as_str())).expect("written");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        let error = keys::from_file(&path).expect_err("others can read it");
        assert_eq!(error.kind(), "key_invalid");
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(!error.to_string().contains(text.as_str()));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    assert_eq!(keys::from_file(&path).expect("reads").expect("a keyring").primary_id(), "k9");
    for wrong in ["", "k9", "k9:AAAA", "not a key at all", "k9:%%%"] {
        std::fs::write(&path, wrong).expect("written");
        let error = keys::from_file(&path).expect_err(wrong);
        assert_eq!(error.kind(), "key_invalid", "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_made_once_for_its_owner_alone_and_only_where_nothing_is_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/here/key");
    let store = FileStore::open(folder.path().join("sessions")).expect("opens");
    let made = keys::mint(&path, &store, "hallpass").await.expect("makes a key");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(keys::from_file(&path).expect("reads").expect("a keyring").primary_id(), made.primary_id());
    let again = keys::mint(&path, &store, "hallpass").await.expect("the key that is there");
    assert_eq!(again.primary_id(), made.primary_id(), "it never replaces one");
    let other = folder.path().join("other");
    let second = keys::mint(&other, &store, "hallpass").await.expect("makes a key");
    assert_ne!(std::fs::read(&path).expect("a file"), std::fs::read(&other).expect("a file"));
    assert_ne!(made.primary_id(), second.primary_id());

    let testbed = testbed().await;
    let client = client_at(&folder.path().join("sessions"));
    client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    client.close().await.expect("closes");
    let third = folder.path().join("third");
    assert_eq!(kind(keys::mint(&third, &store, "hallpass").await), "key_missing");
    assert!(!third.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_who_make_a_key_at_once_get_the_same_one() {
    for _ in 0..20 {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let folder = Arc::clone(&folder);
            tasks.spawn(async move {
                let store = FileStore::open(folder.path().join("sessions")).expect("opens");
                let made =
                    keys::mint(&folder.path().join("key"), &store, "hallpass").await.expect("makes or finds a key");
                made.primary_id().to_owned()
            });
        }
        let ids = tasks.join_all().await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the key and the sessions, and no other file with a key in it");
    }
}

/// What another process with these variables says of its key: a process's own environment is shared by all its tests.
fn told(variables: &[(&str, &str)]) -> String {
    let mut program = std::process::Command::new(std::env::current_exe().expect("this program"));
    program.args(["--exact", "keys::tells_the_key_in_its_environment", "--ignored", "--nocapture"]);
    for name in [keys::VARIABLE, keys::FILE, keys::COMMAND, keys::PASSPHRASE_FILE] {
        program.env_remove(name);
    }
    program.envs(variables.iter().copied());
    let out = String::from_utf8(program.output().expect("runs").stdout).expect("text");
    let line = out.lines().find_map(|line| line.split_once("key: ")).unwrap_or_else(|| panic!("{out}"));
    line.1.to_owned()
}

#[test]
fn the_environment_may_hold_a_key_name_its_file_or_the_command_that_prints_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = Keyring::render_key("k9", &[3; 32]).expect("a key");
    let older = Keyring::render_key("k8", &[2; 32]).expect("a key");
    let both = format!("{},{}", key.as_str(), older.as_str());
    let file = private(&folder.path().join("key"), &format!("{}\n{}\n", key.as_str(), older.as_str()));
    let command = format!("cat {file}");
    for variables in [[(keys::VARIABLE, both.as_str())], [(keys::FILE, &file)], [(keys::COMMAND, &command)]] {
        assert_eq!(told(&variables), "k9 k8", "{variables:?}");
    }
    assert_eq!(told(&[]), "none");
    assert_eq!(told(&[(keys::VARIABLE, " "), (keys::FILE, ""), (keys::COMMAND, "")]), "none");
    assert!(told(&[(keys::VARIABLE, "nonsense")]).starts_with("key_invalid"));
    let twice = told(&[(keys::VARIABLE, key.as_str()), (keys::COMMAND, "true")]);
    assert!(twice.starts_with("key_invalid") && twice.contains("HALLPASS_KEY_COMMAND"), "{twice}");
    assert!(told(&[(keys::FILE, "/nowhere/key")]).starts_with("key_missing"));
    for (command, words) in [
        ("exit 3", "exit code 3"),
        ("true", "printed nothing"),
        ("printf '  \n'", "printed nothing"),
        ("kill -9 $$", "signal"),
        ("head -c 70000 /dev/zero", "more than 65536 bytes"),
        ("printf '\\377'", "no text"),
    ] {
        let told = told(&[(keys::COMMAND, command)]);
        assert!(told.starts_with("key_invalid") && told.contains(words), "{command}: {told}");
    }
    let failed = told(&[(keys::COMMAND, &format!("cat {file}; exit 1"))]);
    assert!(failed.contains("exit code 1") && !failed.contains("AwMD"), "{failed}");
    let shown = format!("{:?} {:?}", Source::text(both), Source::command("echo secret"));
    assert_eq!(shown, "Source::text(redacted) Source::command(redacted)");
}

#[test]
fn a_passphrase_opens_its_key_and_no_other_does() {
    const QUICK: Stretching = Stretching { memory: 64, passes: 1, lanes: 1 };
    let folder = tempfile::tempdir().expect("a folder");
    let passphrase = Secret::new("correct horse battery staple");
    let made = keys::from_passphrase(&passphrase, QUICK).expect("makes a key");
    assert!(made.text().starts_with(&format!("{}:argon2id:64:1:1:", made.id())), "{}", made.text());
    assert_ne!(made.text(), QUICK.entry(made.id(), &passphrase).expect("makes a key"), "the salt is new each time");
    let plain = keys::generate().expect("makes a key");
    let source = Source::text(format!("{},{}", made.text(), plain.text()));
    assert_eq!(source.ids().expect("reads").expect("a keyring"), [made.id(), plain.id()]);

    let mut asked = Vec::new();
    let mut read = |answer: Option<&str>| {
        source.read_asking(&mut |id| {
            asked.push(id.to_owned());
            Ok(answer.map(Secret::new))
        })
    };
    let keyring = read(Some(passphrase.expose())).expect("opens").expect("a keyring");
    assert_eq!(keyring.ids().collect::<Vec<_>>(), [made.id(), plain.id()]);
    let wrong = read(Some("incorrect horse")).expect_err("another passphrase");
    assert_eq!(wrong.kind(), "key_invalid");
    assert!(wrong.to_string().contains("is not the passphrase") && !wrong.to_string().contains("horse"), "{wrong}");
    assert_eq!(read(None).expect_err("nobody tells").kind(), "key_missing");
    assert_eq!(asked, [made.id(), made.id(), made.id()]);

    let file = private(&folder.path().join("passphrases"), &format!("another\n{}\n", passphrase.expose()));
    let told_with = |file: &str| told(&[(keys::VARIABLE, made.text()), (keys::PASSPHRASE_FILE, file)]);
    assert_eq!(told_with(&file), made.id());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("set");
    assert!(told_with(&file).contains("chmod 600"));
    let other = private(&folder.path().join("other"), "another\n");
    assert!(told_with(&other).starts_with("key_missing"), "{}", told_with(&other));
    assert!(told(&[(keys::VARIABLE, made.text())]).contains(keys::PASSPHRASE_FILE));
    for broken in ["k:argon2id", "k:argon2id:64:1:1:AAAA", "k:argon2id:99999999:1:1:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAA"]
    {
        assert_eq!(Source::text(broken).read().expect_err(broken).kind(), "key_invalid");
    }
    assert_eq!(QUICK.entry("k", &Secret::new("")).expect_err("empty").kind(), "key_invalid");
}

#[test]
fn a_key_made_from_a_passphrase_stays_the_same_for_ever() {
    // RFC 9106's second recommended parameters; the key was worked out by the reference implementation of Argon2.
    let entry = "p1:argon2id:65536:3:4:AAECAwQFBgcICQoLDA0ODw:s0HQZr0slhg";
    let keyring = Source::text(entry).read_asking(&mut |_| Ok(Some(Secret::new("correct horse battery staple"))));
    let keyring = keyring.expect("opens").expect("a keyring");
    let key = hallpass::store::RecordKey::session("app", "example", "alice");
    let known = Keyring::parse("p1:t+RLIOiThNX8JgsC/oSn33qWXat8GVSUkmvZH6jObXU=").expect("a keyring");
    let mut rng = hallpass::core::seed::Seed::new([1; 32]).rng("test");
    let sealed = hallpass::core::envelope::seal(&known, &key, 1, b"payload", &mut rng);
    assert_eq!(
        hallpass::core::envelope::open(&keyring, &key, &sealed).expect("opens").plaintext.as_slice(),
        b"payload"
    );
}

#[test]
fn a_key_file_is_changed_whole_by_one_at_a_time_and_keeps_its_remarks() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = KeyFile::at(folder.path().join("made/here/key"));
    let (first, second) = (keys::generate().expect("a key"), keys::generate().expect("a key"));
    assert!(file.entries().expect("no file is no error").is_none());
    file.add(&first).expect("makes the file");
    let text = format!("# mine\n\n{}\n# the end\n", first.text());
    private(file.path(), &text);
    file.add(&second).expect("adds");
    assert_eq!(file.add(&second).expect_err("twice").kind(), "key_invalid");
    let content = || std::fs::read_to_string(file.path()).expect("a file");
    assert_eq!(content(), format!("{text}{}\n", second.text()));
    assert_eq!(std::fs::metadata(file.path()).expect("a file").permissions().mode() & 0o777, 0o600);
    file.promote(second.id()).expect("promotes");
    assert_eq!(content(), format!("# mine\n\n{}\n{}\n# the end\n", second.text(), first.text()));
    assert_eq!(file.retire(second.id()).expect_err("it seals").kind(), "key_invalid");
    assert_eq!(file.retire("nobody").expect_err("none").kind(), "key_unknown");
    let third = keys::generate().expect("a key");
    assert_eq!(file.seal_with(&third, first.id()).expect("somebody was first"), second.id());
    assert_eq!(file.seal_with(&third, second.id()).expect("changes"), third.id());
    file.retire(first.id()).expect("retires");
    let ids: Vec<_> = file.entries().expect("reads").expect("a file").iter().map(|key| key.id().to_owned()).collect();
    assert_eq!(ids, [third.id(), second.id()]);

    let before = ids.len();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10).for_each(|_| file.add(&keys::generate().expect("a key")).expect("adds")));
        }
    });
    assert_eq!(file.entries().expect("reads").expect("a file").len(), before + 80, "no writer undoes another's change");
    let mut left: Vec<_> = std::fs::read_dir(file.path().parent().expect("a folder"))
        .expect("lists")
        .map(|one| one.expect("one").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["key", "key.lock"]);
}

#[test]
#[ignore = "run by tests of the environment"]
fn tells_the_key_in_its_environment() {
    match keys::from_environment() {
        Ok(None) => println!("key: none"),
        Ok(Some(keyring)) => println!("key: {}", keyring.ids().collect::<Vec<_>>().join(" ")),
        Err(error) => println!("key: {}: {}", error.kind(), error.detail()),
    }
}

/// Writes a file that only its owner reads.
fn private(path: &std::path::Path, content: &str) -> String {
    std::fs::write(path, content).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
    path.to_str().expect("a name").to_owned()
}

//! Is a file of sessions that an earlier release exported read for ever, and written the same?

use std::num::NonZeroUsize;

use hallpass::exported::{self, Content, Form, Replaces, Taken};
use hallpass::store::{Expected, Expiry, MemoryStore, RecordKey, Store};
use hallpass_conformance::hex;
use hallpass_core::envelope::{self, Keyring};
use hallpass_core::time::Wall;

const SEALED: &str = include_str!("../vectors/exported-sessions/v1-sealed.json");
const PLAINTEXT: &str = include_str!("../vectors/exported-sessions/v1-plaintext.json");
const NOW: Wall = Wall::from_millis(1_760_000_000_000);

/// The session that both files hold, as it was sealed when payloads had their first schema.
fn payload() -> serde_json::Value {
    serde_json::from_str(include_str!("../vectors/payload/v1.json")).unwrap()
}

fn keyring() -> Keyring {
    Keyring::parse(payload()["keyring"].as_str().unwrap()).unwrap()
}

fn key() -> RecordKey {
    RecordKey::session("scenarios", "shop", "alice")
}

fn store() -> MemoryStore {
    MemoryStore::new(NonZeroUsize::new(10).unwrap()).with_clock(hallpass::store::WallClock::new(|| NOW))
}

#[tokio::test]
async fn files_of_the_first_version_are_imported_for_ever() {
    let sealed = hex::decode(payload()["sealed"].as_str().unwrap()).unwrap();
    let opened = envelope::open(&keyring(), &key(), &sealed).unwrap();
    for (text, form) in [(SEALED, "sealed"), (PLAINTEXT, "plaintext")] {
        let sessions = exported::read(text.as_bytes()).unwrap();
        assert_eq!(sessions.len(), 1, "{form}");
        assert_eq!(sessions[0].key, key());
        assert_eq!(sessions[0].expiry.idle, Some(std::time::Duration::from_secs(86_400)));
        assert_eq!(sessions[0].expiry.absolute, Some(Wall::from_millis(4_102_444_800_000)));
        let store = store();
        assert_eq!(exported::import(&store, &keyring(), &sessions[0], Replaces::Older, NOW).await, Ok(Taken::Saved));
        let record = store.load(&key()).await.unwrap().unwrap();
        assert_eq!(envelope::open(&keyring(), &key(), &record.sealed).unwrap().plaintext, opened.plaintext, "{form}");
        assert_eq!(store.expiry(&key()).await.unwrap().unwrap().1, sessions[0].expiry);
        let again = match &sessions[0].content {
            Content::Sealed(_) => exported::export(&store, &key(), Form::Sealed).await,
            Content::Plaintext(..) => exported::export(&store, &key(), Form::Plaintext(&keyring())).await,
        };
        let written = exported::write(&[again.unwrap().unwrap()]);
        assert_eq!(String::from_utf8_lossy(&written), text, "what is exported is the file that was imported");
        assert_eq!(exported::import(&store, &keyring(), &sessions[0], Replaces::Older, NOW).await, Ok(Taken::Kept));
        assert_eq!(exported::import(&store, &keyring(), &sessions[0], Replaces::Anything, NOW).await, Ok(Taken::Saved));
        let end = Wall::from_millis(4_102_444_800_000);
        assert_eq!(exported::import(&store, &keyring(), &sessions[0], Replaces::Anything, end).await, Ok(Taken::Ended));
    }
}

#[tokio::test]
async fn what_does_not_open_is_not_saved_and_what_is_saved_stays() {
    let session = exported::read(SEALED.as_bytes()).unwrap().remove(0);
    let import = async |store: &MemoryStore, keyring: &Keyring, session: &exported::Exported, replaces| {
        exported::import(store, keyring, session, replaces, NOW).await.map_err(|error| error.kind())
    };
    let empty = store();
    let other = Keyring::new("k9", [9; 32]).unwrap();
    assert_eq!(import(&empty, &other, &session, Replaces::Anything).await, Err("key_unknown"));
    let mut moved = session.clone();
    moved.key.account = "mallory".to_owned();
    assert_eq!(import(&empty, &keyring(), &moved, Replaces::Anything).await, Err("wrong_context"));
    let mut cut = session.clone();
    cut.content = Content::Plaintext(1, zeroize(b"\x00"));
    assert_eq!(import(&empty, &keyring(), &cut, Replaces::Anything).await, Err("damaged"));
    assert!(empty.load(&moved.key).await.unwrap().is_none() && empty.load(&key()).await.unwrap().is_none());
    empty.save(&key(), b"no envelope".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
    assert_eq!(import(&empty, &keyring(), &session, Replaces::Older).await, Err("damaged"));
    assert_eq!(empty.load(&key()).await.unwrap().unwrap().sealed, b"no envelope");
    assert_eq!(import(&empty, &keyring(), &session, Replaces::Anything).await, Ok(Taken::Saved));
}

#[test]
fn later_versions_and_other_files_are_told_apart_and_additions_are_passed_over() {
    let kind = |text: &str| exported::read(text.as_bytes()).map_or_else(|error| error.kind(), |_| "read");
    assert_eq!(kind(&SEALED.replace("\"hallpass_sessions\": 1", "\"hallpass_sessions\": 2")), "version_unknown");
    assert_eq!(kind("{\"hallpass_sessions\": 7, \"other\": {}}"), "version_unknown");
    assert_eq!(kind(&SEALED.replace("\"account\"", "\"added_later\": [1],\n      \"account\"")), "read");
    for broken in ["", "{}", "[]", "{\"hallpass_sessions\": 1}", &SEALED.replace("\"sealed\"", "\"x\"")] {
        assert_eq!(kind(broken), "damaged", "{broken}");
    }
    let secret = PLAINTEXT.replace("\"plaintext\": \"", "\"plaintext\": \"%planted-secret%");
    let error = exported::read(secret.as_bytes()).unwrap_err();
    assert!(!error.to_string().contains("planted"), "{error}");
    let shown = format!("{:?}", exported::read(PLAINTEXT.as_bytes()).unwrap());
    assert!(shown.contains("Plaintext(schema 1, redacted)"), "{shown}");
}

fn zeroize(bytes: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    zeroize::Zeroizing::new(bytes.to_vec())
}

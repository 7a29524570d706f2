//! Does a record that an earlier release sealed still resume?

use std::sync::Arc;

use hallpass_conformance::dialogue::{Pair, Shelf};
use hallpass_conformance::hex;
use hallpass_core::envelope::Keyring;
use hallpass_core::machine::{Leases, Persist, Session, Settings};
use hallpass_core::platform::Platform;
use hallpass_core::store::RecordKey;

#[test]
fn a_record_of_the_first_schema_resumes_for_ever() {
    let text = include_str!("../vectors/payload/v1.json");
    let vector: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let word = |pointer: &str| vector.pointer(pointer).and_then(serde_json::Value::as_str).expect("a text").to_owned();
    let platform = Platform::from_json(&vector["platform"].to_string()).expect("a platform");
    let shelf = Shelf::default();
    let key = RecordKey::session(&word("/namespace"), &platform.id, &word("/account"));
    shelf.put(&key, hex::decode(&word("/sealed")).expect("hexadecimal"));
    let keyring = Arc::new(Keyring::parse(&word("/keyring")).expect("a keyring"));
    let persist = Some(Persist { keyring, namespace: word("/namespace"), leases: Leases::NotNeeded });
    let mut pair = Pair::with(platform, Settings { persist, ..Settings::default() }, shelf);
    let resume = pair.command(Session::resume);
    pair.done(resume);
    let expected = &vector["expected"];
    assert_eq!(Some(pair.session.generation()), expected["generation"].as_u64());
    assert_eq!(pair.session.expires_at().map(hallpass_core::time::Wall::as_millis), expected["ends"].as_i64());
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"].to_str().ok(), Some(word("/expected/authorization").as_str()));
}

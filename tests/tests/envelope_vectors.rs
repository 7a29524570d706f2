//! Whether every envelope that was ever released still opens, and sealing it again gives the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use hallpass_conformance::hex;
use hallpass_core::envelope::{self, Keyring};
use hallpass_core::seed::Seed;
use hallpass_core::store::{RecordKey, RecordKind};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    keys: BTreeMap<String, String>,
    records: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    key_id: String,
    seed: String,
    schema: u8,
    key: Key,
    plaintext: String,
    sealed: String,
}

#[derive(Deserialize)]
struct Key {
    namespace: String,
    kind: String,
    platform: String,
    account: String,
}

impl File {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/envelope/v1.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// Every key, the named one first.
    fn keyring(&self, primary: &str) -> Keyring {
        let secret = |text: &String| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
        let older = self.keys.iter().filter(|(id, _)| *id != primary);
        let first = Keyring::new(primary, secret(&self.keys[primary])).unwrap();
        older.fold(first, |keyring, (id, text)| keyring.with_older(id, secret(text)).unwrap())
    }
}

impl Key {
    fn logical(&self) -> RecordKey {
        RecordKey {
            namespace: self.namespace.clone(),
            kind: RecordKind::from_word(&self.kind).unwrap(),
            platform: self.platform.clone(),
            account: self.account.clone(),
        }
    }
}

#[test]
fn every_released_envelope_opens_whichever_key_is_primary() {
    let file = File::read();
    for primary in file.keys.keys() {
        let keyring = file.keyring(primary);
        for record in &file.records {
            let sealed = hex::decode(&record.sealed).unwrap();
            let opened = envelope::open(&keyring, &record.key.logical(), &sealed).unwrap();
            assert_eq!(hex::encode(&opened.plaintext), record.plaintext, "{}", record.name);
            assert_eq!((opened.schema, &opened.key_id), (record.schema, &record.key_id), "{}", record.name);
        }
    }
}

#[test]
fn sealing_again_from_the_same_seed_gives_the_same_bytes() {
    let file = File::read();
    for record in &file.records {
        let seed = Seed::new(hex::decode(&record.seed).unwrap().try_into().unwrap());
        let plaintext = hex::decode(&record.plaintext).unwrap();
        let keyring = file.keyring(&record.key_id);
        let sealed = envelope::seal(&keyring, &record.key.logical(), record.schema, &plaintext, &mut seed.rng("seal"));
        assert_eq!(hex::encode(&sealed), record.sealed, "{}", record.name);
    }
}

#[test]
fn every_released_envelope_opens_only_under_its_own_key() {
    let file = File::read();
    for record in &file.records {
        for other in &file.records {
            if record.key.logical() == other.key.logical() {
                continue;
            }
            let sealed = hex::decode(&record.sealed).unwrap();
            let error = envelope::open(&file.keyring("k"), &other.key.logical(), &sealed).unwrap_err();
            assert_eq!(error.kind(), "wrong_context", "{} as {}", record.name, other.name);
        }
    }
}

//! Sealing and opening: every flipped bit, every wrong context, every repeated seed.

use proptest::prelude::{prop_assert_eq, proptest};

use super::*;
use crate::seed::{Rng, Seed};
use crate::store::RecordKind;

const MASTER: [u8; 32] = [0x5a; 32];
const OLDER: [u8; 32] = [0xa5; 32];

fn keyring() -> Keyring {
    Keyring::new("k1", MASTER).unwrap().with_older("k0", OLDER).unwrap()
}

fn key() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

fn rng(seed: u8) -> Rng {
    Seed::new([seed; 32]).rng("seal")
}

fn kind(keyring: &Keyring, key: &RecordKey, sealed: &[u8]) -> Kind {
    open(keyring, key, sealed).expect_err("must not open").code()
}

#[test]
fn every_single_bit_flip_fails_with_the_kind_of_its_field() {
    let sealed = seal(&keyring(), &key(), 1, b"a payload of some bytes", &mut rng(1));
    let key_id = 8..10;
    for position in 0..sealed.len() {
        for bit in 0..8 {
            let mut flipped = sealed.clone();
            flipped[position] ^= 1 << bit;
            let kind = kind(&keyring(), &key(), &flipped);
            match position {
                4 | 5 => assert_eq!(kind, Kind::VersionUnknown, "byte {position}"),
                // A flip may also make an id that is known, or none at all.
                _ if key_id.contains(&position) || position == 7 => {
                    assert!(matches!(kind, Kind::KeyUnknown | Kind::Damaged), "byte {position}: {kind:?}");
                }
                _ => assert_eq!(kind, Kind::Damaged, "byte {position}"),
            }
        }
    }
}

#[test]
fn every_truncation_and_every_appended_byte_is_damaged() {
    let sealed = seal(&keyring(), &key(), 1, b"payload", &mut rng(1));
    for length in 0..sealed.len() {
        assert_eq!(kind(&keyring(), &key(), &sealed[..length]), Kind::Damaged, "cut to {length}");
    }
    assert_eq!(kind(&keyring(), &key(), &[&sealed[..], b"x"].concat()), Kind::Damaged);
    assert_eq!(kind(&keyring(), &key(), b"<html>not a record</html>"), Kind::Damaged);
}

#[test]
fn every_other_context_is_a_wrong_context() {
    let sealed = seal(&keyring(), &key(), 1, b"payload", &mut rng(1));
    let response = RecordKey { kind: RecordKind::Response, ..key() };
    let others = [
        RecordKey::session("ap", "example", "alice"),
        RecordKey::session("app", "example2", "alice"),
        RecordKey::session("app", "example", "bob"),
        RecordKey::session("app", "example", ""),
        RecordKey::session("app", "examplea", "lice"),
        RecordKey::session("app", "exampl", "ealice"),
        RecordKey::session("appe", "xample", "alice"),
        RecordKey::session("app", "alice", "example"),
        RecordKey::session("example", "app", "alice"),
        response,
    ];
    for other in others {
        assert_eq!(kind(&keyring(), &other, &sealed), Kind::WrongContext, "{other:?}");
    }
}

#[test]
fn a_repeated_seed_repeats_a_salt_only_for_the_very_same_record() {
    let salt = |sealed: &[u8]| sealed[10..34].to_vec();
    let one = seal(&keyring(), &key(), 1, b"payload", &mut rng(1));
    assert_eq!(one, seal(&keyring(), &key(), 1, b"payload", &mut rng(1)));
    let others = [
        seal(&keyring(), &key(), 1, b"payloae", &mut rng(1)),
        seal(&keyring(), &key(), 1, b"payloa", &mut rng(1)),
        seal(&keyring(), &key(), 2, b"payload", &mut rng(1)),
        seal(&keyring(), &RecordKey::session("app", "example", "bob"), 1, b"payload", &mut rng(1)),
        seal(&Keyring::new("k2", MASTER).unwrap(), &key(), 1, b"payload", &mut rng(1)),
        seal(&Keyring::new("k1", OLDER).unwrap(), &key(), 1, b"payload", &mut rng(1)),
        seal(&keyring(), &key(), 1, b"payload", &mut rng(2)),
    ];
    for other in others {
        assert_ne!(salt(&one), salt(&other));
    }
}

#[test]
fn a_record_opens_after_its_key_became_an_older_one() {
    let before = Keyring::new("k0", OLDER).unwrap();
    let sealed = seal(&before, &key(), 3, b"payload", &mut rng(1));
    let opened = open(&keyring(), &key(), &sealed).unwrap();
    assert_eq!((opened.schema, opened.key_id.as_str(), opened.plaintext.as_slice()), (3, "k0", b"payload".as_slice()));
    let again = seal(&keyring(), &key(), 3, &opened.plaintext, &mut rng(2));
    assert_eq!(peek(&again).unwrap(), Label { schema: 3, key_id: "k1".to_owned() });
    assert_eq!(kind(&before, &key(), &again), Kind::KeyUnknown);
}

#[test]
fn another_key_of_the_same_name_is_damaged_and_not_opened() {
    let sealed = seal(&keyring(), &key(), 1, b"payload", &mut rng(1));
    assert_eq!(kind(&Keyring::new("k1", OLDER).unwrap(), &key(), &sealed), Kind::Damaged);
}

#[test]
fn a_keyring_reads_what_it_renders() {
    let text = Keyring::render_key("new.key-1_", &MASTER).unwrap();
    let read = Keyring::parse(&format!(" {}\n", text.as_str())).unwrap();
    let sealed = seal(&Keyring::new("new.key-1_", MASTER).unwrap(), &key(), 1, b"payload", &mut rng(1));
    assert_eq!(open(&read, &key(), &sealed).unwrap().plaintext.as_slice(), b"payload");
    let unpadded = text.trim_end_matches('=');
    assert!(Keyring::parse(&format!("{unpadded},other:{}", &unpadded[11..])).is_ok());
}

#[test]
fn a_bad_keyring_names_the_entry_and_never_the_key() {
    let good = Keyring::render_key("k1", &MASTER).unwrap();
    let material = &good[3..];
    let cases = [
        (String::new(), "entry 1"),
        (material.to_owned(), "entry 1"),
        (format!("{}:k1", material.trim_end_matches('=')), "entry 1"),
        (format!("{}, ", good.as_str()), "entry 2"),
        (format!("{},k2:{}", good.as_str(), &material[4..]), "entry 2 (`k2`)"),
        (format!("{},k2:{material}{material}", good.as_str()), "entry 2 (`k2`)"),
        (format!("{},k2:{material}=", good.as_str()), "entry 2 (`k2`)"),
        (format!("{},k2:*{}", good.as_str(), &material[1..]), "entry 2 (`k2`)"),
        (format!("{},{}", good.as_str(), good.as_str()), "`k1` twice"),
    ];
    for (text, names) in cases {
        let error = Keyring::parse(&text).unwrap_err();
        assert_eq!(error.code(), Kind::KeyInvalid);
        assert!(error.to_string().contains(names), "{error}");
        assert!(!error.to_string().contains(&material[8..20]), "{error}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let sealed = seal(&keyring(), &key(), 1, b"planted-secret", &mut rng(1));
    let opened = open(&keyring(), &key(), &sealed).unwrap();
    assert_eq!(format!("{opened:?}"), r#"Opened { schema: 1, key_id: "k1", bytes: 14, .. }"#);
    assert_eq!(format!("{:?}", keyring()), r#"Keyring(["k1", "k0"])"#);
}

proptest! {
    #[test]
    fn what_is_sealed_opens(payload: Vec<u8>, account: String, schema: u8, seed: u8) {
        let key = RecordKey::session("app", "example", &account);
        let sealed = seal(&keyring(), &key, schema, &payload, &mut rng(seed));
        let opened = open(&keyring(), &key, &sealed).unwrap();
        prop_assert_eq!(opened.plaintext.as_slice(), payload.as_slice());
        prop_assert_eq!(opened.schema, schema);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0usize..200) {
        let mut sealed = seal(&keyring(), &key(), 1, b"payload", &mut rng(1));
        sealed.truncate(cut);
        sealed.extend(&bytes);
        drop(open(&keyring(), &key(), &bytes));
        drop(open(&keyring(), &key(), &sealed));
        drop(peek(&sealed));
    }
}

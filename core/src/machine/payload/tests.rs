//! Does a payload survive being written, read, damaged and extended?

use std::sync::Arc;

use minicbor::Encoder;
use proptest::prelude::*;

use super::*;
use crate::machine::Settings;
use crate::platform::Compiled;
use crate::seed::Seed;
use crate::time::{Mono, Now};

fn session() -> Session {
    let text = r#"{"id": "p", "base_url": "https://a.example", "sign_in": {"bearer": {}}}"#;
    let compiled = Arc::new(Compiled::new(Platform::from_json(text).expect("valid")).expect("valid"));
    let now = Now::new(Mono::from_nanos(0), Wall::from_millis(1_700_000_000_000));
    let mut session = Session::new(compiled, "alice", Settings::default(), Seed::new([1; 32]), now);
    let mut credentials = Credentials::bearer("access").with("refresh_token", "refresh");
    credentials.user_agent = Some("agent".to_owned());
    credentials.headers.insert("x-bc".to_owned(), Secret::new("device"));
    let platform = session.compiled.platform().clone();
    session.tokens.take(&credentials, &platform).expect("usable");
    let uri = session.compiled.base().clone();
    session.jar.receive(&uri, b"sid=1; Path=/", now.wall);
    session.generation = 3;
    session.revision = 7;
    session
}

#[test]
fn what_was_written_is_read() {
    let session = session();
    let stored = decode(SCHEMA, &encode(&session)).expect("readable");
    assert_eq!((stored.platform.as_str(), stored.generation, stored.revision), ("p", 3, 7));
    assert!(stored.tokens.is_same(&session.tokens));
    assert_eq!(stored.tokens.user_agent, session.tokens.user_agent);
    assert_eq!(stored.tokens.headers, session.tokens.headers);
    assert!(stored.jar == *session.jar);
}

#[test]
fn fields_of_a_later_release_survive_a_rewrite() {
    let mut session = session();
    let mut bytes = encode(&session).to_vec();
    assert_eq!(bytes.pop(), Some(0xff), "a map without a length ends with a break");
    let mut later = Encoder::new(&mut bytes);
    later.u64(900).and_then(|to| to.array(2)).and_then(|to| to.str("new")).and_then(|to| to.u8(7)).expect("written");
    later.u64(901).and_then(|to| to.bytes(b"more")).and_then(Encoder::end).expect("written");
    session.tokens = decode(SCHEMA, &bytes).expect("readable").tokens;
    assert_eq!(encode(&session).to_vec(), bytes);
}

#[test]
fn another_schema_is_said_to_be_one() {
    assert_eq!(decode(2, &encode(&session())).expect_err("unknown").kind(), "version_unknown");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_damaged_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = decode(SCHEMA, &bytes) {
            prop_assert_eq!(error.kind(), "damaged");
        }
    }

    #[test]
    fn changed_and_truncated_records_do_not_panic(at in 0_usize..400, to in any::<u8>(), keep in 0_usize..400) {
        let mut bytes = encode(&session()).to_vec();
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = decode(SCHEMA, &bytes);
        bytes.truncate(keep);
        let _ = decode(SCHEMA, &bytes);
    }
}

//! Are the codes of a second factor the ones that RFC 6238 computes?

use std::collections::BTreeMap;

use hallpass_core::credentials::Totp;
use hallpass_core::time::Wall;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    secrets: BTreeMap<String, String>,
    codes: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    at: i64,
    #[serde(flatten)]
    codes: BTreeMap<String, String>,
}

#[test]
fn every_code_of_appendix_b_is_computed() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/totp/rfc6238.json")).expect("the vectors");
    for row in &vectors.codes {
        for (algorithm, code) in &row.codes {
            let secret = &vectors.secrets[algorithm];
            let address =
                format!("otpauth://totp/Shop:bob?secret={secret}&issuer=Shop&algorithm={algorithm}&digits=8&period=30");
            let totp = Totp::parse(&address).expect("an address");
            let at = Wall::from_millis(row.at * 1000 + 999);
            assert_eq!(totp.code(totp.step(at)).expose(), code, "{algorithm} at {}", row.at);
        }
    }
}

#[test]
fn a_secret_is_read_as_people_type_it() {
    let at = Wall::from_millis(59_000);
    for text in [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq ",
        "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ====",
    ] {
        let totp = Totp::parse(text).expect("a secret");
        assert_eq!(totp.code(totp.step(at)).expose(), "287082", "{text}");
        assert_eq!(totp.until_next(at).as_millis(), 1000);
    }
}

#[test]
fn what_is_no_secret_is_refused_without_being_shown() {
    for text in [
        "",
        "secret01",
        "otpauth://hotp/x?secret=GEZDGNBV&counter=1",
        "otpauth://totp/x",
        "otpauth://totp/x?issuer=y",
        "otpauth://totp/x?secret=GEZDGNB1",
        "otpauth://totp/x?secret=GEZDGNBV&algorithm=MD5",
        "otpauth://totp/x?secret=GEZDGNBV&digits=3",
        "otpauth://totp/x?secret=GEZDGNBV&period=0",
    ] {
        let error = Totp::parse(text).expect_err(text);
        assert_eq!(error.kind(), "credentials_invalid");
        assert!(!error.detail().contains("GEZD") && !error.detail().contains("secret01"), "{error}");
    }
}

//! Does the example's SigV4 signer make the signatures of the published test suite? `tests/vectors/sigv4` holds its cases.

#[path = "../examples/sigv4/signer.rs"]
mod signer;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;
use sha2::{Digest, Sha256};
use signer::{Path, SigV4};

const CASES: &str = include_str!("../../tests/vectors/sigv4/cases.json");

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[test]
fn the_published_cases_have_the_published_signatures() {
    let suite: Value = serde_json::from_str(CASES).expect("JSON");
    let cases = suite["cases"].as_array().expect("cases");
    assert!(cases.len() >= 30, "{} cases", cases.len());
    for case in cases {
        let name = text(case, "name");
        let signer = SigV4 {
            access_key: text(&suite, "access_key").to_owned(),
            secret_key: text(&suite, "secret_key").to_owned(),
            session_token: case["session_token"].as_str().map(str::to_owned),
            region: text(&suite, "region").to_owned(),
            service: text(&suite, "service").to_owned(),
            path: Path::named(text(case, "path")).expect("a way with paths"),
        };
        let uri: Uri = format!("https://{}{}", text(&suite, "host"), text(case, "target")).parse().expect("an address");
        let mut headers = HeaderMap::new();
        for header in case["headers"].as_array().expect("headers") {
            let header_name: HeaderName = header[0].as_str().expect("a name").parse().expect("a name");
            headers.append(header_name, HeaderValue::from_str(header[1].as_str().expect("a value")).expect("a value"));
        }
        let method: Method = text(case, "method").parse().expect("a method");
        let body = Sha256::digest(text(case, "body"));
        let body = signer::hex(&body);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(suite["time"].as_u64().expect("a time"));
        let signed = signer.headers(&method, &uri, &headers, &body, at).expect("it signs");
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential={}/20150830/us-east-1/service/aws4_request, SignedHeaders={}, Signature={}",
            text(&suite, "access_key"),
            text(case, "signed_headers"),
            text(case, "signature"),
        );
        assert_eq!(signed["authorization"], expected.as_str(), "{name}");
        assert_eq!(signed["x-amz-date"], text(&suite, "date"), "{name}");
        assert_eq!(
            signed.get("x-amz-security-token").map(HeaderValue::as_bytes),
            case["session_token"].as_str().map(str::as_bytes)
        );
    }
}

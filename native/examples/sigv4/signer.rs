//! How does AWS Signature Version 4 sign a request by its headers?
//!
//! Stands on its own: copy it into a program that calls AWS, or anything that signs alike. The platform file asks for
//! `signer.body = "sha256"`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use hallpass::{Declined, SignBody, SignFuture, SignRequest, Signer};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, Uri};
use sha2::{Digest, Sha256};

/// Signs for one service in one region with one pair of keys.
#[derive(Clone)]
pub(crate) struct SigV4 {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    /// The token of temporary credentials.
    pub(crate) session_token: Option<String>,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) path: Path,
}

/// How a service wants its paths signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Dots and double slashes resolved, then percent-encoded once more: most services.
    Normalised,
    /// Percent-encoded once more.
    Encoded,
    /// As it is sent: S3.
    AsSent,
}

impl Path {
    /// The way of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "normalised" => Some(Self::Normalised),
            "encoded" => Some(Self::Encoded),
            "as_sent" => Some(Self::AsSent),
            _ => None,
        }
    }
}

impl Signer for SigV4 {
    fn sign(&self, request: SignRequest) -> SignFuture<'_> {
        Box::pin(async move {
            let body = match &request.body {
                SignBody::Sha256(digest) => hex(digest),
                SignBody::Bytes(bytes) => hex(&Sha256::digest(bytes)),
                SignBody::Unseen => return Err(Declined::new("SigV4 needs `signer.body = \"sha256\"`")),
            };
            self.headers(&request.method, &request.uri, &request.headers, &body, request.time)
        })
    }
}

impl SigV4 {
    /// The headers that sign a request whose body has this SHA-256, in hexadecimal.
    pub(crate) fn headers(
        &self,
        method: &Method,
        uri: &Uri,
        given: &HeaderMap,
        body: &str,
        at: SystemTime,
    ) -> Result<HeaderMap, Declined> {
        let date = basic_date(at);
        let day = &date[..8];
        let mut added = HeaderMap::new();
        added.insert("x-amz-date", value(&date)?);
        if let Some(token) = &self.session_token {
            added.insert("x-amz-security-token", value(token)?);
        }
        let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let (names, headers) = canonical_headers(host, given, &added);
        let canonical = format!(
            "{method}\n{}\n{}\n{headers}\n{names}\n{body}",
            self.canonical_path(uri.path()),
            canonical_query(uri.query().unwrap_or_default()),
        );
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = hmac(format!("AWS4{}", self.secret_key).as_bytes(), day);
        for part in [self.region.as_str(), &self.service, "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex(&hmac(&key, &to_sign));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key
        );
        added.insert("authorization", value(&authorization)?);
        Ok(added)
    }

    fn canonical_path(&self, path: &str) -> String {
        match self.path {
            Path::AsSent => path.to_owned(),
            Path::Encoded => encoded(path.as_bytes(), b"/"),
            Path::Normalised => encoded(normalised(path).as_bytes(), b"/"),
        }
    }
}

/// The names that are signed, and the headers as they are signed.
fn canonical_headers(host: &str, given: &HeaderMap, added: &HeaderMap) -> (String, String) {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::from([("host", vec![host.to_owned()])]);
    let kept = given.iter().filter(|(name, _)| !UNSIGNED.contains(&name.as_str()) && !added.contains_key(*name));
    for (name, value) in kept.chain(added) {
        // A run of spaces counts as one.
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        lines.entry(name.as_str()).or_default().push(text);
    }
    let names = lines.keys().copied().collect::<Vec<_>>().join(";");
    let headers = lines.iter().fold(String::new(), |mut text, (name, values)| {
        let _ = writeln!(text, "{name}:{}", values.join(","));
        text
    });
    (names, headers)
}

/// The parameters in order of name and value, each encoded exactly once.
fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (encoded(&decoded(name), b""), encoded(&decoded(value), b""))
        })
        .collect();
    parameters.sort();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Without `.`, `..` and empty segments (RFC 3986 §5.2.4, and no double slashes).
fn normalised(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn value(text: &str) -> Result<HeaderValue, Declined> {
    HeaderValue::from_str(text).map_err(|_| Declined::new("a key or token has characters that no header can carry"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20150830T123600Z`, by the proleptic Gregorian calendar.
fn basic_date(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March end with the leap day.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Headers that others on the way may change, or that are no part of what is asked.
const UNSIGNED: [&str; 6] = ["authorization", "cookie", "expect", "host", "user-agent", "x-amzn-trace-id"];

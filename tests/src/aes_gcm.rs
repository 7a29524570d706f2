//! Whether the envelope's cipher answers Wycheproof's AES-GCM cases as they say.
//!
//! Runs the AES-256 cases with a 96-bit nonce, which is what the envelope uses; the rest are deliberate differences.

use std::path::Path;

use hallpass_core::envelope::aead;
use serde::Deserialize;

use crate::hex;
use crate::report::Report;

/// The set's name on the command line.
pub const NAME: &str = "aes-gcm";

#[derive(Deserialize)]
struct File {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    iv_size: usize,
    key_size: usize,
    tag_size: usize,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "tcId")]
    id: u64,
    comment: String,
    key: String,
    iv: String,
    aad: String,
    msg: String,
    ct: String,
    tag: String,
    result: String,
}

/// Runs every case of `aes-gcm/aes_gcm_test.json` below `vectors` (`tests/vectors/external`).
pub fn run(vectors: &Path) -> Report {
    let mut report = Report { name: NAME, passed: 0, total: 0, deliberate: Vec::new(), failed: Vec::new() };
    let path = vectors.join(NAME).join("aes_gcm_test.json");
    let read = std::fs::read(&path).map_err(|error| error.to_string());
    let file: File = match read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string())) {
        Ok(file) => file,
        Err(error) => {
            report.failed.push(format!("reading {}: {error}", path.display()));
            return report;
        }
    };
    for group in &file.groups {
        for case in &group.tests {
            report.total += 1;
            match judge(group, case) {
                Verdict::Passed => report.passed += 1,
                Verdict::Deliberate(why) => report.deliberate.push(format!("{NAME} tcId {}: {why}", case.id)),
                Verdict::Failed(how) => {
                    report.failed.push(format!("{NAME} tcId {} ({}): {how}", case.id, case.comment));
                }
            }
        }
    }
    report
}

enum Verdict {
    Passed,
    Deliberate(String),
    Failed(&'static str),
}

fn judge(group: &Group, case: &Case) -> Verdict {
    if group.key_size != 256 {
        return Verdict::Deliberate(format!("a key of {} bits; the envelope's have 256", group.key_size));
    }
    if group.iv_size != 96 {
        return Verdict::Deliberate(format!("a nonce of {} bits; the envelope's have 96", group.iv_size));
    }
    if group.tag_size != 128 {
        return Verdict::Deliberate(format!("a tag of {} bits; the envelope's have 128", group.tag_size));
    }
    answer(case).map_or(Verdict::Failed("its fields are not of the sizes that its group says"), |answer| answer)
}

fn answer(case: &Case) -> Option<Verdict> {
    let key: [u8; 32] = hex::decode(&case.key)?.try_into().ok()?;
    let nonce: [u8; 12] = hex::decode(&case.iv)?.try_into().ok()?;
    let aad = hex::decode(&case.aad)?;
    let message = hex::decode(&case.msg)?;
    let expected = [hex::decode(&case.ct)?, hex::decode(&case.tag)?].concat();

    let mut sealed = Vec::new();
    let sealing = aead::seal_raw(&key, &nonce, &aad, &message, &mut sealed);
    let opened = aead::open_raw(&key, &nonce, &aad, &expected);
    Some(match case.result.as_str() {
        "valid" if sealing.is_err() => Verdict::Failed("a valid message is not sealed"),
        "valid" if sealed != expected => Verdict::Failed("sealing gives other bytes"),
        "valid" => match opened {
            Ok(plaintext) if *plaintext == message => Verdict::Passed,
            Ok(_) => Verdict::Failed("opening gives another message"),
            Err(aead::Refused) => Verdict::Failed("a valid ciphertext is refused"),
        },
        "invalid" if opened.is_ok() => Verdict::Failed("an invalid ciphertext is opened"),
        "invalid" if sealed == expected => Verdict::Failed("sealing gives an invalid ciphertext"),
        "invalid" => Verdict::Passed,
        _ => Verdict::Failed("the data gives a result that is neither valid nor invalid"),
    })
}

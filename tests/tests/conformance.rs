//! Whether every conformance set passes exactly what its floor records, and every case is accounted for.

use std::path::Path;

use hallpass_conformance::{aes_gcm, report};

#[test]
fn the_cipher_answers_wycheproof_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = aes_gcm::run(&folder.join("vectors/external"));
    assert_eq!(report.failed, Vec::<String>::new());
    assert_eq!(report.passed + report.deliberate.len(), report.total);
    assert_eq!(report.total, 316);
    let floor = report::floor(&folder.join("conformance-floor.json"), aes_gcm::NAME).unwrap();
    assert!(report.figure(floor).holds);
    assert_eq!(report.passed, floor, "conformance-floor.json records what passes: a rise too");
}

#[test]
fn data_that_cannot_be_read_misses_its_floor() {
    let report = aes_gcm::run(Path::new("no such folder"));
    assert_eq!((report.passed, report.failed.len()), (0, 1));
    assert!(!report.figure(1).holds);
}

//! Records that show by themselves whether they are whole, and of which version.

use hallpass_core::store::RecordKey;

/// The key that the writers of these records share.
pub fn key() -> RecordKey {
    RecordKey::session("writers", "example", "alice")
}

/// The record of a version: its number, then as many repetitions as the number makes; sizes vary up to 64 KiB.
pub fn bytes(version: u64) -> Vec<u8> {
    let repetitions = 1 + (version.wrapping_mul(2_654_435_761) % 8000) as usize;
    version.to_be_bytes().repeat(repetitions)
}

/// What a step leaves: every fourth removes the record, the others save one that tells the step.
pub fn left_by(step: u64) -> Option<Vec<u8>> {
    (step % 4 != 3).then(|| bytes(step))
}

//! Whether the file store reads what every release wrote, and writes the same bytes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hallpass::store::{Expected, Expiry, FileStore, Record, RecordKey, RecordKind, Store, Version, WallClock};
use hallpass_conformance::hex;
use hallpass_core::time::Wall;
use serde::Deserialize;

const NOW: Wall = Wall::from_millis(1_767_225_600_000);

#[derive(Deserialize)]
struct Vectors {
    files: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: Key,
    version: u64,
    idle_ms: Option<u64>,
    absolute_ms: Option<i64>,
    sealed: Option<String>,
    folder: String,
    file: String,
    content: String,
}

#[derive(Deserialize)]
struct Key {
    namespace: String,
    kind: String,
    platform: String,
    account: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/file-store/v1.json");
        serde_json::from_slice::<Vectors>(&fs::read(path).unwrap()).unwrap().files
    }

    fn key(&self) -> RecordKey {
        RecordKey {
            namespace: self.key.namespace.clone(),
            kind: RecordKind::from_word(&self.key.kind).unwrap(),
            platform: self.key.platform.clone(),
            account: self.key.account.clone(),
        }
    }

    fn expiry(&self) -> Expiry {
        Expiry { idle: self.idle_ms.map(Duration::from_millis), absolute: self.absolute_ms.map(Wall::from_millis) }
    }

    fn place(&self, root: &Path) -> PathBuf {
        fs::create_dir_all(root.join(&self.folder)).unwrap();
        let path = root.join(&self.folder).join(&self.file);
        fs::write(&path, hex::decode(&self.content).unwrap()).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW.as_millis() as u64);
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        path
    }
}

fn open(root: &Path) -> FileStore {
    FileStore::open(root).unwrap().with_clock(WallClock::new(|| NOW))
}

#[tokio::test]
async fn every_released_file_is_read() {
    for vector in Vector::all() {
        let root = tempfile::tempdir().unwrap();
        vector.place(root.path());
        let sealed = vector.sealed.as_ref().map(|sealed| hex::decode(sealed).unwrap());
        let live = sealed.filter(|_| vector.absolute_ms.is_none_or(|end| NOW < Wall::from_millis(end)));
        let expected = live.map(|sealed| Record { version: Version(vector.version), sealed });
        assert_eq!(open(root.path()).load(&vector.key()).await, Ok(expected), "{}", vector.name);
    }
}

#[tokio::test]
async fn the_same_save_gives_the_same_file() {
    for vector in Vector::all() {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path());
        let first = store.save(&vector.key(), b"first".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
        let before = root.path().join(&vector.folder).join("1");
        if vector.version > 1 {
            fs::rename(before, root.path().join(&vector.folder).join((vector.version - 1).to_string())).unwrap();
        } else {
            fs::remove_file(before).unwrap();
        }
        match &vector.sealed {
            Some(sealed) => {
                let sealed = hex::decode(sealed).unwrap();
                let saved = store.save(&vector.key(), sealed, Expected::Any, vector.expiry()).await.unwrap();
                assert_eq!(saved, Version(vector.version), "{}", vector.name);
            }
            None => assert!(store.remove(&vector.key(), Expected::Any).await.unwrap() >= Some(first)),
        }
        let written = fs::read(root.path().join(&vector.folder).join(&vector.file)).unwrap();
        assert_eq!(hex::encode(&written), vector.content, "{}", vector.name);
    }
}

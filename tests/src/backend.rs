//! Which store is under a path, for the programs that tests start and kill?

use std::path::Path;
use std::sync::Arc;

use hallpass::store::{FileStore, RedbStore, Store, StoreError};

/// Opens the store under a path: `FILE.redb` is a redb store, `FILE.shared.redb` one that processes share, anything else a folder of the
/// file store.
///
/// # Errors
///
/// The store's.
pub fn open(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let name = path.to_string_lossy();
    Ok(if name.ends_with(".shared.redb") {
        Arc::new(RedbStore::open_shared(path)?)
    } else if name.ends_with(".redb") {
        Arc::new(RedbStore::open(path)?)
    } else {
        Arc::new(FileStore::open(path)?)
    })
}

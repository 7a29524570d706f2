//! Laws of listings: paged, complete, and of one namespace.

use std::collections::BTreeMap;

use hallpass::store::{Expected, RecordKey, RecordKind, Store, Version};

use super::{Subject, key, limit, save};

/// Every entry of every page, in the order they came.
async fn list(store: &dyn Store, namespace: &str, page: usize) -> Vec<(RecordKey, Version)> {
    let mut entries = Vec::new();
    let mut after = None;
    loop {
        let found = store.list(namespace, after.as_ref(), limit(page)).await.expect("it lists");
        assert!(found.entries.len() <= page, "a page of {page} holds {}", found.entries.len());
        assert_eq!(found.damaged, Vec::<String>::new());
        entries.extend(found.entries.into_iter().map(|entry| (entry.key, entry.version)));
        after = Some(match found.next {
            None => return entries,
            Some(next) => next,
        });
    }
}

/// However large the pages, each live record is listed once, with its version.
pub async fn pages_hold_every_record_once(subject: &Subject) {
    let store = &*subject.store;
    assert_eq!(list(store, "laws", 3).await, []);
    let mut saved = BTreeMap::new();
    for number in 0..17 {
        let key = key(&format!("account {number}"));
        saved.insert(key.clone(), save(store, &key, b"sealed", Expected::Absent).await);
    }
    for page in [1, 2, 5, 16, 17, 18, 1000] {
        let entries = list(store, "laws", page).await;
        assert_eq!(entries.len(), 17, "pages of {page}");
        assert_eq!(entries.into_iter().collect::<BTreeMap<_, _>>(), saved, "pages of {page}");
    }
}

/// A listing sees its own namespace only, also where one name begins with another; all kinds are listed.
pub async fn a_listing_sees_its_own_namespace_only(subject: &Subject) {
    let store = &*subject.store;
    let namespaces = ["", "law", "laws", "laws2", "LAWS"];
    for namespace in namespaces {
        let session = RecordKey::session(namespace, "example", "alice");
        save(store, &session, b"sealed", Expected::Absent).await;
        save(store, &RecordKey { kind: RecordKind::Response, ..session }, b"sealed", Expected::Absent).await;
    }
    for namespace in namespaces {
        let entries = list(store, namespace, 1).await;
        assert_eq!(entries.len(), 2, "{namespace:?}");
        assert!(entries.iter().all(|(key, _)| key.namespace == namespace), "{namespace:?}");
    }
    assert_eq!(list(store, "nobody's", 1).await, []);
}

/// What a listing names is what loads, also after changes.
pub async fn a_listing_holds_what_loads(subject: &Subject) {
    let store = &*subject.store;
    let first = save(store, &key("alice"), b"first", Expected::Absent).await;
    let second = save(store, &key("alice"), b"second", Expected::Version(first)).await;
    save(store, &key("bob"), b"sealed", Expected::Absent).await;
    store.remove(&key("bob"), Expected::Any).await.expect("it is removed");
    assert_eq!(list(store, "laws", 10).await, [(key("alice"), second)]);
}

/// Records that are live from the first page to the last are listed once, whatever happens to others in between.
pub async fn records_live_throughout_are_listed_while_others_change(subject: &Subject) {
    let store = &*subject.store;
    for number in 0..10 {
        save(store, &key(&format!("stays {number}")), b"sealed", Expected::Absent).await;
        save(store, &key(&format!("goes {number}")), b"sealed", Expected::Absent).await;
    }
    let mut listed = Vec::new();
    let mut after = None;
    for number in 0.. {
        let page = store.list("laws", after.as_ref(), limit(3)).await.expect("it lists");
        listed.extend(page.entries.into_iter().map(|entry| entry.key.account));
        after = page.next;
        if after.is_none() {
            break;
        }
        store.remove(&key(&format!("goes {number}")), Expected::Any).await.expect("it is removed");
        save(store, &key(&format!("comes {number}")), b"sealed", Expected::Any).await;
    }
    let mut stays: Vec<_> = listed.into_iter().filter(|account| account.starts_with("stays")).collect();
    stays.sort();
    assert_eq!(stays, (0..10).map(|number| format!("stays {number}")).collect::<Vec<_>>());
}

//! A tab's checkpoints: the same contract as a folder's.

use super::browser::leave_room;
use smolder_trainer::OpfsStore;
use smolder_trainer::checkpoint::{Store, StoreError};
use wasm_bindgen_test::wasm_bindgen_test;

async fn list(store: &OpfsStore) -> Vec<String> {
    let mut names = store.list().await.unwrap();
    names.sort();
    names
}

#[wasm_bindgen_test]
async fn files_are_written_listed_read_and_removed() {
    let mut store = OpfsStore::open("tests/deep/files").await.unwrap();
    store.put("a", b"first").await.unwrap();
    store.put("b", b"").await.unwrap();
    assert_eq!(list(&store).await, ["a", "b"]);
    assert_eq!(store.get("a").await.unwrap(), b"first");
    assert_eq!(store.get("b").await.unwrap(), b"");
    store.remove("a").await.unwrap();
    assert_eq!(list(&store).await, ["b"]);
    let missing = store.get("a").await.unwrap_err();
    assert!(matches!(&missing, StoreError::Refused { action: "read", .. }), "{missing}");
    drop(store);
    let again = OpfsStore::open("tests/deep/files").await.unwrap();
    assert_eq!(list(&again).await, ["b"]);
}

#[wasm_bindgen_test]
async fn what_a_killed_tab_left_is_no_file_and_goes_away() {
    let mut store = OpfsStore::open("tests/killed").await.unwrap();
    store.put("a", b"whole").await.unwrap();
    store.put(".b.part", b"ha").await.unwrap();
    assert_eq!(list(&store).await, ["a"]);
    assert_eq!(store.get(".b.part").await.unwrap(), b"ha");
    drop(store);
    let store = OpfsStore::open("tests/killed").await.unwrap();
    assert_eq!(list(&store).await, ["a"]);
    assert!(store.get(".b.part").await.is_err());
}

#[wasm_bindgen_test]
async fn two_runs_do_not_share_a_folder() {
    let first = OpfsStore::open("tests/shared").await.unwrap();
    let second = OpfsStore::open("tests/shared").await.unwrap_err();
    assert_eq!(second, StoreError::InUse { folder: "tests/shared".to_owned() });
    drop(first);
    OpfsStore::open("tests/shared").await.unwrap();
}

#[wasm_bindgen_test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let mut store = OpfsStore::open("tests/full").await.unwrap();
    store.put("a", b"old").await.unwrap();
    leave_room(2.0);
    let error = store.put("b", b"new").await.unwrap_err();
    assert_eq!(error, StoreError::Full { file: "tests/full/b".to_owned(), bytes: 3 });
    assert_eq!((list(&store).await, store.get("a").await.unwrap()), (vec!["a".to_owned()], b"old".to_vec()));
    leave_room(f64::INFINITY);
    store.put("b", b"new").await.unwrap();
    assert_eq!(store.get("b").await.unwrap(), b"new", "with room again it is written");
}

#[wasm_bindgen_test]
async fn a_folder_that_cannot_be_is_named() {
    let error = OpfsStore::open("tests//nameless").await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused { file, .. } if file == "tests//nameless"), "{error}");
}

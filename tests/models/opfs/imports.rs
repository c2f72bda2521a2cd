//! Files come in whole, or not under their names.

use super::browser::{
    Server, answer_with, blob, from_server, import, imported, leave_room, refused, remove, requests, there,
    try_import,
};
use smolder_formats::Sha256Hash;
use smolder_protocol::StorageCommand;
use smolder_protocol::storage::{Import, StorageEvent, StorageFailure};
use smolder_trainer::OpfsStorage;
use std::cell::RefCell;
use wasm_bindgen_test::wasm_bindgen_test;

/// A file that starts like a model; each `seed` gives another one.
fn file(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8 ^ seed).collect();
    bytes[..4].copy_from_slice(b"GGUF");
    bytes
}

const MIB: usize = 1 << 20;

#[wasm_bindgen_test]
async fn a_file_comes_in_piece_by_piece_and_is_verified() {
    let bytes = file(2 * MIB + 77, 0);
    let sha256 = Some(Sha256Hash::of(&bytes).to_string());
    let wanted = Import { sha256, bytes: Some(bytes.len() as u64), ..import("pieces") };
    let (done, end) = try_import(&wanted, Some(blob(&bytes))).await;
    assert_eq!(done, [0, MIB as u64, 2 * MIB as u64, bytes.len() as u64]);
    assert_eq!(end.unwrap().bytes, bytes.len() as u64);
    assert_eq!(there("pieces").await, [(bytes.len() as u64, true)]);
    let shorter = file(5000, 1);
    imported(&import("pieces"), Some(blob(&shorter))).await;
    assert_eq!(there("pieces").await, [(5000, true)], "the same name again takes its place");
    remove("pieces").await;
    assert_eq!(there("pieces").await, []);
}

#[wasm_bindgen_test]
async fn what_is_not_as_it_must_be_leaves_nothing() {
    let bytes = file(5000, 0);
    let sha256 = "0".repeat(64);
    let wrong_hash = Import { sha256: Some(sha256.clone()), ..import("wrong") };
    let found = Sha256Hash::of(&bytes).to_string();
    let failure = refused(&wrong_hash, Some(blob(&bytes))).await;
    assert_eq!(failure, StorageFailure::Sha256 { expected: sha256, found });
    let reason = |failure| match failure {
        StorageFailure::File { reason } => reason,
        other => panic!("{other:?}"),
    };
    let wrong_size = Import { bytes: Some(4999), ..import("wrong") };
    let size = reason(refused(&wrong_size, Some(blob(&bytes))).await);
    assert_eq!(size, "wrong: expected 4999 bytes, found 5000");
    let page = reason(refused(&import("wrong"), Some(blob(b"<!doctype html><html>"))).await);
    assert!(page.starts_with("wrong: expected a GGUF model, found"), "{page}");
    let empty = reason(refused(&import("wrong"), Some(blob(b"GG"))).await);
    assert!(empty.starts_with("wrong: expected a GGUF model"), "{empty}");
    reason(refused(&import("wrong"), None).await);
    for name in ["", ".hidden", "a/b", "model.part.json", "line\nbreak"] {
        reason(refused(&import(name), Some(blob(&bytes))).await);
    }
    assert_eq!(there("wrong").await, []);
}

#[wasm_bindgen_test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let bytes = file(50_000, 0);
    let sha256 = Some(Sha256Hash::of(&bytes).to_string());
    let wanted = Import { sha256, ..from_server("resumed") };
    let server = Server { bytes: &bytes, etag: "\"1\"", ranges: true, most: 30_000.0 };
    server.serve();
    let broken = refused(&wanted, None).await;
    assert!(
        matches!(&broken, StorageFailure::Network { reason } if reason.contains("network error")),
        "{broken:?}"
    );
    assert_eq!(there("resumed").await, [(30_000, false)]);
    assert_eq!(requests(), "whole");
    Server { most: f64::INFINITY, ..server }.serve();
    let (done, end) = try_import(&wanted, None).await;
    assert_eq!((done.first(), done.last()), (Some(&30_000), Some(&50_000)));
    assert_eq!((end.unwrap().bytes, requests()), (50_000, "bytes=30000-".to_owned()));
    assert_eq!(there("resumed").await, [(50_000, true)]);
}

#[wasm_bindgen_test]
async fn what_cannot_be_continued_starts_over() {
    let (old, new) = (file(50_000, 0), file(40_000, 9));
    let sha256 = Some(Sha256Hash::of(&new).to_string());
    let wanted = Import { sha256, ..from_server("changed") };
    let server = Server { bytes: &old, etag: "\"1\"", ranges: true, most: 30_000.0 };
    let next = Server { bytes: &new, etag: "\"2\"", ranges: true, most: f64::INFINITY };
    for (next, asked) in [
        (next, "whole,bytes=30000-,whole"),
        (Server { ranges: false, ..next }, "whole,bytes=30000-"),
        (Server { bytes: &new[..25_000], ..next }, "whole,bytes=30000-,whole"),
    ] {
        server.serve();
        refused(&from_server("changed"), None).await;
        next.serve();
        let sha256 = Some(Sha256Hash::of(next.bytes).to_string());
        let file = imported(&Import { sha256, ..wanted.clone() }, None).await;
        assert_eq!((file.bytes, &*requests()), (next.bytes.len() as u64, asked));
        remove("changed").await;
    }
    Server { etag: "W/\"weak\"", ..server }.serve();
    refused(&wanted, None).await;
    next.serve();
    imported(&wanted, None).await;
    assert_eq!(requests(), "whole,whole", "a weak tag says nothing of bytes");
    remove("changed").await;
}

#[wasm_bindgen_test]
async fn a_server_that_answers_something_else_is_named() {
    answer_with(404);
    assert_eq!(refused(&from_server("absent"), None).await, StorageFailure::Answer { status: 404 });
    answer_with(200);
    let page = refused(&from_server("absent"), None).await;
    assert!(matches!(page, StorageFailure::File { .. }), "{page:?}");
    assert_eq!(there("absent").await, []);
}

#[wasm_bindgen_test]
async fn stopping_keeps_what_can_be_continued_and_nothing_else() {
    let bytes = file(3 * MIB, 0);
    Server { bytes: &bytes, etag: "\"1\"", ranges: true, most: f64::INFINITY }.serve();
    for (wanted, attached, kept) in
        [(import("stopped"), Some(blob(&bytes)), false), (from_server("stopped"), None, true)]
    {
        let (storage, ends) = (OpfsStorage::default(), RefCell::new(Vec::new()));
        let (id, command) = (wanted.id, StorageCommand::Import(wanted));
        let stop = async || storage.answer(StorageCommand::Cancel(id), None, &mut |_| ()).await;
        let mut emit = |event| match event {
            StorageEvent::Importing { done_bytes, .. } if done_bytes >= MIB as u64 => {
                // It answers at once: it only gives a sign.
                assert!(futures_util::FutureExt::now_or_never(stop()).is_some());
            }
            StorageEvent::Importing { .. } => {}
            end => ends.borrow_mut().push(end),
        };
        storage.answer(command, attached, &mut emit).await;
        let failure = StorageFailure::Cancelled;
        assert_eq!(ends.into_inner(), [StorageEvent::Refused { id: Some(id), failure }]);
        let there = there("stopped").await;
        assert_eq!(there.len(), usize::from(kept), "{there:?}");
        assert!(there.iter().all(|(bytes, whole)| !whole && *bytes >= MIB as u64), "{there:?}");
    }
    remove("stopped").await;
}

#[wasm_bindgen_test]
async fn a_full_disk_is_named_and_a_download_goes_on_with_room_again() {
    let bytes = file(2 * MIB, 0);
    let attached = blob(&bytes);
    leave_room(1.5 * MIB as f64);
    let full = |missing: usize| StorageFailure::Full { missing_bytes: Some(missing as u64) };
    assert_eq!(refused(&import("full"), Some(attached)).await, full(MIB));
    assert_eq!(there("full").await, []);
    Server { bytes: &bytes, etag: "\"1\"", ranges: true, most: f64::INFINITY }.serve();
    leave_room(100_000.0);
    assert!(matches!(refused(&from_server("full"), None).await, StorageFailure::Full { .. }));
    let there_now = there("full").await;
    assert!(matches!(there_now[..], [(90_000..=100_000, false)]), "{there_now:?}");
    leave_room(f64::INFINITY);
    imported(&from_server("full"), None).await;
    assert_eq!(there("full").await, [(bytes.len() as u64, true)]);
    assert!(requests().contains("bytes="));
    remove("full").await;
}

#[wasm_bindgen_test]
async fn two_imports_of_one_name_do_not_mix() {
    let bytes = file(3 * MIB, 0);
    let wanted = import("twice");
    let (one, two) = futures_util::future::join(
        try_import(&wanted, Some(blob(&bytes))),
        try_import(&wanted, Some(blob(&file(9000, 3)))),
    )
    .await;
    assert_eq!(one.1.unwrap().bytes, bytes.len() as u64);
    assert_eq!(two.1, Err(StorageFailure::InUse { name: "twice".to_owned() }));
    assert_eq!(there("twice").await, [(bytes.len() as u64, true)]);
    remove("twice").await;
}

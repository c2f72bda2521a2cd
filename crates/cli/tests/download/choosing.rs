//! Which file is meant, what is listed, and commands that take a model.

use crate::place::{Place, len, model};
use crate::server::{Request, respond, serve, serve_file};
use std::fs;
use std::net::TcpStream;

/// A repository with some files; what is listed is theirs.
fn repository(request: &Request, stream: &mut TcpStream, names: &[&str]) {
    let file = request.path.strip_prefix("/o/r/resolve/main/");
    if let Some(name) = file.filter(|file| names.contains(file)) {
        return serve_file(request, stream, &model(1_000 + name.len()), "\"v1\"");
    }
    let entry = |name: &&str| format!(r#"{{"type":"file","path":"{name}","size":{}}}"#, 1_000 + name.len());
    let listing = format!("[{}]", names.iter().map(entry).collect::<Vec<_>>().join(","));
    match request.path.as_str() {
        "/api/models/o/r/tree/main?recursive=true" => respond(stream, "200 OK", &[], listing.as_bytes()),
        _ => respond(stream, "404 Not Found", &[], b""),
    }
}

#[test]
fn a_repository_alone_means_its_usual_file_also_without_a_network() {
    let names = ["README.md", "m-Q8_0.gguf", "m-Q4_K_M.gguf"];
    let server = serve(move |request, stream| repository(request, stream, &names));
    let place = Place::new("repository", &server.address);
    let first = place.run(&["models", "get", "o/r"]);
    assert!(first.success && first.err.contains("Of o/r, m-Q4_K_M.gguf is taken"), "{first:?}");
    assert!(first.out.trim_end().ends_with("m-Q4_K_M.gguf"), "{first:?}");
    assert_eq!(server.requests().len(), 2);
    let again = place.run(&["models", "get", "o/r"]);
    assert!(again.success && again.out == first.out, "{again:?}");
    assert_eq!(server.requests().len(), 2, "what is here needs no hub");
    let list = place.run(&["models"]);
    assert!(list.out.contains("\no/r/m-Q4_K_M.gguf@main  1013 B"), "{}", list.out);
    assert!(place.run(&["models", "rm", "o/r"]).success);
    assert!(!place.cache.join("models/o").exists());
}

#[test]
fn choices_and_pages_for_listings_are_told() {
    let server = serve(|request, stream| repository(request, stream, &["a.gguf", "b.gguf"]));
    let place = Place::new("choices", &server.address);
    let several = place.run(&["models", "get", "o/r"]);
    assert!(several.err.contains("\n  o/r/a.gguf (1006 B)\n  o/r/b.gguf (1006 B)"), "{several:?}");
    let html = serve(|_, stream| respond(stream, "200 OK", &[], b"<html>"));
    let place = place.at(&html.address);
    let page = place.run(&["models", "get", "o/r"]);
    assert!(page.err.contains("no listing of files: is there a login page"), "{page:?}");
    let outside = serve(|request, stream| repository(request, stream, &["../../../x.gguf"]));
    let outside = place.at(&outside.address).run(&["models", "get", "o/r"]);
    assert!(outside.err.contains("no model at the hub"), "{outside:?}");
}

#[test]
fn a_split_model_comes_with_all_its_parts() {
    let names = ["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf"];
    let server = serve(move |request, stream| repository(request, stream, &names));
    let place = Place::new("split", &server.address);
    let ended = place.run(&["models", "get", "o/r"]);
    assert!(ended.success && ended.out.trim_end().ends_with("m-00001-of-00002.gguf"), "{ended:?}");
    let folder = place.cache.join("models/o/r/main");
    assert!(names.iter().all(|name| len(&folder.join(name)) == 1_000 + name.len() as u64));
    assert!(place.run(&["models", "rm", "o/r"]).success);
    assert!(!place.cache.join("models/o").exists());
}

#[test]
fn the_list_says_what_is_here_without_asking_anyone() {
    let place = Place::new("list", "http://127.0.0.1:1");
    let models = place.cache.join("models");
    fs::create_dir_all(&models).unwrap();
    fs::write(models.join("Qwen3-0.6B-Q8_0.gguf.part"), [0; 2048]).unwrap();
    fs::File::create(models.join("SmolLM2-135M-Instruct.Q4_1.gguf")).unwrap().set_len(98_362_432).unwrap();
    let list = place.run(&["models"]);
    let row = |name: &str| {
        let line = list.out.lines().find(|line| line.starts_with(name)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(row("smollm2-135m"), ["smollm2-135m", "93.8 MiB", "135 M", "Apache-2.0", "yes"]);
    assert_eq!(row("qwen3-0.6b")[3..], ["Apache-2.0", "2.0 KiB of it"]);
    assert_eq!(row("llama-3.2-1b")[3..], ["Llama 3.2 (own terms)", "no"]);
    let json = place.run(&["models", "--json"]).out;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &value["catalog"][0];
    assert_eq!(first["id"], "smollm2-135m");
    assert_eq!(first["path"], models.join("SmolLM2-135M-Instruct.Q4_1.gguf").to_str().unwrap());
    assert_eq!(first["licence"]["name"], "Apache-2.0");
    assert!(value["catalog"][6]["path"].is_null());
}

#[test]
fn what_cannot_be_removed_or_got_is_said() {
    let place = Place::new("names", "http://127.0.0.1:1");
    let unknown = place.run(&["models", "get", "smollm"]);
    assert!(
        unknown.err.contains("neither a file nor a known model. Known are tales, smollm2-135m"),
        "{unknown:?}"
    );
    let local = place.run(&["models", "rm", env!("CARGO_MANIFEST_DIR")]);
    assert!(!local.success && local.err.contains("no model of the cache"), "{local:?}");
}

#[test]
fn commands_that_take_a_model_download_it() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/formats/tokenizers");
    let tokenizer = fs::read(format!("{fixtures}/smollm2.gguf")).unwrap();
    let server = serve(move |request, stream| serve_file(request, stream, &tokenizer, "\"v1\""));
    let place = Place::new("commands", &server.address);
    let rows = place.cache.join("rows.jsonl");
    fs::write(&rows, "{\"prompt\":\"One and one?\",\"completion\":\"Two.\"}\n").unwrap();
    let data = place.run(&["data", rows.to_str().unwrap(), "--model", crate::place::MODEL]);
    assert!(data.success && data.err.contains("Downloading"), "{data:?}");
    let folder = place.run(&["inspect", env!("CARGO_MANIFEST_DIR")]);
    assert!(!folder.success && folder.err.contains("config.json: expected this file"), "{folder:?}");
    assert_eq!(server.requests().len(), 1);
}

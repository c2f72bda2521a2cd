//! What hubs and networks say no with, and what a person is told.

use crate::place::{MODEL, Place, model};
use crate::server::{respond, serve, serve_file};
use std::net::TcpListener;

/// Gets the model from a server that always gives one response.
fn refused(name: &str, status: &'static str, headers: &'static [&str], words: &[&str]) {
    let server = serve(move |_, stream| respond(stream, status, headers, b"no"));
    let page = format!("{}/o/r", server.address);
    let place = Place::new(name, &server.address);
    let ended = place.fails(words);
    assert!(ended.err.contains(&page), "{page} is not in {}", ended.err);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn every_status_has_a_sentence_with_a_way_out() {
    let gated = ["accepted its licence (401", "make a token at", "set HF_TOKEN"];
    refused("401", "401 Unauthorized", &["X-Error-Code: GatedRepo"], &gated);
    refused("403", "403 Forbidden", &[], &["accepted its licence (403", "set HF_TOKEN"]);
    refused(
        "repo",
        "401 Unauthorized",
        &["X-Error-Code: RepoNotFound"],
        &["does not exist, or is private", "HF_TOKEN"],
    );
    refused(
        "404",
        "404 Not Found",
        &["X-Error-Code: EntryNotFound"],
        &["does not exist (404)", "/o/r/tree/main"],
    );
    refused("429", "429 Too Many Requests", &[], &["cannot be served now (429", "try again later"]);
    refused("503", "503 Service Unavailable", &[], &["cannot be served now (503", "try again later"]);
    refused("418", "418 I'm a teapot", &[], &["was answered with 418"]);
    refused("206", "206 Partial Content", &["Content-Range: bytes 0-1/2"], &["206", "where 200 was due"]);
    refused("416", "416 Range Not Satisfiable", &[], &["416", "where 200 was due"]);
    refused("nowhere", "302 Found", &[], &["redirects to nowhere"]);
    refused("odd", "302 Found", &["Location: ftp://example.org/m.gguf"], &["not followed"]);
}

#[test]
fn a_refused_token_is_named() {
    let server = serve(|_, stream| respond(stream, "403 Forbidden", &[], b""));
    let place = Place::new("token", &server.address);
    let output = place.command(&["models", "get", MODEL]).env("HF_TOKEN", "hf_secret").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("check that HF_TOKEN is a token of the account"), "{text}");
    assert!(!text.contains("hf_secret"), "{text}");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer hf_secret"));
}

#[test]
fn without_a_network_the_way_out_is_a_path() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new("network", &format!("http://{closed}"));
    place.fails(&[&format!("{closed} cannot be reached"), "HF_ENDPOINT", "give the path of a model"]);
    Place::new("endpoint", "hub").fails(&["HF_ENDPOINT must start with https://"]);
}

#[test]
fn a_redirect_that_never_ends_ends() {
    let server =
        serve(|request, stream| respond(stream, "302 Found", &[&format!("Location: {}", request.path)], b""));
    Place::new("loop", &server.address).fails(&["was redirected 8 times"]);
    assert_eq!(server.requests().len(), 8);
}

#[test]
fn a_page_is_not_taken_for_weights() {
    let html =
        serve(|_, stream| respond(stream, "200 OK", &["Content-Type: text/html; charset=utf-8"], b"<html>"));
    let place = Place::new("html", &html.address);
    place.fails(&["is an HTML page, not a GGUF model", "login page or proxy"]);
    let zip = serve(|_, stream| respond(stream, "200 OK", &[], b"PK\x03\x04 and so on"));
    let place = place.at(&zip.address);
    place.fails(&["is a ZIP archive"]);
    let empty = serve(|_, stream| respond(stream, "200 OK", &["Content-Length: 0"], b""));
    place.at(&empty.address).fails(&["not a GGUF model"]);
}

#[test]
fn a_page_does_not_cost_what_has_arrived() {
    let file = model(40_000);
    let html = serve(|_, stream| respond(stream, "200 OK", &["Content-Type: text/html"], b"<html>"));
    let place = Place::new("captive", &html.address);
    place.leave(&file[..20_000], "\"v1\"");
    place.fails(&["is an HTML page"]);
    let copy = file.clone();
    let hub = serve(move |request, stream| serve_file(request, stream, &copy, "\"v1\""));
    place.at(&hub.address).gets(&file);
    assert_eq!(hub.requests()[0].first(), 20_000);
}

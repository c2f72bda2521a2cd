//! Downloads that break off and go on.

use crate::place::{Place, ended, len, model};
use crate::server::{Request, Server, respond, serve, serve_file};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The first bytes that every request asks for.
fn firsts(server: &Server) -> Vec<usize> {
    server.requests().iter().map(Request::first).collect()
}

/// Promises the whole file and sends half of it.
fn half(stream: &mut TcpStream, file: &[u8], etag: &str) {
    let headers = [format!("Content-Length: {}", file.len()), format!("ETag: {etag}")];
    respond(stream, "200 OK", &headers.each_ref().map(String::as_str), &file[..file.len() / 2]);
}

#[test]
fn a_file_is_downloaded_once_and_verified_when_asked_for_again() {
    let file = model(300_000);
    let copy = file.clone();
    let server = serve(move |request, stream| serve_file(request, stream, &copy, "\"v1\""));
    let place = Place::new("once", &server.address);
    let first = place.gets(&file);
    assert!(first.err.contains("Downloading http://127.0.0.1"), "{}", first.err);
    assert!(!first.err.contains(['\r', '\x1b']), "plain lines in a pipe: {:?}", first.err);
    place.gets(&file);
    assert_eq!(server.requests().len(), 1, "the second time nothing is asked for");
    assert_eq!(server.requests()[0].path, "/o/r/resolve/main/m.gguf");
    fs::write(place.file(""), model(300_000 - 1)).unwrap();
    place.gets(&file);
    let mut damaged = file.clone();
    damaged[200_000] ^= 1;
    fs::write(place.file(""), damaged).unwrap();
    let found = place.get();
    assert!(!found.success && found.err.contains("changed or damaged"), "{found:?}");
}

#[test]
fn a_file_of_unknown_length_is_taken_as_it_comes() {
    let file = model(5_000);
    let copy = file.clone();
    let server = serve(move |_, stream| respond(stream, "200 OK", &[], &copy));
    Place::new("unknown", &server.address).gets(&file);
}

#[test]
fn a_body_that_is_too_short_is_kept_and_continued() {
    let file = model(1_000_000);
    let copy = file.clone();
    let server = serve(move |request, stream| match request.first() {
        0 => half(stream, &copy, "\"v1\""),
        _ => serve_file(request, stream, &copy, "\"v1\""),
    });
    let place = Place::new("short", &server.address);
    place.fails(&["broke off", "488.3 KiB of 976.6 KiB", "run the same command again"]);
    assert_eq!(len(&place.file(".part")), 500_000);
    let second = place.gets(&file);
    assert!(second.err.contains("Going on after 488.3 KiB"), "{}", second.err);
    assert_eq!(firsts(&server), [0, 500_000]);
    assert_eq!(server.requests()[1].header("if-range"), Some("\"v1\""));
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let file = model(1_000_000);
    let copy = file.clone();
    let server = serve(move |request, stream| match request.first() {
        0 => {
            half(stream, &copy, "\"v1\"");
            // Neither more bytes nor an end, until the client is gone.
            while stream.write_all(b"").is_ok() && stream.peek(&mut [0]).is_ok_and(|read| read > 0) {}
        }
        _ => serve_file(request, stream, &copy, "\"v1\""),
    });
    let place = Place::new("killed", &server.address);
    let mut child = place.command(&["models", "get", crate::place::MODEL]).spawn().unwrap();
    let start = Instant::now();
    while len(&place.file(".part")) < 500_000 {
        assert!(start.elapsed() < Duration::from_mins(1), "half of the file never arrived");
        sleep(Duration::from_millis(10));
    }
    let other = place.get();
    assert!(!other.success && other.err.contains("being downloaded by another process"), "{other:?}");
    child.kill().unwrap();
    assert!(!ended(&child.wait_with_output().unwrap()).success);
    assert!(!place.file("").exists());
    place.gets(&file);
    assert_eq!(firsts(&server), [0, 500_000]);
}

#[test]
fn a_changed_file_is_taken_anew() {
    let (old, new) = (model(40_000), [model(20_000), vec![7; 30_000]].concat());
    let copy = new.clone();
    // A server that keeps to If-Range says 200; one that does not sends the rest of another file.
    let strict = serve(move |request, stream| serve_file(request, stream, &copy, "\"v2\""));
    let copy = new.clone();
    let careless = serve(move |request, stream| {
        let mut request = request.clone();
        request.headers.remove("if-range");
        serve_file(&request, stream, &copy, "\"v2\"");
    });
    for (server, asked) in [(strict, vec![20_000]), (careless, vec![20_000, 0])] {
        let place = Place::new("changed", &server.address);
        place.leave(&old[..20_000], "\"v1\"");
        let ended = place.gets(&new);
        assert!(ended.err.contains("starting over"), "{}", ended.err);
        assert_eq!(firsts(&server), asked);
    }
}

#[test]
fn a_server_without_ranges_serves_the_whole_file_again() {
    let file = model(40_000);
    let copy = file.clone();
    let server = serve(move |_, stream| respond(stream, "200 OK", &["Content-Length: 40000"], &copy));
    let place = Place::new("no-ranges", &server.address);
    place.leave(&file[..20_000], "\"v1\"");
    place.gets(&file);
    assert_eq!(firsts(&server), [20_000]);
}

#[test]
fn a_range_that_was_not_asked_for_is_not_taken() {
    let wrong = [
        "bytes 0-19999/40000",
        "bytes 20001-39999/40000",
        "bytes 20000-29999/40000",
        "bytes 20000-39999/*",
        "",
    ];
    for range in wrong {
        let file = model(40_000);
        let copy = file.clone();
        let server = serve(move |request, stream| match request.first() {
            0 => serve_file(request, stream, &copy, "\"v1\""),
            _ => respond(
                stream,
                "206 Partial Content",
                &[&format!("Content-Range: {range}")],
                &vec![0; 20_000],
            ),
        });
        let place = Place::new("wrong-range", &server.address);
        place.leave(&file[..20_000], "\"v1\"");
        place.gets(&file);
        assert_eq!(firsts(&server), [20_000, 0], "{range}");
    }
}

#[test]
fn a_part_that_is_whole_already_is_only_verified() {
    let file = model(40_000);
    let copy = file.clone();
    let server = serve(move |request, stream| serve_file(request, stream, &copy, "\"v1\""));
    let place = Place::new("whole", &server.address);
    place.leave(&file, "\"v1\"");
    place.gets(&file);
    assert_eq!(firsts(&server), [40_000], "answered with 416");
    let place = Place::new("too-long", &server.address);
    place.leave(&[file.clone(), vec![0; 9]].concat(), "\"v1\"");
    place.gets(&file);
    assert_eq!(firsts(&server)[1..], [40_009, 0], "answered with 416, then asked for anew");
}

#[test]
fn a_part_of_no_certain_version_is_not_continued() {
    let server = serve(|_, stream| half(stream, &model(40_000), "W/\"v1\""));
    let place = Place::new("weak", &server.address);
    for _ in 0..2 {
        place.fails(&["broke off"]);
    }
    assert_eq!(firsts(&server), [0, 0], "a weak tag is no version");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_what_arrived_is_kept() {
    let file = model(40_000);
    let server = serve(move |request, stream| serve_file(request, stream, &file, "\"v1\""));
    let place = Place::new("full", &server.address);
    fs::create_dir_all(place.file("").parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.file(".part")).unwrap();
    place.fails(&["the disk is full", "39.1 KiB are missing", "make room", "m.gguf.part"]);
    assert!(place.file(".part").is_symlink() && place.file(".part.etag").exists());
}

//! A hub on this machine: one thread, one handler, every request remembered.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request, its header names in lower case.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that is asked for.
    pub fn first(&self) -> usize {
        let range = self.header("range").unwrap_or("bytes=0-");
        range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
    }
}

/// A running server; it ends with the process.
pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Starts a server that lets `answer` write what it likes.
pub fn serve(answer: impl Fn(&Request, &mut TcpStream) + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(request) = read(&stream) else { continue };
            seen.lock().unwrap().push(request.clone());
            answer(&request, &mut stream);
        }
    });
    Server { address, requests }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    Some(Request { path, headers: headers.collect() })
}

/// Writes a response; the client may be gone, which is no matter here.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &[&str], body: &[u8]) {
    let lines = [&["Connection: close"], headers, &["\r\n"]].concat().join("\r\n");
    let head = format!("HTTP/1.1 {status}\r\n{lines}");
    let _ =
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
}

/// Serves `file` as a good server does: whole, or from where it is asked for if the version is the same.
pub fn serve_file(request: &Request, stream: &mut TcpStream, file: &[u8], etag: &str) {
    let (first, length) = (request.first(), file.len());
    let etag_header = format!("ETag: {etag}");
    if first > 0 && request.header("if-range").is_none_or(|found| found == etag) {
        if first >= length {
            let range = format!("Content-Range: bytes */{length}");
            return respond(stream, "416 Range Not Satisfiable", &[&range, "Content-Length: 0"], b"");
        }
        let range = format!("Content-Range: bytes {first}-{}/{length}", length - 1);
        let rest = format!("Content-Length: {}", length - first);
        return respond(stream, "206 Partial Content", &[&range, &rest, &etag_header], &file[first..]);
    }
    respond(stream, "200 OK", &[&format!("Content-Length: {length}"), &etag_header], file);
}

//! A stand-in for the page's server that passes everything on, except what a test wants to go wrong.

use crate::browser::address;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to the requests for one file.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    /// It is not there.
    Missing,
    /// The connection ends without an answer.
    Gone,
    /// This JavaScript comes in its place.
    Script(&'static str),
    /// This JavaScript runs before it.
    Prelude(&'static str),
    /// These bytes are it, in ranges too.
    File(&'static [u8]),
    /// The same, but unless a rest is asked for, so many bytes are followed by silence, and then by the connection's end.
    Broken(&'static [u8], usize),
}

const SCRIPT: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/javascript";

/// Files that go wrong: part of the path, and how.
type Mishaps = Arc<Mutex<Vec<(&'static str, Mishap)>>>;

/// A running server; it ends with the test.
pub struct Server {
    mishaps: Mishaps,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Listens on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let mishaps = Mishaps::default();
        let shared = Arc::clone(&mishaps);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let mishaps = Arc::clone(&shared);
                thread::spawn(move || answer(connection, &mishaps));
            }
        });
        Self { mishaps, address }
    }

    /// From now on files whose path contains `part` go wrong.
    pub fn spoil(&self, part: &'static str, mishap: Mishap) {
        self.mishaps.lock().expect("no test panics here").push((part, mishap));
    }

    /// From now on all is well.
    pub fn mend(&self) {
        self.mishaps.lock().expect("no test panics here").clear();
    }
}

/// Answers one request; the browser opens a new connection for the next.
fn answer(mut browser: TcpStream, mishaps: &Mishaps) -> Result<()> {
    let request = read_head(&mut BufReader::new(&browser))?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let mishap =
        mishaps.lock().expect("no test panics here").iter().find(|(part, _)| path.contains(part)).copied();
    let (head, body) = match mishap {
        None => fetch(&request)?,
        Some((_, Mishap::Gone)) => return Ok(()),
        Some((_, Mishap::Missing)) => ("HTTP/1.1 404 Not Found".to_owned(), Vec::new()),
        Some((_, Mishap::Script(script))) => (SCRIPT.to_owned(), script.into()),
        Some((_, Mishap::Prelude(prelude))) => {
            (SCRIPT.to_owned(), [prelude.as_bytes(), &fetch(&request)?.1].concat())
        }
        Some((_, Mishap::File(bytes))) => part(&request, bytes),
        Some((_, Mishap::Broken(bytes, _))) if request.contains("Range: ") => part(&request, bytes),
        Some((_, Mishap::Broken(bytes, most))) => (part(&request, bytes).0, bytes[..most].to_vec()),
    };
    respond(&mut browser, &head, &body)?;
    if matches!(mishap, Some((_, Mishap::Broken(..)))) {
        // A stream that breaks forgets what nobody has read yet.
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// The bytes that are asked for.
fn part(request: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let range = request.lines().find_map(|line| line.strip_prefix("Range: bytes=")?.strip_suffix('-'));
    let from = range.and_then(|from| from.parse::<usize>().ok()).unwrap_or_default();
    let (rest, total) = (bytes.get(from..).unwrap_or_default(), bytes.len());
    let status = if range.is_some() {
        format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1)
    } else {
        "200 OK".to_owned()
    };
    (format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\nContent-Length: {}", rest.len()), rest.to_vec())
}

fn read_head(stream: &mut impl BufRead) -> Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head)? > 0 {}
    Ok(head)
}

/// What the real server answers: status line and headers, and body.
fn fetch(request: &str) -> Result<(String, Vec<u8>)> {
    let upstream = address().replace("http://", "");
    let mut server = TcpStream::connect(upstream.trim_end_matches('/'))?;
    let first = request.lines().next().unwrap_or_default();
    write!(server, "{first}\r\nHost: {upstream}\r\nConnection: close\r\n\r\n")?;
    let mut response = BufReader::new(server);
    let head = read_head(&mut response)?;
    let mut body = Vec::new();
    response.read_to_end(&mut body)?;
    Ok((head.trim_end().to_owned(), body))
}

/// Nothing may stay in the browser's cache, or a later mishap would not be noticed.
fn respond(browser: &mut TcpStream, head: &str, body: &[u8]) -> Result<()> {
    write!(browser, "{head}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n")?;
    browser.write_all(body)
}

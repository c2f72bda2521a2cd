//! chromedriver as a child process, and the two of its own commands that the tests use.

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use url::{ParseError, Url};

/// How often chromedriver is asked to find a free port.
const ATTEMPTS: usize = 10;

/// A running chromedriver; dropped, it ends.
pub struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    /// Starts chromedriver on a port of its choice. It wants the same port of IPv4 and IPv6 and ends when
    /// only one of them is free, so it is asked more than once.
    pub fn start() -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt() {
                Ok(driver) => return driver,
                Err(output) => said = output,
            }
        }
        panic!("chromedriver listens on no port: {said}")
    }

    /// The driver, or all that it said before it ended.
    fn attempt() -> Result<Self, String> {
        let mut process = spawn();
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let mut said = String::new();
        for line in output.lines().map_while(Result::ok) {
            if let Some(port) = port(&line) {
                return Ok(Self { process, port });
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = process.kill();
        let ended = process.wait();
        Err(format!("{said}{ended:?}"))
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    /// Asks it to shut down, because a killed chromedriver leaves its browsers running.
    fn drop(&mut self) {
        if shut_down(self.port).is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn spawn() -> Child {
    let program = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
    Command::new(&program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): set CHROMEDRIVER to its path"))
}

fn shut_down(port: u16) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(connection, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    connection.read_to_end(&mut Vec::new()).map(drop)
}

/// From "ChromeDriver was started successfully on port 40123."
fn port(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// A command that only chromedriver knows.
#[derive(Debug)]
pub struct Own {
    path: &'static str,
    body: Value,
}

impl Own {
    /// A command of the Chrome DevTools Protocol.
    pub fn devtools(command: &str, params: &Value) -> Self {
        Self { path: "goog/cdp/execute", body: json!({ "cmd": command, "params": params }) }
    }

    /// What was logged since the last time: "browser" for the console, "performance" for DevTools events.
    pub fn log(kind: &str) -> Self {
        Self { path: "se/log", body: json!({ "type": kind }) }
    }
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

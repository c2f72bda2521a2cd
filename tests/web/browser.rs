//! One Chromium with a fresh profile, showing the page.

use crate::webdriver::{Driver, Own};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::env;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// WebGPU through SwiftShader, and none of the browser's own traffic.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en-US",
    "--window-size=1200,900",
];
pub const WEBGPU: &str = "--enable-unsafe-webgpu";
/// The same adapter on every machine.
pub const SWIFTSHADER: &str = "--use-webgpu-adapter=swiftshader";

/// Long enough for a software renderer on a busy machine to compile the self test.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// One software renderer leaves half of two cores idle; many would make each other slow.
static TURNS: Semaphore = Semaphore::const_new(2);

/// A browser and what it takes to drive it.
pub struct Browser {
    pub client: Client,
    _driver: Driver,
    _turn: SemaphorePermit<'static>,
}

impl Browser {
    /// A browser as most people have it, WebGPU included.
    pub async fn start() -> Self {
        Self::with_flags(&[WEBGPU, SWIFTSHADER]).await
    }

    /// A browser with further command line flags.
    pub async fn with_flags(flags: &[&str]) -> Self {
        let turn = TURNS.acquire().await.expect("nobody closes it");
        let driver = Driver::start();
        let flags: Vec<_> = FLAGS.iter().chain(flags).collect();
        let capabilities = json!({
            // Half a minute, which is usual, is not enough for what waits on a busy machine.
            "timeouts": { "script": 180_000 },
            "goog:chromeOptions": { "args": flags, "perfLoggingPrefs": { "enableNetwork": true } },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object is written above") };
        let client = connect(&driver.address(), capabilities).await;
        Self { client, _driver: driver, _turn: turn }
    }

    /// Opens the page.
    pub async fn visit(&self) {
        self.client.goto(&address()).await.expect("the page answers");
    }

    /// Opens the page and waits for the check's verdict.
    pub async fn visit_until_checked(&self) {
        self.visit().await;
        self.wait_for(".verdict:not(.running)").await;
    }

    /// Waits until something matches the CSS selector.
    pub async fn wait_for(&self, selector: &str) {
        self.wait_at_most(PATIENCE, selector).await;
    }

    /// The same, for what takes its time.
    pub async fn wait_at_most(&self, patience: Duration, selector: &str) {
        let found = self.client.wait().at_most(patience).for_element(Locator::Css(selector)).await;
        if found.is_err() {
            let page = self.text("body").await;
            panic!("{selector} did not come; the page says:\n{page}");
        }
    }

    /// The visible text of the first match.
    pub async fn text(&self, selector: &str) -> String {
        let element = self.client.find(Locator::Css(selector)).await;
        element.unwrap_or_else(|error| panic!("{selector}: {error}")).text().await.expect("it has text")
    }

    /// The visible text of all matches.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(selector)).await.expect("a valid selector") {
            texts.push(element.text().await.expect("it has text"));
        }
        texts
    }

    /// Clicks the first match.
    pub async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        element
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .click()
            .await
            .expect("it can be clicked");
    }

    /// Runs JavaScript in the page and returns what it returns.
    pub async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Runs a command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.client.issue_cmd(Own::devtools(command, &params)).await.expect("DevTools answers")
    }

    /// Warnings and errors in the console since the last time; Chromium's own remark on a missing adapter aside.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        let grave = entries.iter().filter(|entry| entry["level"] == "WARNING" || entry["level"] == "SEVERE");
        let messages = grave.filter_map(|entry| entry["message"].as_str().map(str::to_owned));
        messages.filter(|message| !message.ends_with("No available adapters.")).collect()
    }

    /// DevTools events since the last time.
    pub async fn events(&self) -> Vec<Value> {
        let entries = self.log("performance").await;
        let parse = |entry: &Value| serde_json::from_str::<Value>(entry["message"].as_str()?).ok();
        entries.iter().filter_map(parse).map(|mut event| event["message"].take()).collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.client.issue_cmd(Own::log(kind)).await.expect("chromedriver keeps this log");
        entries.as_array().cloned().unwrap_or_default()
    }

    /// Ends the browser in good order.
    pub async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }
}

async fn connect(address: &str, capabilities: Map<String, Value>) -> Client {
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities);
    builder.connect(address).await.expect("Chromium starts")
}

/// The page's address.
pub fn address() -> String {
    env::var("SMOLDER_URL").expect("SMOLDER_URL says where the page is; `cargo xtask test` sets it")
}

/// Where screenshots go.
pub fn screenshots() -> PathBuf {
    let folder = env::var_os("SMOLDER_SCREENSHOTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).expect("the folder for screenshots can be made");
    folder
}

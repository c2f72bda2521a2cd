//! A worker as the page starts it, spoken to by a test instead of a screen.

use crate::browser::Browser;
use crate::server::{Mishap, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Lets a test ask how much memory the worker's program has, and take its GPU away.
const WATCHED: &str = r"
    const { instantiateStreaming, instantiate } = WebAssembly;
    let memory, device;
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...wanted) {
        return device = await request.apply(this, wanted);
    };
    const watched = (real) => async (...wanted) => {
        const made = await real.apply(WebAssembly, wanted);
        memory = (made.instance ?? made).exports.memory;
        return made;
    };
    WebAssembly.instantiateStreaming = watched(instantiateStreaming);
    WebAssembly.instantiate = watched(instantiate);
    addEventListener('message', ({ data }) => {
        if (data === 'memory') postMessage(JSON.stringify({ memory: memory.buffer.byteLength }));
        if (data === 'lose') device.destroy();
    });
";

const START: &str = r"
    const script = new URL('worker.js', document.baseURI);
    const module = new Blob([`import ${JSON.stringify(script)};`], { type: 'text/javascript' });
    const worker = new Worker(URL.createObjectURL(module), { type: 'module' });
    window.told = [];
    worker.onmessage = ({ data }) => told.push(typeof data === 'string' ? JSON.parse(data) : data);
    window.tell = (command, file) => worker.postMessage(file ? { command, file } : command);";

/// A worker, and the server that it came from.
pub struct Trainer<'a> {
    browser: &'a Browser,
    pub server: Server,
}

impl<'a> Trainer<'a> {
    /// Starts it, and waits until it listens.
    pub async fn start(browser: &'a Browser) -> Self {
        let server = Server::start();
        server.spoil("/worker.js", Mishap::Prelude(WATCHED));
        browser.client.goto(&server.address).await.expect("the page answers");
        browser.wait_for(".verdict:not(.running)").await;
        browser.script(START).await;
        let trainer = Self { browser, server };
        trainer.hear("Ready").await;
        trainer
    }

    /// Sends a command.
    pub async fn tell(&self, command: Value) {
        let arguments = vec![Value::String(command.to_string())];
        self.browser.client.execute("tell(arguments[0])", arguments).await.expect("the script runs");
    }

    /// Sends a command with a file of these bytes, made by JavaScript.
    pub async fn tell_with(&self, command: Value, file: &str) {
        let script = format!("tell(arguments[0], {file})");
        let arguments = vec![Value::String(command.to_string())];
        self.browser.client.execute(&script, arguments).await.expect("the script runs");
    }

    /// The next event of this kind, as in `Model.Loaded`; those before it are passed over.
    pub async fn hear(&self, kind: &str) -> Value {
        let patience = Instant::now() + Duration::from_secs(500);
        loop {
            let events = self.browser.script("return told").await;
            let events = events.as_array().expect("a list of events");
            let found =
                |event: &Value| kind.split('.').try_fold(event.clone(), |at, key| at.get(key).cloned());
            if let Some((at, value)) = events.iter().enumerate().find_map(|(at, e)| Some((at, found(e)?))) {
                self.browser.script(&format!("told.splice(0, {})", at + 1)).await;
                return value;
            }
            assert!(Instant::now() < patience, "no {kind} in {events:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Bytes of the worker's memory, which never shrinks.
    pub async fn memory_bytes(&self) -> u64 {
        self.browser.script("tell('memory')").await;
        self.hear("memory").await.as_u64().expect("a size")
    }

    /// Takes a model in from the server.
    pub async fn import(&self, name: &str) -> Value {
        let address = format!("{}/fixture.gguf", self.server.address);
        self.tell(import(name, &json!({ "Url": address }))).await;
        self.hear("Storage.Imported").await
    }
}

/// The command for a model's file.
pub fn import(name: &str, origin: &Value) -> Value {
    let wanted = json!({
        "id": 1, "shelf": "Models", "name": name, "origin": origin, "sha256": null, "bytes": null,
    });
    json!({ "Storage": { "Import": wanted } })
}

/// The command that loads a model.
pub fn load(name: &str, device: &str) -> Value {
    json!({ "Model": { "Load": { "model": name, "device": device } } })
}

/// The command that lets it go on from a prompt, greedily.
pub fn generate(id: u64, prompt: &Value, max_tokens: u64) -> Value {
    let asked = json!({
        "id": id, "prompt": prompt, "adapter": null, "sampling": {}, "max_tokens": max_tokens, "stops": [],
    });
    json!({ "Model": { "Generate": asked } })
}

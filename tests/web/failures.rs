//! What goes wrong, and the sentence that a person reads then.

use crate::browser::{Browser, PATIENCE};
use crate::dropped::{expect_card, fill_quota, free_quota};
use crate::flow::{open, steps_of_table, take_model, take_tiny_model, tiny_model};
use crate::runs::set_next;
use crate::server::{Mishap, Server};
use serde_json::json;

#[tokio::test]
async fn a_trainer_that_does_not_load_until_the_server_is_well() {
    let (browser, server) = (Browser::start().await, Server::start());
    for file in ["/worker.js", "/load.js?", "/smolder-worker.js", "/smolder-worker_bg.wasm"] {
        server.spoil(file, Mishap::Missing);
        expect_stop(&browser, &server, "The trainer could not be loaded").await;
        server.mend();
        browser.click(".card button").await;
        browser.wait_for(".verdict.slow").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_trainer_that_crashes() {
    let (browser, server) = (Browser::start().await, Server::start());
    let crash = "export default async () => { setTimeout(() => { throw new Error('out of bounds') }) }";
    server.spoil("/smolder-worker.js", Mishap::Script(crash));
    expect_stop(&browser, &server, "The trainer crashed").await;
    assert!(browser.text(".card .quote").await.contains("out of bounds"));
    browser.close().await;
}

#[tokio::test]
async fn a_trainer_of_another_build() {
    let (browser, server) = (Browser::start().await, Server::start());
    let other = r#"postMessage('{"Ready":{"build":"9.9.9-other"}}')"#;
    server.spoil("/worker.js", Mishap::Script(other));
    expect_stop(&browser, &server, "A newer Smolder has been published").await;
    server.mend();
    browser.click(".card button").await;
    browser.wait_for(".verdict.slow").await;
    browser.close().await;
}

#[tokio::test]
async fn a_trainer_that_says_nothing() {
    let (browser, server) = (Browser::start().await, Server::start());
    server.spoil("/worker.js", Mishap::Script("export {}"));
    expect_stop(&browser, &server, "The trainer does not answer").await;
    assert!(browser.text(".card").await.contains("“Start the trainer”"));
    browser.close().await;
}

#[tokio::test]
async fn a_page_program_that_does_not_load() {
    let (browser, server) = (Browser::start().await, Server::start());
    for part in ["_bg.wasm", "/smolder-app"] {
        server.spoil(part, Mishap::Missing);
        browser.client.goto(&server.address).await.expect("the page answers");
        browser.wait_for(".boot.failed button").await;
        let words = browser.text(".boot.failed").await;
        assert!(words.starts_with("The page’s program could not be loaded."), "{part}: {words}");
        server.mend();
        browser.click(".boot.failed button").await;
        browser.wait_for(".check").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_page_program_that_panics() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let panic =
        "dispatchEvent(new ErrorEvent('error', { error: new WebAssembly.RuntimeError('unreachable') }))";
    browser.script(panic).await;
    browser.wait_for(".boot.failed button").await;
    let words = browser.text(".boot.failed").await;
    assert!(words.contains("stopped on an error of its own") && words.contains("unreachable"), "{words}");
    browser.close().await;
}

#[tokio::test]
async fn a_browser_without_webassembly() {
    let browser = Browser::start().await;
    let source = "delete globalThis.WebAssembly";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    browser.visit().await;
    browser.wait_for(".boot.failed button").await;
    assert!(browser.text(".boot.failed").await.contains("WebAssembly"));
    browser.close().await;
}

#[tokio::test]
async fn a_browser_without_workers() {
    let (browser, server) = (Browser::start().await, Server::start());
    let source = "delete globalThis.Worker";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    expect_stop(&browser, &server, "This browser has no workers, in which Smolder trains").await;
    browser.close().await;
}

#[tokio::test]
async fn a_browser_without_javascript() {
    let browser = Browser::start().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.visit().await;
    let words = browser.texts(".boot.failed").await;
    assert!(words[0].contains("needs JavaScript") && words[1].contains("JavaScript"), "{words:?}");
    browser.close().await;
}

#[tokio::test]
async fn forbidden_storage_costs_only_the_memory_of_choices() {
    let browser = Browser::start().await;
    let source = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    browser.visit_until_checked().await;
    browser.click("#language input[value=zh-Hans]").await;
    assert!(browser.text("h1").await.contains("很慢"));
    browser.close().await;
}

/// The first time the run goes on by itself, the second time the person says so.
#[tokio::test]
async fn a_gpu_that_is_lost_while_training() {
    let lose = r#"const request = GPUAdapter.prototype.requestDevice, post = postMessage;
        let device, steps = 0;
        GPUAdapter.prototype.requestDevice = async function (...wanted) {
            return device = await request.apply(this, wanted);
        };
        self.postMessage = (message) => {
            post(message);
            if (String(message).startsWith('{"Train":{"Stepped"') && [3, 5].includes(++steps)) device.destroy();
        };"#;
    let (browser, server) = (Browser::start().await, Server::start());
    server.spoil("/worker.js", Mishap::Prelude(lose));
    browser.client.goto(&server.address).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    take_model(&browser, &tiny_model()).await;
    set_next(&browser, "next.steps = 4; next.epochs = null; next.samples = []; next.device = 'gpu'").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_at_most(4 * PATIENCE, ".verdict.bad").await;
    let log = browser.text(".log").await;
    assert_eq!(log.matches("Going on from the last checkpoint").count(), 1, "{log}");
    assert!(browser.text(".card.bad").await.contains("The GPU stopped responding"));
    browser.click("#go-on").await;
    browser.wait_at_most(4 * PATIENCE, ".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 4 steps"));
    assert_eq!(steps_of_table(&browser).await.len(), 4);
    browser.close().await;
}

/// Checkpoints may fail on the way; the run ends without an adapter, and goes on once there is room.
#[tokio::test]
async fn a_disk_that_fills_while_training() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    let next = "next.steps = 40; next.epochs = null; next.samples = []; next.device = 'cpu'";
    set_next(&browser, next).await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".chart.large polyline[points*=' ']").await;
    fill_quota(&browser).await;
    expect_card(&browser, "There is no room for the adapter").await;
    let log = browser.text(".log").await;
    assert!(log.contains("could not be written; the one before remains"), "{log}");
    free_quota(&browser).await;
    browser.click("#go-on").await;
    browser.wait_for(".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 40 steps"));
    assert_eq!(steps_of_table(&browser).await.len(), 40);
    browser.close().await;
}

async fn expect_stop(browser: &Browser, server: &Server, headline: &str) {
    browser.client.goto(&server.address).await.expect("the page answers");
    browser.wait_for(".card button.primary").await;
    assert_eq!(browser.text("h1").await, headline);
}

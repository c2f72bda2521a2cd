//! What goes wrong, and the sentence that a person reads then.

use crate::browser::{Browser, WEBGPU, address};
use serde_json::json;

#[tokio::test]
async fn a_browser_without_webgpu() {
    let browser = Browser::with_flags(&["--disable-blink-features=WebGPU"]).await;
    browser.visit_until_checked().await;
    expect_cpu(&browser, "This browser has no WebGPU").await;
    browser.close().await;
}

#[tokio::test]
async fn webgpu_without_an_adapter() {
    let browser = Browser::with_flags(&[WEBGPU, "--disable-software-rasterizer"]).await;
    browser.visit_until_checked().await;
    expect_cpu(&browser, "The browser offers no GPU").await;
    browser.close().await;
}

#[tokio::test]
async fn an_insecure_address() {
    let browser = Browser::with_flags(&[WEBGPU, "--host-resolver-rules=MAP insecure.test 127.0.0.1"]).await;
    let insecure = address().replace("127.0.0.1", "insecure.test");
    browser.client.goto(&insecure).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    expect_cpu(&browser, "At this address the browser hides the GPU").await;
    browser.close().await;
}

#[tokio::test]
async fn a_trainer_that_does_not_load() {
    for blocked in ["*/worker.js*", "*/smolder-worker.js*", "*/smolder-worker_bg.wasm*"] {
        let browser = Browser::start().await;
        block(&browser, blocked).await;
        browser.visit().await;
        browser.wait_for(".card [class=primary]").await;
        assert_eq!(browser.text("h1").await, "The trainer could not be loaded", "{blocked}");
        browser.devtools("Network.setBlockedURLs", json!({ "urls": [] })).await;
        browser.click(".card button").await;
        browser.wait_for(".verdict.slow").await;
        browser.close().await;
    }
}

#[tokio::test]
async fn a_page_program_that_does_not_load() {
    for blocked in ["*/smolder-app*.wasm", "*/smolder-app*.js"] {
        let browser = Browser::start().await;
        block(&browser, blocked).await;
        browser.visit().await;
        browser.wait_for(".boot.failed button").await;
        let words = browser.text(".boot.failed").await;
        assert!(words.starts_with("The page’s program could not be loaded."), "{blocked}: {words}");
        browser.close().await;
    }
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

async fn expect_cpu(browser: &Browser, problem: &str) {
    assert_eq!(browser.text("h1").await, "No usable GPU: training will use the CPU");
    let cards = browser.texts(".card.bad h3").await;
    assert!(cards.iter().any(|title| title == problem), "{cards:?}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

async fn block(browser: &Browser, pattern: &str) {
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", json!({ "urls": [pattern] })).await;
}

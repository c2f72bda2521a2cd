//! Nothing leaves the machine, and nothing runs that is not ours.

use crate::browser::{Browser, address};
use serde_json::{Value, json};

/// Collects what the policy stops, from before the page's first line.
const WATCH: &str = "window.stopped = []; addEventListener('securitypolicyviolation', (event) => \
    stopped.push(`${event.violatedDirective} ${event.blockedURI}`));";

/// Starts a worker as the page does, from a blob, and has it ask the same server under another name, which without
/// the policy would answer.
const ASK_ELSEWHERE: &str = "const done = arguments[arguments.length - 1]; \
    const elsewhere = new URL(location.href); elsewhere.hostname = 'localhost'; \
    const code = `fetch('${elsewhere}', { mode: 'no-cors' }) \
        .then(() => postMessage('answered'), () => postMessage('stopped'))`; \
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' }); \
    worker.onmessage = (event) => done(event.data);";

#[tokio::test]
async fn every_request_goes_to_the_pages_own_server() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let requests: Vec<_> = browser.events().await.iter().filter_map(requested).collect();
    assert!(requests.iter().any(|url| url.contains(".wasm")), "the log holds requests: {requests:?}");
    let origin = address();
    let foreign =
        |url: &&String| !url.starts_with(&origin) && !url.starts_with("blob:") && !url.starts_with("data:");
    assert_eq!(requests.iter().find(foreign), None);
    browser.close().await;
}

#[tokio::test]
async fn the_page_keeps_to_its_own_policy() {
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
    browser.visit_until_checked().await;
    assert_eq!(browser.script("return stopped").await, json!([]));
    browser.close().await;
}

#[tokio::test]
async fn an_inline_script_does_not_run() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let inject = "const script = document.createElement('script'); script.textContent = 'window.ran = true'; \
        document.body.append(script); return window.ran ?? false";
    assert_eq!(browser.script(inject).await, json!(false));
    browser.close().await;
}

#[tokio::test]
async fn the_policy_binds_the_worker_too() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let targets = browser.devtools("Target.getTargets", json!({ "filter": [{ "type": "worker" }] })).await;
    let ours = targets["targetInfos"].as_array().cloned().unwrap_or_default();
    assert!(ours.iter().any(|worker| is_blob(&worker["url"])), "no worker from a blob in {targets}");
    let answer = browser.client.execute_async(ASK_ELSEWHERE, Vec::new()).await.expect("the worker answers");
    assert_eq!(answer, json!("stopped"));
    browser.close().await;
}

/// The address that a request of the browser's log was for.
pub fn requested(event: &Value) -> Option<String> {
    let asks = event["method"] == "Network.requestWillBeSent";
    asks.then(|| event["params"]["request"]["url"].as_str().map(str::to_owned)).flatten()
}

fn is_blob(url: &Value) -> bool {
    url.as_str().is_some_and(|url| url.starts_with("blob:"))
}

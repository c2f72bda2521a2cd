//! A second visit needs no network, and the page may be installed.

use crate::browser::Browser;
use crate::flow::open;
use crate::server::{Mishap, Server};
use serde_json::{Value, json};

#[tokio::test]
async fn the_second_visit_needs_no_server_and_no_model_is_kept_twice() {
    let (browser, server) = (Browser::start().await, Server::start());
    browser.client.goto(&server.address).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    let kept = kept(&browser).await;
    assert!(!kept.iter().any(|address| address.contains(".gguf")), "{kept:?}");
    server.spoil("/", Mishap::Gone);
    browser.client.refresh().await.expect("the page answers");
    browser.wait_for(".way a[aria-current=step]").await;
    open(&browser, "#check").await;
    browser.wait_for(".verdict:not(.running)").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_may_be_installed() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let missing = browser.devtools("Page.getInstallabilityErrors", json!({})).await;
    assert_eq!(missing["installabilityErrors"], json!([]));
    browser.close().await;
}

/// What the shelf holds once both programs, the page and its style lie there.
async fn kept(browser: &Browser) -> Vec<String> {
    let script = "const done = arguments[arguments.length - 1];
        const wanted = [/\\/$/, /smolder-app.*js/, /smolder-app.*wasm/, /smolder-worker_bg/, /load.js/, /css/];
        const look = async () => {
            const shelf = await caches.open('smolder-shell');
            const kept = (await shelf.keys()).map(({ url }) => url);
            if (wanted.every((one) => kept.some((url) => one.test(url)))) done(kept);
            else setTimeout(look, 200);
        };
        look();";
    let kept: Value = browser.client.execute_async(script, Vec::new()).await.expect("all is kept in time");
    serde_json::from_value(kept).expect("addresses")
}

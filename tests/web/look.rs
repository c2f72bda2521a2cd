//! The page in light, dark, on a phone and in Chinese: screenshots to look at, and what can be measured of them.

use crate::browser::{Browser, screenshots};
use crate::flow::open;
use crate::server::{Mishap, Server};
use serde_json::{Value, json};

const PHONE: u32 = 360;
const DESKTOP: u32 = 1200;

#[tokio::test]
async fn fits_every_width_in_every_language_and_theme() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    browser.wait_for("#one-click:enabled").await;
    expect_fit_everywhere(&browser, "check").await;
    browser.close().await;
}

/// Shows what is there in every language, theme and width.
pub async fn expect_fit_everywhere(browser: &Browser, name: &str) {
    for (language, theme, width) in [
        ("en", "light", DESKTOP),
        ("en", "dark", DESKTOP),
        ("en", "light", PHONE),
        ("zh-Hans", "dark", PHONE),
        ("zh-Hans", "light", DESKTOP),
    ] {
        browser.click(&format!("#language input[value={language}]")).await;
        browser.click(&format!("#theme input[value={theme}]")).await;
        resize(browser, width).await;
        assert_eq!(overflow(browser).await, json!([]), "{name}: {language} at {width} px");
        shoot(browser, &format!("{name}-{language}-{theme}-{width}")).await;
    }
    browser.click("#language input[value=en]").await;
    assert_eq!(nameless(browser).await, Vec::<Value>::new(), "{name}: read aloud, these would have no name");
}

/// Everything that can be used and has no name for who hears the page.
async fn nameless(browser: &Browser) -> Vec<Value> {
    const USED: [&str; 11] = [
        "button",
        "link",
        "textbox",
        "combobox",
        "listbox",
        "slider",
        "spinbutton",
        "checkbox",
        "radio",
        "progressbar",
        "img",
    ];
    let mut tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array_mut().map(std::mem::take).expect("a tree");
    assert!(nodes.len() > 20, "the tree is there");
    let is_used = |node: &Value| node["role"]["value"].as_str().is_some_and(|role| USED.contains(&role));
    let named = |node: &Value| node["name"]["value"].as_str().is_some_and(|name| !name.trim().is_empty());
    nodes.into_iter().filter(|node| is_used(node) && node["ignored"] != json!(true) && !named(node)).collect()
}

#[tokio::test]
async fn every_screen_before_training_fits() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    for (screen, content) in [
        ("model", ".choice :checked"),
        ("data", ".token-rows .token"),
        ("settings", ".choice :checked"),
        ("train", "#start:enabled"),
    ] {
        open(&browser, &format!("#{screen}")).await;
        browser.wait_for(content).await;
        browser.script("document.querySelectorAll('details').forEach((fold) => fold.open = true)").await;
        expect_fit_everywhere(&browser, screen).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_phone_without_a_gpu() {
    let browser = Browser::with_flags(&[]).await;
    browser.visit_until_checked().await;
    expect_fit(&browser, "check-no-adapter").await;
    browser.close().await;
}

#[tokio::test]
async fn progress_and_failures_fit_a_phone() {
    let (browser, server) = (Browser::start().await, Server::start());
    let silent = "postMessage({ loaded: 5e6, total: 8e6 })";
    for (part, mishap, selector, name) in [
        ("/worker.js", Mishap::Script(silent), ".amount:not(:empty)", "check-progress"),
        ("/smolder-worker.js", Mishap::Missing, ".card button", "check-not-loaded"),
        ("_bg.wasm", Mishap::Missing, ".boot.failed button", "boot-not-loaded"),
    ] {
        server.spoil(part, mishap);
        browser.client.goto(&server.address).await.expect("the page answers");
        browser.wait_for(selector).await;
        expect_fit(&browser, name).await;
        server.mend();
    }
    browser.close().await;
}

async fn expect_fit(browser: &Browser, name: &str) {
    resize(browser, PHONE).await;
    assert_eq!(overflow(browser).await, json!([]), "{name}");
    shoot(browser, &format!("{name}-{PHONE}")).await;
}

/// Sets the window's width and makes it as high as the page, so that a screenshot shows all of it.
async fn resize(browser: &Browser, width: u32) {
    let metrics =
        |height| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", metrics(600)).await;
    let height = browser.script("return document.documentElement.scrollHeight").await;
    let height = height.as_u64().expect("a height in pixels");
    browser.devtools("Emulation.setDeviceMetricsOverride", metrics(height)).await;
}

/// Elements that reach past the right edge.
async fn overflow(browser: &Browser) -> Value {
    let script = "return [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
        .map((element) => `${element.tagName}.${element.className}`)";
    browser.script(script).await
}

async fn shoot(browser: &Browser, name: &str) {
    let picture = browser.client.screenshot().await.expect("a screenshot");
    std::fs::write(screenshots().join(format!("{name}.png")), picture).expect("the screenshot is written");
}

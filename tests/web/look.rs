//! The page in light, dark, on a phone and in Chinese: screenshots to look at, and what can be measured of them.

use crate::browser::{Browser, screenshots};
use serde_json::json;

const PHONE: u32 = 360;
const DESKTOP: u32 = 1200;

#[tokio::test]
async fn fits_every_width_in_every_language_and_theme() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    for (language, theme, width) in [
        ("en", "light", DESKTOP),
        ("en", "dark", DESKTOP),
        ("en", "light", PHONE),
        ("zh-Hans", "dark", PHONE),
        ("zh-Hans", "light", DESKTOP),
    ] {
        browser.click(&format!("#language input[value={language}]")).await;
        browser.click(&format!("#theme input[value={theme}]")).await;
        resize(&browser, width).await;
        assert_eq!(overflow(&browser).await, json!([]), "{language} at {width} px");
        shoot(&browser, &format!("check-{language}-{theme}-{width}")).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn failures_fit_a_phone() {
    let browser = Browser::with_flags(&[]).await;
    browser.visit_until_checked().await;
    resize(&browser, PHONE).await;
    assert_eq!(overflow(&browser).await, json!([]));
    shoot(&browser, "check-no-adapter-360").await;
    browser.close().await;
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
async fn overflow(browser: &Browser) -> serde_json::Value {
    let script = "return [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
        .map((element) => `${element.tagName}.${element.className}`)";
    browser.script(script).await
}

async fn shoot(browser: &Browser, name: &str) {
    let picture = browser.client.screenshot().await.expect("a screenshot");
    std::fs::write(screenshots().join(format!("{name}.png")), picture).expect("the screenshot is written");
}

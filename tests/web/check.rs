//! An ordinary visit: the Check screen, its switches, its report.

use crate::browser::Browser;
use serde_json::json;

#[tokio::test]
async fn reaches_a_verdict_and_says_that_the_gpu_is_software() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    assert_eq!(browser.text("h1").await, "Works, slowly: software renderer");
    let cards = browser.texts(".card h3").await;
    assert!(cards.iter().any(|title| title.contains("software renderer")), "{cards:?}");
    assert_eq!(fact(&browser, "Result").await, "Passed");
    assert_eq!(fact(&browser, "Kind").await, "Software renderer");
    assert_ne!(fact(&browser, "Free storage").await, "Not told");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn checks_again_on_request() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    browser.click(".again button").await;
    let focused = browser.script("return document.activeElement.tagName").await;
    assert_eq!(focused, json!("H1"), "the keyboard's place is kept");
    browser.wait_for(".verdict.slow").await;
    browser.close().await;
}

#[tokio::test]
async fn language_and_theme_outlive_a_reload() {
    let browser = Browser::start().await;
    browser.visit().await;
    browser.wait_for("#language").await;
    assert_eq!(root(&browser, "lang").await, json!("en"));
    browser.click("#language input[value=zh-Hans]").await;
    browser.click("#theme input[value=dark]").await;
    browser.client.refresh().await.expect("the page answers");
    browser.wait_for("#language").await;
    assert_eq!(root(&browser, "lang").await, json!("zh-Hans"));
    assert_eq!(root(&browser, "data-theme").await, json!("dark"));
    assert!(browser.text(".promise").await.contains("数据不离开本机"));
    browser.close().await;
}

#[tokio::test]
async fn everything_is_reached_by_keyboard() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    browser.wait_for("#one-click:enabled").await;
    let mut stops = Vec::new();
    for _ in 0..14 {
        press_tab(&browser).await;
        let stop = "const e = document.activeElement; return e.name || e.className || e.tagName";
        stops.push(browser.script(stop).await.as_str().unwrap_or_default().to_owned());
    }
    let way = ["A", "A", "A", "A", "A", "beside"];
    let screen = ["link", "primary", "button", "SUMMARY", "BODY"];
    assert_eq!(stops, [["skip", "language", "theme"].as_slice(), &way, &screen].concat());
    browser.close().await;
}

#[tokio::test]
async fn the_report_repeats_what_is_shown() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    browser.click(".report summary").await;
    let report = browser.text(".report pre").await;
    for part in ["Smolder ", "Chrome/", "Works, slowly", "Largest buffer", "Passed"] {
        assert!(report.contains(part), "no {part} in:\n{report}");
    }
    browser.close().await;
}

async fn root(browser: &Browser, attribute: &str) -> serde_json::Value {
    browser.script(&format!("return document.documentElement.getAttribute('{attribute}')")).await
}

async fn press_tab(browser: &Browser) {
    for kind in ["keyDown", "keyUp"] {
        let key = json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
        browser.devtools("Input.dispatchKeyEvent", key).await;
    }
}

#[tokio::test]
async fn each_model_has_a_verdict() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    let rows = browser.texts(".facts .models dl > div").await;
    assert!(rows.first().is_some_and(|row| row.starts_with("SmolLM2-135M-Instruct · ")), "{rows:?}");
    let verdict = |row: &String| ["Fits", "Tight", "Too large"].iter().any(|one| row.trim().ends_with(one));
    assert!(rows.len() > 3 && rows.iter().all(verdict), "{rows:?}");
    browser.close().await;
}

/// The value that stands beside `label`.
async fn fact(browser: &Browser, label: &str) -> String {
    let rows = browser.texts(".facts dl > div").await;
    let row = rows.iter().find_map(|row| row.strip_prefix(label));
    row.unwrap_or_else(|| panic!("no {label} in {rows:?}")).trim().to_owned()
}

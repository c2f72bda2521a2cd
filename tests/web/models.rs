//! The Model and Try screens as a person uses them.

use crate::browser::{Browser, address};
use crate::look::expect_fit_everywhere;
use fantoccini::Locator;
use serde_json::json;
use std::path::PathBuf;

/// The fixture on the disk, to be chosen.
fn tiny() -> PathBuf {
    let fixture = "../fixtures/models/llama-k/k.gguf";
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(fixture).canonicalize().expect("the fixture is there")
}

/// A file that is no model.
fn page() -> PathBuf {
    let path = std::env::temp_dir().join(format!("smolder-page-{}.gguf", std::process::id()));
    std::fs::write(&path, "<!doctype html><p>Sign in").expect("a file can be written");
    path
}

async fn open(browser: &Browser, screen: &str) {
    browser.visit_until_checked().await;
    let address = format!("{}/#{screen}", address().trim_end_matches('/'));
    browser.client.goto(&address).await.expect("the page answers");
    browser.wait_for(&format!("nav a[href='#{screen}'][aria-current]")).await;
}

async fn choose(browser: &Browser, file: &std::path::Path) {
    let input = browser.client.find(Locator::Css("input[type=file]")).await.expect("a file can be chosen");
    input.send_keys(&file.display().to_string()).await.expect("the file is taken");
}

async fn wait_for_text(browser: &Browser, selector: &str, text: &str) {
    let found = format!(
        "return [...document.querySelectorAll({})].some((one) => one.textContent.includes({}))",
        json!(selector),
        json!(text)
    );
    for _ in 0..600 {
        if browser.script(&found).await == json!(true) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no {text} in {selector}; the page says:\n{}", browser.text("body").await);
}

#[tokio::test]
async fn a_file_is_added_loaded_and_answers() {
    let browser = Browser::start().await;
    open(&browser, "try").await;
    browser.click("a.button[href='#model']").await;
    wait_for_text(&browser, ".part", "No models yet").await;
    choose(&browser, &tiny()).await;
    browser.wait_for(".files li").await;
    assert_eq!(browser.text(".file").await, "k.gguf");
    browser.click("#device input[value=cpu]").await;
    browser.click(".files button.primary").await;
    browser.wait_for(".card.good").await;
    assert_eq!(browser.text(".card.good h2").await, "k.gguf is ready");
    expect_fit_everywhere(&browser, "model").await;
    browser.click("a.button[href='#try']").await;
    let message = browser.client.find(Locator::Css("#message")).await.expect("something can be asked");
    message.send_keys("Hello <b>you</b>\u{e007}").await.expect("it is asked");
    wait_for_text(&browser, ".state", "the first after").await;
    let turns = browser.texts(".said").await;
    assert_eq!((turns.len(), turns[0].as_str()), (2, "Hello <b>you</b>"));
    assert!(!turns[1].is_empty(), "{turns:?}");
    expect_fit_everywhere(&browser, "try").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_model_is_refused_with_a_sentence() {
    let browser = Browser::start().await;
    open(&browser, "model").await;
    choose(&browser, &page()).await;
    browser.wait_for(".card.bad").await;
    assert_eq!(browser.text(".card.bad h3").await, "This file cannot be used");
    assert!(browser.text(".card.bad .quote").await.contains("expected a GGUF model"));
    choose(&browser, &tiny()).await;
    browser.wait_for(".files li").await;
    browser.click(".files button:not(.primary)").await;
    wait_for_text(&browser, ".part", "No models yet").await;
    browser.close().await;
}

//! From a model to examples: choosing, importing, and the exact tokens.

use crate::browser::Browser;
use fantoccini::Locator;
use serde_json::json;
use std::path::PathBuf;

/// A model of 131 kB with random weights.
fn tiny_model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/models/llama/f32.gguf")
}

#[tokio::test]
async fn the_way_leads_from_screen_to_screen_and_keeps_the_keyboards_place() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    for (address, headline) in [
        ("#model", "Choose a model"),
        ("#data", "Give it examples"),
        ("#settings", "Choose how thoroughly to train"),
        ("#train", "Ready to train"),
    ] {
        browser.click(&format!(".way a[href='{address}']")).await;
        browser.wait_for(&format!(".way a[href='{address}'][aria-current=step]")).await;
        assert_eq!(browser.text("h1").await, headline);
        let focused = "return document.activeElement.tagName + ' ' + document.title";
        let focused = browser.script(focused).await.as_str().unwrap_or_default().to_owned();
        assert!(focused.starts_with("H1") && focused.ends_with("· Smolder"), "{address}: {focused}");
    }
    assert_eq!(browser.texts(".way .closed").await.len(), 2, "there is nothing to try or to share yet");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn typed_examples_are_shown_as_tokens_and_never_as_markup() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#data").await;
    browser.click(".tabs label:nth-of-type(2) input").await;
    fill(&browser, ".typed li:nth-child(1) label:nth-of-type(1) textarea", "Say <script>alert(1)</script>")
        .await;
    fill(&browser, ".typed li:nth-child(1) label:nth-of-type(2) textarea", "the little king").await;
    browser.click(".typed button.primary").await;
    browser.wait_for(".token-rows .token.learned").await;
    let text =
        "return [...document.querySelectorAll('.token-rows .token')].map((e) => e.textContent).join('')";
    let text = browser.script(text).await.as_str().unwrap_or_default().to_owned();
    assert!(text.contains("<script>alert(1)</script>"), "{text}");
    let learned =
        "return [...document.querySelectorAll('.token-rows .learned')].map((e) => e.textContent).join('')";
    let learned = browser.script(learned).await.as_str().unwrap_or_default().to_owned();
    assert!(learned.starts_with("the little king"), "{learned}");
    assert_eq!(browser.script("return document.querySelectorAll('main script').length").await, json!(0));
    assert!(browser.text(".audit").await.contains("Rows learned from\n1"));
    browser.close().await;
}

#[tokio::test]
async fn unknown_columns_are_asked_about() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#data").await;
    browser.click(".tabs label:nth-of-type(3) input").await;
    fill(&browser, ".pasted textarea", "question,reply\nwho is king,the wolf\nwho is wolf,the king\n").await;
    browser.click(".pasted button.primary").await;
    browser.wait_for(".preview select").await;
    browser.click(".preview button.primary").await;
    browser.wait_for(".token-rows .token.learned").await;
    assert!(browser.text(".preview .legend").await.contains("prompt and completion"));
    browser.close().await;
}

#[tokio::test]
async fn what_is_no_model_is_refused_in_a_sentence() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    open(&browser, "#model").await;
    choose_file(&browser, "#model-file", &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).await;
    browser.wait_for(".wrong:not(:empty)").await;
    assert!(browser.text(".wrong:not(:empty)").await.contains("Cargo.toml is no GGUF file"));
    browser.close().await;
}

/// Takes the tiny model in as a person's own file; it is chosen then.
async fn take_tiny_model(browser: &Browser) {
    browser.visit_until_checked().await;
    open(browser, "#model").await;
    choose_file(browser, "#model-file", &tiny_model()).await;
    browser.wait_for(".choice:has(:checked) input[value='f32.gguf']").await;
}

async fn open(browser: &Browser, address: &str) {
    browser.click(&format!(".way a[href='{address}']")).await;
    browser.wait_for(&format!(".way a[href='{address}'][aria-current=step]")).await;
}

async fn choose_file(browser: &Browser, selector: &str, path: &std::path::Path) {
    let field = browser.client.find(Locator::Css(selector)).await.expect("the field is there");
    field.send_keys(&path.display().to_string()).await.expect("the file is taken");
}

async fn fill(browser: &Browser, selector: &str, text: &str) {
    let field = browser.client.find(Locator::Css(selector)).await.expect("the field is there");
    field.send_keys(text).await.expect("it takes text");
}

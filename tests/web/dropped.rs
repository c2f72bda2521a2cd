//! Files that a person drops: taken where they fit, and refused in a sentence where they do not.

use crate::browser::{Browser, PATIENCE};
use crate::flow::{choose_file, open, tiny_model};
use crate::look::expect_fit_everywhere;
use fantoccini::Locator;
use serde_json::json;
use std::path::PathBuf;

#[tokio::test]
async fn what_is_dropped_is_taken_or_refused_in_a_sentence() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    open(&browser, "#model").await;
    choose_file(&browser, "#model-file", &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).await;
    browser.wait_for(".wrong:not(:empty)").await;
    assert!(browser.text(".wrong:not(:empty)").await.contains("Cargo.toml is no GGUF file"));
    drop(&browser, "new File(['<!doctype html><p>Sign in'], 'page.gguf')").await;
    expect_card(&browser, "page.gguf: expected a GGUF model").await;
    expect_chosen(&browser, "tales.gguf").await;
    fill_quota(&browser).await;
    drop(&browser, "new File(['GGUF', new Uint8Array(5e6)], 'large.gguf')").await;
    expect_card(&browser, "There is not enough room").await;
    expect_chosen(&browser, "tales.gguf").await;
    free_quota(&browser).await;

    pick_up(&browser).await;
    drop(&browser, "new File([picked.slice(0, 9000)], 'cut.gguf')").await;
    expect_chosen(&browser, "cut.gguf").await;
    open(&browser, "#data").await;
    expect_card(&browser, "The model cannot be read").await;
    open(&browser, "#model").await;
    pick_up(&browser).await;
    drop(&browser, "picked").await;
    expect_chosen(&browser, "f32.gguf").await;

    open(&browser, "#data").await;
    browser.wait_for(".token-rows .token.learned").await;
    browser.click(".tabs label:nth-of-type(4) input").await;
    drop(&browser, "new File([], 'nothing.jsonl')").await;
    expect_card(&browser, "nothing.jsonl").await;
    browser.wait_for("main:not(:has(.onward .primary))").await;
    expect_fit_everywhere(&browser, "data-empty").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    expect_card(&browser, "nothing.jsonl").await;
    open(&browser, "#data").await;
    drop(&browser, r#"new File(['[{"prompt": "who?", "completion": "the wolf"}]'], 'mine.json')"#).await;
    browser.wait_for(".token-rows li:only-child .token.learned").await;
    browser.wait_for(".onward .primary").await;
    browser.close().await;
}

/// Drops a file, made by JavaScript, onto the screen's place for it.
async fn drop(browser: &Browser, file: &str) {
    let script = format!(
        "const dataTransfer = new DataTransfer(); dataTransfer.items.add({file});
        const zone = document.querySelector('.drop');
        for (const type of ['dragover', 'drop']) {{
            zone.dispatchEvent(new DragEvent(type, {{ dataTransfer, bubbles: true, cancelable: true }}));
        }}"
    );
    browser.script(&script).await;
}

/// Makes the model of the disk `picked`, as a hand would that drags it.
async fn pick_up(browser: &Browser) {
    let field = "const field = Object.assign(document.createElement('input'), { type: 'file', id: 'hand' });
        document.body.prepend(field)";
    browser.script(field).await;
    choose_file(browser, "#hand", &tiny_model()).await;
    browser.script("window.picked = document.querySelector('#hand').files[0]; hand.remove()").await;
}

/// Leaves room for nothing more.
pub async fn fill_quota(browser: &Browser) {
    let quota = json!({ "origin": origin(browser).await, "quotaSize": 1_000_000 });
    browser.devtools("Storage.overrideQuotaForOrigin", quota).await;
}

/// There is as much room as before.
pub async fn free_quota(browser: &Browser) {
    browser.devtools("Storage.overrideQuotaForOrigin", json!({ "origin": origin(browser).await })).await;
}

async fn origin(browser: &Browser) -> serde_json::Value {
    browser.script("return location.origin").await
}

pub async fn expect_card(browser: &Browser, words: &str) {
    let card = format!("//*[contains(@class, 'card bad') and contains(., '{words}')]");
    let found = browser.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&card)).await;
    if found.is_err() {
        let page = browser.text("body").await;
        panic!("no card says {words:?}; the page says:\n{page}");
    }
}

async fn expect_chosen(browser: &Browser, model: &str) {
    browser.wait_for(&format!(".choice:has(:checked) input[value='{model}']")).await;
}

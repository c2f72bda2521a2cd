//! An adapter leaves one browser and comes into another, and no model but its own takes it.

use crate::browser::Browser;
use crate::flow::{choose_file, open, take_model, take_tiny_model};
use crate::look::expect_fit_everywhere;
use crate::runs::set_next;
use fantoccini::Locator;
use std::path::{Path, PathBuf};

#[tokio::test]
async fn an_adapter_goes_to_another_browser_and_says_the_same() {
    let folder = std::env::temp_dir().join(format!("smolder-adapters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    set_next(&browser, "next.steps = 20; next.epochs = null; next.samples = []; next.lr = 0.02").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.good").await;
    let [base, tuned] = answers(&browser).await;
    assert_ne!(base, tuned);
    strengthen(&browser, 0).await;
    let [still_base, nothing] = answers(&browser).await;
    assert_eq!((&still_base, &nothing), (&base, &base), "an adapter of no strength");
    let mut files = Vec::new();
    open(&browser, "#share").await;
    for format in ["peft", "safetensors", "gguf"] {
        files.push(saved(&browser, format, &folder).await);
    }
    browser.close().await;

    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    for file in &files {
        bring(&browser, file).await;
        browser.wait_for(".stored li a[href='#try']").await;
        browser.click(".stored li a[href='#try']").await;
        assert_eq!(answers(&browser).await, [base.clone(), tuned.clone()], "{}", file.display());
        open_runs(&browser).await;
        browser.click(".stored .link").await;
        browser.click(".stored .sure .link").await;
        browser.wait_for("main:not(:has(.stored li))").await;
    }
    expect_refused(&browser, &files[0]).await;
    browser.close().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// A model with other weights takes no adapter; the reason names both.
async fn expect_refused(browser: &Browser, adapter: &Path) {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    take_model(browser, &fixtures.join("models/llama-k/k.gguf")).await;
    bring(browser, adapter).await;
    browser.wait_for(".card.bad").await;
    let reason = browser.text(".card.bad").await;
    assert!(reason.contains("It names f32.gguf, and k.gguf is not that file."), "{reason}");
    expect_fit_everywhere(browser, "runs-refused").await;
    bring(browser, &fixtures.join("models/manifest.json")).await;
    browser.wait_for(".wrong:not(:empty)").await;
    assert!(browser.text(".wrong:not(:empty)").await.contains("no adapter in manifest.json"));
    assert_eq!(browser.texts(".stored li").await, Vec::<String>::new());
}

async fn open_runs(browser: &Browser) {
    browser.click(".way .beside").await;
    browser.wait_for(".way .beside[aria-current=page]").await;
}

async fn bring(browser: &Browser, file: &Path) {
    open_runs(browser).await;
    choose_file(browser, "#adapter-file", file).await;
}

/// What base and tuned model say.
async fn answers(browser: &Browser) -> [String; 2] {
    open(browser, "#try").await;
    let prompt = browser.client.find(Locator::Css("#prompt")).await.expect("the field is there");
    prompt.clear().await.expect("it can be emptied");
    prompt.send_keys("the little king").await.expect("it takes text");
    browser.click(".ask button[type=submit]").await;
    browser.wait_for(".compare:not(:has([aria-busy=true])) .tuned .answer:not(:empty)").await;
    let answers = browser.texts(".reply .answer").await;
    answers.try_into().expect("two answers")
}

async fn strengthen(browser: &Browser, percent: u32) {
    let script = format!(
        "const slider = document.querySelector('#strength'); slider.value = {percent};
        slider.dispatchEvent(new Event('input', {{ bubbles: true }}))"
    );
    browser.script(&script).await;
}

/// A file that the page hands to the browser's downloads.
async fn saved(browser: &Browser, format: &str, folder: &Path) -> PathBuf {
    let watch = "const done = arguments[arguments.length - 1]; const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => { window.given = blob; return create(blob); };
        HTMLElement.prototype.click = function () {
            const reader = new FileReader();
            reader.onload = () => done([this.download, reader.result.split(',')[1]]);
            reader.readAsDataURL(given);
        };
        document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', { bubbles: true }));";
    let button = serde_json::Value::from(format!("button[name={format}]"));
    let given = browser.client.execute_async(watch, vec![button]).await.expect("the page hands out a file");
    let (name, base64): (String, String) = serde_json::from_value(given).expect("a name and bytes");
    let path = folder.join(name);
    std::fs::write(&path, decoded(&base64)).expect("the file is written");
    path
}

/// Base64 of RFC 4648.
fn decoded(base64: &str) -> Vec<u8> {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64.bytes().filter_map(|sign| SIGNS.iter().position(|known| *known == sign));
    let digits: Vec<u32> = digits.map(|digit| digit as u32).collect();
    let group = |group: &[u32]| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | group.get(at).copied().unwrap_or_default());
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

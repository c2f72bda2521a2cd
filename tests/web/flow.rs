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
    browser.wait_for(".token-rows li:only-child .token.learned").await;
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
    // chromedriver takes no `..`.
    let path = path.canonicalize().expect("the file is there");
    field.send_keys(&path.display().to_string()).await.expect("the file is taken");
}

async fn fill(browser: &Browser, selector: &str, text: &str) {
    let field = browser.client.find(Locator::Css(selector)).await.expect("the field is there");
    field.send_keys(text).await.expect("it takes text");
}

#[tokio::test]
async fn trains_compares_shares_and_goes_on_after_a_reload() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#settings").await;
    browser.click("input[value=Quick]").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 30 steps"));
    let loss = steps_of_table(&browser).await;
    assert_eq!(loss.len(), 30, "every step stands in the table behind the chart");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&loss[25..]) < mean(&loss[..5]), "{loss:?}");

    open(&browser, "#try").await;
    browser.click(".ask button[type=submit]").await;
    browser.wait_for(".compare:not(:has([aria-busy=true])) .tuned .answer:not(:empty)").await;
    let answers = browser.texts(".reply .answer").await;
    assert!(answers.iter().all(|answer| !answer.is_empty()) && answers[0] != answers[1], "{answers:?}");

    open(&browser, "#share").await;
    let saved = save_both(&browser).await;
    assert!(
        std::path::Path::new(&saved[0].0).extension().is_some_and(|end| end == "zip")
            && saved[0].1 == [0x50, 0x4b, 3, 4],
        "{saved:?}"
    );
    assert!(saved[1].0.ends_with(".safetensors"), "{saved:?}");

    open(&browser, "#train").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.running ~ .tiles, .flow .log li:nth-child(2)").await;
    browser.client.refresh().await.expect("the page answers");
    browser.wait_for("#go-on").await;
    browser.click("#go-on").await;
    browser.wait_for(".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 30 steps"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// The losses in the table behind the large chart.
async fn steps_of_table(browser: &Browser) -> Vec<f64> {
    browser.click(".chart.large summary").await;
    browser.wait_for(".chart.large tbody td").await;
    let script = "return [...document.querySelectorAll('.chart.large tbody tr')]
        .map((row) => Number(row.querySelector('td').textContent))";
    let losses = browser.script(script).await;
    losses.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
}

/// Names and first bytes of what the page hands to the browser's downloads.
async fn save_both(browser: &Browser) -> Vec<(String, Vec<u64>)> {
    let watch = "window.saved = []; const create = URL.createObjectURL; window.blobs = new Map();
        URL.createObjectURL = (blob) => { const url = create(blob); blobs.set(url, blob); return url; };
        HTMLElement.prototype.click = function () {
            const name = this.download;
            blobs.get(this.href).slice(0, 4).arrayBuffer().then((b) => saved.push([name, [...new Uint8Array(b)]]));
        };";
    browser.script(watch).await;
    for (number, format) in ["peft", "safetensors"].into_iter().enumerate() {
        browser.click(&format!("button[name={format}]:enabled")).await;
        browser.wait_for(&format!(".cards li:nth-child({}) .amount:not(:empty)", number + 1)).await;
    }
    let saved = browser.script("return saved").await;
    serde_json::from_value(saved).expect("names and bytes")
}
